"""Hints from the line that raised an exception, and from the variables there."""

import contextlib
import difflib
import linecache
import re
from dataclasses import dataclass
from functools import reduce
from types import FrameType
from typing import Any

import numpy as np

from ..blanks import saved_values
from ..comparing import described
from ..function_tests import FunctionTest
from ..inputs import Case
from ..raised import innermost
from ..student import Answer


@dataclass(frozen=True)
class Place:
    """The innermost line of the student's file that an exception passed through."""

    frame: FrameType
    line: int
    source: str

    @classmethod
    def of(cls, error: BaseException, file: str) -> "Place | None":
        step = innermost(error, file)
        return cls(*step, linecache.getline(file, step[1])) if step else None

    def values(self) -> dict[str, Any]:
        """The values of the names in the line, such as x or self.grad, in its order."""
        found = {}
        for name in re.findall(r"(?<![.\w])[A-Za-z_][\w.]*", self.source):
            first, *attributes = name.split(".")
            if first in self.frame.f_locals:
                with contextlib.suppress(Exception):  # of a student's object
                    found[name] = reduce(getattr, attributes, self.frame.f_locals[first])
        return found

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that the line names."""
        names = dict.fromkeys(name.split(".")[0] for name in self.values())
        found = {name: self.frame.f_locals[name] for name in names}
        return {n: value for n, value in found.items() if isinstance(value, np.ndarray)}


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
    arrays = place.arrays()
    arrays = arrays if len(arrays) > 1 else inputs
    hint = _shapes(arrays)
    if ".T" in place.source and any(array.ndim > 2 for array in inputs.values()):
        hint += " .T reverses all axes; np.swapaxes(a, -1, -2) exchanges the last two."
    shapes = [array.shape for array in arrays.values()]
    if "broadcast" in message and any(s and s == t[:-1] for s in shapes for t in shapes):
        hint += " A sum or a mean keeps its axis with keepdims=True."
    return hint


def _shapes(arrays):
    texts = [f"{name} {array.shape}" for name, array in arrays.items()]
    return f"the shape{'s are' if len(texts) > 1 else ' is'} {', '.join(texts)}."


def none_hint(place: Place) -> str:
    """An input that was left out, or a gradient that is not there yet."""
    names = [name for name, value in place.values().items() if value is None]
    verb = "is" if len(names) == 1 else "are"
    return f"{' and '.join(names)} {verb} None here." if names else ""


def unassigned_hint(message: str) -> str:
    """A counter outside of the function, or a value that only one branch sets."""
    name = re.search(r"'(\w+)'", message)
    if name is None:
        return ""
    own = f"so {name[1]} is its own variable, which has no value yet here."
    return f"the function assigns to {name[1]}, {own}"


def spelling_hint(error: NameError | AttributeError, place: Place | None) -> str:
    """A name that is nearly the same."""
    if isinstance(error, AttributeError):
        known = dir(error.obj)
    else:
        known = [*place.frame.f_locals, *place.frame.f_globals] if place else []
    near = difflib.get_close_matches(error.name or "", known, n=1, cutoff=0.8)
    return f"did you mean {near[0]}?" if near else ""


def unpacking_hint(place: Place, test: FunctionTest, answer: Answer) -> str:
    """The values that `saved`, or a shape, has."""
    values = place.values()
    if "saved" in values and test.is_backward:
        forward, saved = test.forward.__name__, values["saved"]
        if forward in answer.blank:
            names = " or ".join(saved_values(test.forward))
            return f"until you have written {forward}, saved is the package's: {names}."
        if not isinstance(saved, (tuple, list)):
            return f"{forward} returned {described(saved)} as saved, and no tuple."
        return f"{forward} returned {len(saved)} value{'s' * (len(saved) != 1)} as saved."
    if ".shape" in place.source and (arrays := place.arrays()):
        return _shapes(arrays)
    return ""
