"""The objects of one kind in a value: the arrays that a node saved, the tensors of a model."""

from collections import deque
from collections.abc import Iterator, Mapping
from functools import partial
from types import FunctionType, MethodType

import numpy as np

SIMPLE = (int, float, str, bytes, type(None), np.dtype)  # they hold nothing


def inside(value, kind: type, seen: dict[int, object] | None = None) -> Iterator:
    """Each object of the kind in `value`, and in these objects, each one once.

    Seen are containers, attributes (also in slots), bound methods, and the closure and the
    defaults of a function. Not seen are the items that an iterator has not given yet.
    """
    # The objects are kept alive, because another one could get the id of a dead one.
    seen = {} if seen is None else seen
    waiting = [value]  # a stack, not a recursion: a graph can be deep
    while waiting:
        value = waiting.pop()
        if isinstance(value, SIMPLE) or id(value) in seen:
            continue  # an object may hold itself
        seen[id(value)] = value
        if isinstance(value, kind):
            yield value
        waiting += reversed(_parts(value))


def arrays_in(value) -> Iterator[np.ndarray]:
    """The arrays in a value, and those that its buffers (memoryview) belong to."""
    return inside(value, np.ndarray)


def _parts(value):
    if isinstance(value, np.ndarray):
        return value.ravel().tolist() if value.dtype == object else []
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, (tuple, list, set, frozenset, deque)):
        return list(value)
    if isinstance(value, partial):
        return [value.func, *value.args, *value.keywords.values()]
    if isinstance(value, FunctionType):  # not the globals of its module
        return _parts_of_function(value)
    if isinstance(value, MethodType):
        return [value.__self__]
    if isinstance(value, memoryview):
        return [np.asarray(value)]
    if isinstance(value, type) or type(value).__module__ == "builtins":
        return []  # a number, a text: no place for arrays
    slots = [s for c in type(value).__mro__ for s in _names(getattr(c, "__slots__", ()))]
    held = [getattr(value, slot) for slot in slots if hasattr(value, slot)]
    return [*getattr(value, "__dict__", {}).values(), *held]


def _parts_of_function(function):
    cells = [cell for cell in function.__closure__ or () if _is_filled(cell)]
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    return [cell.cell_contents for cell in cells] + defaults


def _is_filled(cell):
    """A cell is empty until its variable has a value."""
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _names(slots):
    return (slots,) if isinstance(slots, str) else slots
