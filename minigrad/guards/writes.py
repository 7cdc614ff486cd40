"""Writes to arrays that a recorded operation still needs, such as a step before its backward.

An operation saves arrays for its backward by reference. If a later write changes one of them,
the backward would compute with the new values: a wrong gradient, and no sign of it. Nodes and
writes share one running number. So a write with a higher number than a node came after it, and
matters if the node saved memory of the written array, also through a view such as w.T.

The engine sees all writes of this package, such as an optimizer's step, zero_grad, clipping and
load_state_dict, and it sees `w.data -= ...`. It does not see writes by NumPy alone, such as
`w.data[0] = 5`: raw_writes.py finds those. A note of a write lives as long as the memory, that
is, as long as the array (or the file) that owns it and that all views share.
"""

import itertools
from types import SimpleNamespace
from typing import NamedTuple
from weakref import ref

import numpy as np

from ..errors import GraphError
from .inside import arrays_in

NUMBERS = itertools.count()  # of nodes and of writes, in the order in which they happen
# By the id of the owner of the memory: a weak link to the owner, and for each part of it that
# was written to, the number and the text of the last write.
_writes: dict[int, tuple[ref, dict]] = {}
_newest = [-1]  # the number of the last write
WATCHERS: list = []  # called with each node before its backward: see raw_writes.py


def written(tensor, name: str = "") -> None:
    """Note that the array of `tensor` was changed in place, or is about to be."""
    array_written(tensor.data, _Note("", type(tensor), name or tensor.name, tensor.shape))


def gradient_written(tensor, name: str = "") -> None:
    """The same for its gradient, if it has one."""
    if isinstance(tensor.grad, np.ndarray):
        note = _Note("the gradient of ", type(tensor), name or tensor.name, tensor.shape)
        array_written(tensor.grad, note)


def array_written(array: np.ndarray, text: object) -> None:
    """The same for any array; str(text) names it in a message."""
    owner = array if array.base is None else _owner(array)
    key = id(owner)
    if key not in _writes:
        # The notes die with the owner, because another object can get the same id then.
        _writes[key] = _weak_link(owner, array, lambda _: _writes.pop(key, None)), {}
    _newest[0] = next(NUMBERS)
    _, parts = _writes[key]
    part, view = _part(array)
    parts[part] = _newest[0], text, view


def expect_old_values(node) -> None:
    """Raise a GraphError if an array that `node` saved was written to since."""
    if node.number < _newest[0]:  # rare: usually each step follows the backward of its graph
        for saved in arrays_in(node.saved):
            _expect_unwritten(saved, node)
    for watcher in WATCHERS:
        watcher(node)


def _expect_unwritten(saved, node):
    _, parts = _writes.get(id(_owner(saved)), (None, {}))
    for number, text, view in list(parts.values()):  # a list, because other threads write
        if number > node.number and saved.size and _overlap(saved, view):
            name = node.operation.name
            raise GraphError(
                f"backward: {text} was changed after {name} saved it, and the gradient of "
                f"{name} needs the old values; call backward before the optimizer's step, "
                "load_state_dict or any other write, or run the forward again after it"
            )


def _owner(array):
    """The object that owns the memory of an array: an array, or the file behind it."""
    while isinstance(array, np.ndarray) and array.base is not None:
        array = array.base
    return array.obj if isinstance(array, memoryview) else array


def _weak_link(owner, array, at_end):
    try:
        return ref(owner, at_end)
    except TypeError:  # bytes and bytearray; their note dies with the written array
        return ref(array, at_end)


def _part(array):
    """Where in the memory an array lies: as a key, and for `_overlap`. It does not hold it."""
    if array.base is None:
        return None, None  # all of it
    view = array.__array_interface__
    return (view["data"], array.shape, array.strides), view


def _overlap(saved, view):
    return view is None or np.shares_memory(saved, SimpleNamespace(__array_interface__=view))


class _Note(NamedTuple):
    """A text about a tensor, written only when it is read: there are many notes per step."""

    what: str
    kind: type
    name: str | None
    shape: tuple[int, ...]

    def __str__(self):
        return f"{self.what}{self.kind.__name__} {repr(self.name) if self.name else self.shape}"


def label(tensor) -> str:
    """A tensor in a message: its class, and its name or else its shape."""
    return str(_Note("", type(tensor), tensor.name, tensor.shape))
