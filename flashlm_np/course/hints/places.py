"""Hints from the line that raised an exception, and from the variables there."""

import linecache
import re
import traceback
from dataclasses import dataclass
from types import FrameType

import numpy as np

from ..blanks import saved_values
from ..function_tests import FunctionTest
from ..inputs import Case
from ..student import Answer


@dataclass(frozen=True)
class Place:
    """The innermost line of the student's file that an exception passed through."""

    frame: FrameType
    line: int
    source: str

    @classmethod
    def of(cls, error: BaseException, file: str) -> "Place | None":
        steps = traceback.walk_tb(error.__traceback__)
        inside = [step for step in steps if step[0].f_code.co_filename == file]
        return cls(*inside[-1], linecache.getline(file, inside[-1][1])) if inside else None

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that the line names, in its order."""
        values = {name: self.frame.f_locals.get(name) for name in _names(self.source)}
        return {n: value for n, value in values.items() if isinstance(value, np.ndarray)}


def _names(source):
    return re.findall(r"(?<![.\w])[A-Za-z_]\w*", source)


def matrix_hint(place: Place) -> str:
    """A saved np.matrix has two axes where the array had one."""
    values = place.frame.f_locals.items()
    names = [name for name, value in values if isinstance(value, np.matrix)]
    if not names:
        return ""
    return f"{names[0]} is an np.matrix, which keeps two axes. Use np.asarray({names[0]})."


def shape_hint(place: Place, case: Case, message: str) -> str:
    """The shapes of the arrays in the line, or else of the inputs, and how they fit."""
    inputs = {name: a for name, a in case.items() if isinstance(a, np.ndarray)}
    arrays = place.arrays() or inputs
    hint = f"the shapes are {_shapes(arrays)}."
    if ".T" in place.source and any(array.ndim > 2 for array in inputs.values()):
        hint += " .T reverses all axes; np.swapaxes(a, -1, -2) exchanges the last two."
    shapes = [array.shape for array in arrays.values()]
    if "broadcast" in message and any(s and s == t[:-1] for s in shapes for t in shapes):
        hint += " A sum or a mean keeps its axis with keepdims=True."
    return hint


def _shapes(arrays):
    return ", ".join(f"{name} {array.shape}" for name, array in arrays.items())


def unpacking_hint(place: Place, test: FunctionTest, answer: Answer) -> str:
    """The values that `saved`, or a shape, has."""
    if "saved" in _names(place.source) and test.is_backward:
        forward = test.forward.__name__
        if forward in answer.blank:
            values = " or ".join(saved_values(test.forward))
            return f"until you have written {forward}, saved is the package's: {values}."
        saved = place.frame.f_locals.get("saved")
        count = len(saved) if isinstance(saved, (tuple, list)) else "no"
        return f"{forward} returned {count} value{'s' * (count != 1)} as saved."
    if ".shape" in place.source and (arrays := place.arrays()):
        return f"the shapes are {_shapes(arrays)}."
    return ""
