"""Small readable inputs.

A case is a dict of what a function gets, by name: arrays and options. A tuple stands for an
array of that shape, filled with halves and integers of both signs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.ops import RowGradient

Case = dict[str, Any]

# No zero, no symmetry, and 13 of them: no axis of ours is as long, so that rows differ.
NUMBERS = (1.0, -0.5, 2.0, -1.5, 0.5, -1.0, 3.0, -2.0, 1.5, -2.5, 2.5, -3.0, 4.0)


def numbers(shape: tuple[int, ...], start: int = 0) -> np.ndarray:
    """An array of NUMBERS, from the one at `start` on."""
    size = int(np.prod(shape))
    return np.resize(np.roll(NUMBERS, -start), size).reshape(shape)


def case(arrays: dict[str, Any], **options) -> Case:
    """Arrays by shape (a tuple) or by value (a list), then options."""
    made = {
        name: numbers(value, 4 * position)
        if isinstance(value, tuple)
        else np.array(value)
        if isinstance(value, list)
        else value
        for position, (name, value) in enumerate(arrays.items())
    }
    return made | options


def mapped(value: Any, change: Callable[[np.ndarray], np.ndarray]) -> Any:
    """`value` with every array in it changed: in lists, in gradients by row, in packed ones."""
    if isinstance(value, np.ndarray):
        return change(value)
    if isinstance(value, (list, tuple)):
        return type(value)(mapped(item, change) for item in value)
    if isinstance(value, RowGradient):
        return RowGradient(change(value.ids), change(value.rows), value.shape)
    if dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        arrays = {name: change(a) for name, a in fields.items() if isinstance(a, np.ndarray)}
        return dataclasses.replace(value, **arrays)
    return value


def arrays_in(value: Any) -> list[np.ndarray]:
    """All arrays in `value`, as `mapped` finds them."""
    found = []
    mapped(value, lambda array: found.append(array) or array)
    return found


def as_float32(inputs: Case) -> Case:
    def rounded(array):
        return array.astype(np.float32) if array.dtype.kind == "f" else array

    return {name: mapped(value, rounded) for name, value in inputs.items()}
