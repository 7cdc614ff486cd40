"""The results of a backward, in a tuple, a list, a dict or alone; and arrays inside them."""

from dataclasses import fields, is_dataclass, replace

import numpy as np

from ...ops import RowGradient


def items(value) -> list:
    """The members of a tuple, a list, a dict or a dataclass; anything else alone."""
    if isinstance(value, dict):
        return list(value.values())
    if _is_record(value):
        return [getattr(value, field.name) for field in fields(value)]
    return list(value) if isinstance(value, (tuple, list)) else [value]


def packed(value, members: list):
    """The members in the form of `value`; the inverse of `items`."""
    if isinstance(value, dict):
        return dict(zip(value, members, strict=True))
    if _is_record(value):
        names = [field.name for field in fields(value)]
        return replace(value, **dict(zip(names, members, strict=True)))
    if isinstance(value, (tuple, list)):  # a named tuple has _make
        return getattr(type(value), "_make", type(value))(members)
    return members[0]


def is_nested(value) -> bool:
    return isinstance(value, (tuple, list, dict)) or _is_record(value)


def _is_record(value):
    return is_dataclass(value) and not isinstance(value, type)


def dense(gradient):
    """A gradient as an array; None stays None."""
    if isinstance(gradient, RowGradient):
        return gradient.dense()
    return None if gradient is None else np.asarray(gradient)


def like(item, array):
    """The array as a RowGradient if the right gradient is one, and if it still fits."""
    if not isinstance(item, RowGradient) or array is None or array.shape != item.shape:
        return array
    return RowGradient(np.arange(item.shape[0]), array, item.shape)


def differ(right, wrong, limit):
    """Whether the wrong gradient differs by more than `limit`, relative to each element."""
    if right is wrong:
        return False
    if right is None or wrong is None:
        return True
    if right.shape != wrong.shape or right.dtype != wrong.dtype:
        return True
    size = np.where(np.isfinite(right), np.abs(right), 0)
    allowed = limit * np.maximum(size, size.mean() if size.size else 0)
    same = (np.abs(right - wrong) <= allowed) | (right == wrong)
    return bool((~same & ~(np.isnan(right) & np.isnan(wrong))).any())


def copy(value):
    """A copy of all arrays in a nested value; everything else as it is."""
    if isinstance(value, np.ndarray):
        return value.copy(order="K")
    if is_nested(value):
        return packed(value, [copy(item) for item in items(value)])
    return value


def arrays_in(value) -> list[np.ndarray]:
    """All arrays in nested tuples, lists, dicts and dataclasses."""
    if isinstance(value, np.ndarray):
        return [value]
    if is_nested(value):
        return [array for item in items(value) for array in arrays_in(item)]
    return []


def exchanged(value, old, new):
    """The saved values with the array `new` in place of `old`."""
    if value is old:
        return new
    if is_nested(value):
        return packed(value, [exchanged(item, old, new) for item in items(value)])
    return value
