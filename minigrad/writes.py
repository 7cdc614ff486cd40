"""Writes to arrays that a recorded operation still needs, such as a step before its backward.

An operation saves arrays for its backward by reference. If a later write changes one of them,
the backward would compute with the new values: a wrong gradient, and no sign of it. Nodes and
writes share one running number. So a write with a higher number than a node came after it, and
matters if the node saved memory of the written array, also through a view such as w.T.

The engine sees an optimizer's step, load_state_dict, and `w.data -= ...`. It does not see
writes by NumPy alone, such as `w.data[0] = 5`: raw_writes.py finds those.
"""

import itertools
from collections.abc import Iterator
from functools import partial
from types import FunctionType, MethodType
from weakref import ref

import numpy as np

from .errors import GraphError

NUMBERS = itertools.count()  # of nodes and of writes, in the order in which they happen
_writes: dict[int, tuple] = {}  # the last write to each living array, by the id of the array
_newest = -1  # the number of the last write
WATCHERS: list = []  # called with each node before its backward: see raw_writes.py


def written(tensor, name: str = "") -> None:
    """Note that the array of `tensor` was changed in place, or is about to be."""
    global _newest
    array, key = tensor.data, id(tensor.data)
    # The note dies with the array, because another array can get the same id then.
    note = ref(array, lambda _: _writes.pop(key, None))
    _newest = next(NUMBERS)
    _writes[key] = _newest, note, label(tensor, name)


def expect_old_values(node) -> None:
    """Raise a GraphError if an array that `node` saved was written to since."""
    if node.number < _newest:  # rare: usually each step follows the backward of its graph
        _expect_unwritten(node)
    for watcher in WATCHERS:
        watcher(node)


def _expect_unwritten(node):
    notes = _writes.copy().values()  # a copy, because other threads write
    newer = [(note(), text) for number, note, text in notes if number > node.number]
    for saved in arrays_in(node.saved):
        for array, text in newer:
            if array is not None and np.shares_memory(saved, array):
                name = node.operation.name
                raise GraphError(
                    f"backward: {text} was changed after {name} saved it, and the gradient of "
                    f"{name} needs the old values; call backward before the optimizer's step, "
                    "load_state_dict or any other write, or run the forward again after it"
                )


def label(tensor, name: str = "") -> str:
    """A tensor in a message: its class, and its name or else its shape."""
    name = name or tensor.name
    return f"{type(tensor).__name__} {repr(name) if name else tensor.data.shape}"


def arrays_in(value, seen: set[int] | None = None) -> Iterator[np.ndarray]:
    """The arrays in a value, also inside tuples, lists, dicts and the attributes of objects."""
    seen = set() if seen is None else seen
    if isinstance(value, np.ndarray):
        yield value
    elif id(value) not in seen:
        seen.add(id(value))  # an object may hold itself
        for part in _parts(value):
            yield from arrays_in(part, seen)


def _parts(value):
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, (tuple, list, set, frozenset)):
        return value
    if isinstance(value, partial):
        return value.func, value.args, value.keywords
    if isinstance(value, FunctionType):  # its closure, not the globals of its module
        return [cell.cell_contents for cell in value.__closure__ or ()]
    if isinstance(value, MethodType):
        return (value.__self__,)
    if isinstance(value, type) or type(value).__module__ == "builtins":
        return ()  # a number, a text: no place for arrays
    slots = [s for c in type(value).__mro__ for s in _names(getattr(c, "__slots__", ()))]
    inside = [getattr(value, slot) for slot in slots if hasattr(value, slot)]
    return [*getattr(value, "__dict__", {}).values(), *inside]


def _names(slots):
    return (slots,) if isinstance(slots, str) else slots
