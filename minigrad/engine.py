"""The whole of automatic differentiation: remember what was done, then undo it in reverse.

`run` does one operation and, when somebody will want a gradient, remembers it as a Node: what
the forward saved, and which nodes the inputs came from. `backward_steps` walks the nodes from
the last to the first. Nodes are numbered as they are made, and an operation can only use what
exists already, so falling numbers are an order in which every node comes after all its users:
when its turn comes, its gradient is complete. There is no recursion and no sorting pass.

A node points to the nodes before it (for a leaf, to the tensor itself), never to its own
output: no reference cycles, so everything is freed the moment it is no longer used. With its
options, and the inputs that nothing was computed for, a node can also be run again: that is
how `minigrad.look.step_through` shows values that nobody kept.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter

from .errors import GraphError
from .ops import Operation, RowGradient

_numbers = itertools.count()
_recording: ContextVar[bool] = ContextVar("recording", default=True)
_calling: ContextVar[Call | None] = ContextVar("calling", default=None)
_replacement: ContextVar = ContextVar("replacement", default=None)

observers: list = []  # see `observe`


class Node:
    """One recorded operation.

    parents: per input, a Node, a leaf tensor, or None for a constant.
    constants: per input, None, or the array of a constant; () where there is none.
    call: the call of a module that it was a part of, or None.
    """

    __slots__ = (
        "__weakref__",
        "call",
        "constants",
        "number",
        "operation",
        "options",
        "parents",
        "saved",
    )

    def __init__(self, operation, saved, parents, arrays, options):
        self.number = next(_numbers)
        self.operation, self.saved, self.parents = operation, saved, parents
        self.constants = (
            tuple(a if p is None else None for a, p in zip(arrays, parents, strict=True))
            if None in parents
            else ()
        )
        self.options = options or None
        self.call = _calling.get()

    @property
    def walked(self) -> bool:
        """Whether its backward has run, and what it had saved is gone."""
        return self.saved is _Released

    def __repr__(self):
        return f"Node {self.number} {self.operation.name}"


class Call:
    """One call of a module, and the call `within` which it was made, if any."""

    __slots__ = ("module", "within")

    def __init__(self, module, within):
        self.module, self.within = module, within


@contextmanager
def calling(module):
    """What is recorded inside is a part of this call of `module`."""
    token = _calling.set(Call(module, _calling.get()))
    try:
        yield
    finally:
        _calling.reset(token)


class _Released:
    """Stands where a node's saved arrays were until its backward ran."""


def run(operation: Operation, arrays, options, parents):
    """Run one forward: its output, and its Node (None where no gradient will be wanted)."""
    replace = _replacement.get()
    forward = operation.forward if replace is None else replace(operation)
    start = perf_counter() if observers else 0.0
    y, saved = forward(*arrays, **options)
    wanted = _recording.get() and any(parent is not None for parent in parents)
    node = Node(operation, saved, parents, arrays, options) if wanted else None
    if observers:
        seconds = perf_counter() - start
        for observer in observers:
            observer.forward(operation, arrays, options, y, node, seconds)
    return y, node


def backward_steps(root: Node, dy, into: dict | None = None) -> Iterator[tuple]:
    """Walk back from `root`, whose output has the gradient `dy`, one node at a time.

    Yields (node, dy, gradients) after each node's backward: the gradient that arrived, and the
    one that left for each input. Leaves have then received theirs. Nothing happens until the
    generator is advanced; `for _ in backward_steps(...): pass` is the whole backward pass.
    With a dict `into`, leaves are left alone and their gradients gathered there, leaf by leaf:
    two threads can then walk back to the same leaves.

    Raises:
        GraphError: a node was walked before, and what it had saved is gone.
    """
    in_flight = {root: dy}
    waiting = [(-root.number, root)]
    while waiting:
        _, node = heapq.heappop(waiting)
        dy = _dense(in_flight.pop(node))
        gradients = _node_backward(node, dy)
        for parent, gradient in zip(node.parents, gradients, strict=True):
            if parent is None or gradient is None:
                continue
            if isinstance(parent, Node):
                if parent not in in_flight:
                    heapq.heappush(waiting, (-parent.number, parent))
                _add(in_flight, parent, gradient)
            elif into is None:
                parent.accumulate(gradient)
            else:
                _add(into, parent, gradient)
        yield node, dy, gradients
        node.parents = node.constants = ()
        del dy, gradients, parent, gradient


def _node_backward(node, dy):
    if node.walked:
        raise GraphError(
            f"backward: {node} was walked before and what it saved is released; "
            "run the forward again before a second backward"
        )
    start = perf_counter() if observers else 0.0
    gradients = node.operation.backward(dy, node.saved)
    for observer in observers:
        observer.backward(node, dy, gradients, perf_counter() - start)
    node.saved = _Released
    return gradients


def _add(gradients, key, gradient):
    gradients[key] = add_gradients(gradients[key], gradient) if key in gradients else gradient


def add_gradients(a, b):
    """a + b in a new array, not +=, because the two may share memory; rows stay rows."""
    if isinstance(a, RowGradient):
        a, b = b, a
    if not isinstance(b, RowGradient):
        return a + b
    total = a.dense() if isinstance(a, RowGradient) else a.copy()
    b.add_to(total)
    return total


def _dense(gradient):
    return gradient.dense() if isinstance(gradient, RowGradient) else gradient


@contextmanager
def recording(on: bool = True):
    """Record what is computed inside, whatever is the case outside; with on=False nothing."""
    token = _recording.set(on)
    try:
        yield
    finally:
        _recording.reset(token)


def no_grad():
    """Record nothing inside: less memory, and no backward through what is computed here."""
    return recording(False)


@contextmanager
def observe(observer):
    """Tell `observer` of every operation that runs inside.

    It has two methods: forward(operation, arrays, options, y, node, seconds), called after each
    forward, and backward(node, dy, gradients, seconds), called after each backward while
    node.saved is still there.
    """
    observers.append(observer)
    try:
        yield observer
    finally:
        observers.remove(observer)


@contextmanager
def replace_forwards(replace):
    """Inside, run replace(operation) in place of operation.forward: for checkers."""
    token = _replacement.set(replace)
    try:
        yield
    finally:
        _replacement.reset(token)
