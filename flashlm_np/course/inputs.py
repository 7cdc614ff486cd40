"""Small readable inputs of a test case, their copies, and their text."""

import dataclasses
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.ops import RowGradient

WIDTH = 96
Case = dict[str, Any]  # the arrays and options of one call, by name

# They have both signs, no zero and no symmetry. No axis has a multiple of 13 elements, so rows
# differ.
NUMBERS = (1.0, -0.5, 2.0, -1.5, 0.5, -1.0, 3.0, -2.0, 1.5, -2.5, 2.5, -3.0, 4.0)


def example_array(shape: tuple[int, ...], start: int = 0) -> np.ndarray:
    """An array of NUMBERS, from the one at `start` on."""
    size = int(np.prod(shape))
    return np.resize(np.roll(NUMBERS, -start), size).reshape(shape)


def case(arrays: Case, **options) -> Case:
    """Arrays by shape (a tuple), by values (a list) or as they are; then options."""
    made = {}
    for position, (name, value) in enumerate(arrays.items()):
        if isinstance(value, tuple):
            value = example_array(value, 4 * position)
        made[name] = np.array(value) if isinstance(value, list) else value
    return made | options


# -- copies ----------------------------------------------------------------------------------


def map_arrays(change: Callable[[np.ndarray], np.ndarray], value: Any) -> Any:
    """`value` with each array changed, also in containers, row gradients and dataclasses."""
    if isinstance(value, np.ndarray):
        return change(value)
    if isinstance(value, (list, tuple)):
        kind = tuple if isinstance(value, tuple) else list  # also of a namedtuple
        return kind(map_arrays(change, item) for item in value)
    if isinstance(value, dict):
        return {name: map_arrays(change, item) for name, item in value.items()}
    if isinstance(value, RowGradient):
        return RowGradient(change(value.ids), change(value.rows), value.shape)
    if dataclasses.is_dataclass(value):
        return dataclasses.replace(value, **map_arrays(change, vars(value)))
    return value


def arrays_in(value: Any) -> list[np.ndarray]:
    """All arrays in `value`."""
    found = []
    map_arrays(lambda array: found.append(array) or array, value)
    return found


def as_float32(inputs: Case) -> Case:
    return map_arrays(lambda a: a.astype(np.float32) if a.dtype.kind == "f" else a, inputs)


class LockedArrays:
    """Makes arrays read-only while a student's function runs.

    only: the name of the arrays to lock; without it all are locked.
    situation: words for the message of an exception that the next call raises.
    """

    def __init__(self, only: str | None = None):
        self.only, self.situation = only, ""
        self.names: list[str] = []
        self._arrays: list[np.ndarray] = []

    def copies(self, inputs: Case, writable: tuple[str, ...]) -> Case:
        """The inputs in new arrays, all locked but those named in `writable`."""
        copies = map_arrays(np.array, inputs)
        for name, value in copies.items():
            if name not in writable:
                self.lock(name, value)
        return copies

    def lock(self, name: str, value: Any) -> None:
        """Lock the arrays in `value`. An input that is saved too keeps its first name."""
        known = set(map(id, self._arrays))
        arrays = [array for array in arrays_in(value) if id(array) not in known]
        self._arrays += arrays
        self.names.append(name)
        for array in arrays:
            array.flags.writeable = self.only not in (None, name)


# -- text ------------------------------------------------------------------------------------


def as_text(value: Any) -> str:
    """A value in few characters."""
    if isinstance(value, float):
        return repr(float(f"{value:.6g}") + 0.0)  # + 0.0 turns -0.0 into 0.0
    if isinstance(value, np.ndarray):
        return as_text(value.tolist())
    if isinstance(value, list):
        return f"[{', '.join(map(as_text, value))}]"
    if isinstance(value, RowGradient):
        return f"RowGradient({as_text(value.ids)}, {as_text(value.rows)}, {value.shape})"
    if hasattr(value, "unpack"):  # a packed matrix
        return f"pack({as_text(value.unpack())}, {as_text(value.scale)})"
    return repr(value)


def wrapped(text: str, first: str, rest: str) -> list[str]:
    """The text in lines of WIDTH; `first` begins the first line, and `rest` the others."""
    options = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest, **options)


def case_lines(inputs: Case) -> list[str]:
    """`for x = ..., w = ...`, on as few lines as possible."""
    float32 = any(array.dtype == np.float32 for array in arrays_in(inputs))
    lines, line = [], "in float32, for" if float32 else "for"
    for number, (name, value) in enumerate(inputs.items(), start=1):
        text = f" {name} = {as_text(value)}" + ("," if number < len(inputs) else "")
        if number > 1 and len(line) + len(text) > WIDTH - 4:
            lines.append(line)
            line = "   "
        line += text
    return [*lines, line]
