"""Small readable inputs of a test case, their copies, and their text."""

import dataclasses
import textwrap
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from minigrad.ops import RowGradient

WIDTH = 96
Case = dict[str, Any]  # the arrays and options of one call, by name


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
    """All arrays in `value`: itself, in containers, and in the attributes of objects."""
    found, waiting, known = [], [value], {}
    while waiting:
        item = waiting.pop()
        if id(item) in known:
            continue
        known[id(item)] = item
        if isinstance(item, np.ndarray):
            found.append(item)
        elif isinstance(item, (list, tuple, set)):
            waiting += reversed(list(item))
        elif isinstance(item, dict):
            waiting += reversed(list(item.values()))
        elif not isinstance(item, (type, ModuleType, FunctionType)):
            waiting += reversed(list(getattr(item, "__dict__", {}).values()))
    return found


def flipped(inputs: Case) -> Case:
    """Other inputs of the same shapes: the numbers of each array in reversed order."""
    return map_arrays(np.flip, inputs)


def as_float32(inputs: Case) -> Case:
    return map_arrays(lambda a: a.astype(np.float32) if a.dtype.kind == "f" else a, inputs)


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
    return [*lines, line] if inputs else []
