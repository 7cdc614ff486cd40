"""detect_writes: find the writes by NumPy alone into arrays that a graph still needs.

A checksum of every saved array is kept from the forward of its operation. It is compared before
and after the backward of that operation, and at the end of the block for the operations whose
backward has not run. Each saved byte is read two or three times, so this is for a search.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from inspect import signature
from weakref import WeakKeyDictionary

import numpy as np

from .engine import RELEASED, Node, observe
from .errors import GraphError
from .guards.inside import arrays_in
from .guards.writes import WATCHERS, label


@contextmanager
def detect_writes() -> Iterator[None]:
    """Raise a GraphError if an array that a graph needs is written to; names the operation.

    It watches the operations that are recorded inside, in every thread, and also finds a
    backward that writes into what its forward saved. Gradients are as before the backward.

    Example:
        >>> from minigrad import Tensor
        >>> x = Tensor([1.0, 2.0], requires_grad=True, name="x")
        >>> with detect_writes():
        ...     y = (x * x).sum()
        ...     x.data[0] = 5.0
        ...     y.backward()
        Traceback (most recent call last):
        minigrad.errors.GraphError: detect_writes: a of multiply (Tensor 'x') was written to \
after the forward, and the backward of multiply needs the old values; write after the \
backward, give the operation a copy, or compute inside no_grad() if no backward follows
    """
    watcher = _Watcher()
    WATCHERS.append(watcher.before_backward)
    try:
        with observe(watcher):
            yield
    finally:
        WATCHERS.remove(watcher.before_backward)
    watcher.at_exit()


class _Watcher:
    """An observer that keeps the checksum and a description of each saved array."""

    def __init__(self):
        self.nodes: WeakKeyDictionary[Node, list[tuple[bytes, str]]] = WeakKeyDictionary()

    def forward(self, operation, arrays, options, y, node, seconds):
        if node is not None:
            named = _named_arrays(operation, arrays, node.parents)
            named += [(f"the output of {operation.name}", y)]
            self.nodes[node] = [
                (_checksum(saved), _description(saved, named, operation))
                for saved in arrays_in(node.saved)
            ]

    def before_backward(self, node):
        if changed := self._changed(node):
            name = node.operation.name
            raise GraphError(
                f"detect_writes: {changed} was written to after the forward, and the backward "
                f"of {name} needs the old values; write after the backward, give the operation "
                "a copy, or compute inside no_grad() if no backward follows"
            )

    def backward(self, node, dy, gradients, seconds):
        if changed := self._changed(node):
            raise GraphError(
                f"detect_writes: the backward of {node.operation.name} writes into {changed}, "
                "which its forward saved; make a new array instead"
            )
        self.nodes.pop(node, None)

    def at_exit(self):
        nodes = [link() for link in self.nodes.keyrefs()]  # at once: other threads record
        for node in sorted(filter(None, nodes), key=lambda node: node.number):
            self.before_backward(node)

    def _changed(self, node):
        """The description of the first array of `node` that has changed, or None."""
        before = self.nodes.get(node, [])
        if not before or node.saved is RELEASED:
            return None
        arrays = list(arrays_in(node.saved))
        if len(arrays) != len(before):
            return f"the collection of arrays that {node.operation.name} saved"
        for array, (checksum, description) in zip(arrays, before, strict=True):
            if _checksum(array) != checksum:
                # Another thread may have walked it meanwhile, and then stepped.
                return None if node.saved is RELEASED else description
        return None


def _checksum(array):
    if array.dtype.hasobject:  # no numbers
        return b""
    numbers = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return blake2b(numbers, digest_size=16).digest()


def _named_arrays(operation, arrays, parents):
    """Each input as a description and the array: "a of multiply (Tensor 'x')"."""
    parameters = signature(operation.forward).parameters.values()
    names = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    described = []
    for i, (array, parent) in enumerate(zip(arrays, parents, strict=True)):
        leaf = "" if parent is None or isinstance(parent, Node) else f" ({label(parent)})"
        name = names[min(i, len(names) - 1)]
        described.append((f"{name} of {operation.name}{leaf}", array))
    return described


def _description(saved, named, operation):
    for text, array in named:
        if np.shares_memory(saved, array):
            return text
    return f"an array {saved.shape} that {operation.name} saved"
