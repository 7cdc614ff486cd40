"""Hints for exceptions: an explanation that the message of the exception does not give."""

import inspect
import linecache
import traceback
from types import FrameType

import numpy as np

from minigrad.engine import Node, backward_steps
from minigrad.errors import GraphError

from ..calling import Results
from ..function_tests import FunctionTest
from ..inputs import Case
from ..raised import text_of
from ..student import Answer
from .products import product_hint

_HINTS = {
    RecursionError: "the function calls itself without end.",
    MemoryError: "the inputs are small: look for a loop, a list or a shape that grows without "
    "end.",
    EOFError: "nobody types during a check: leave out input().",
}
_SHAPE_WORDS = ("shape", "mismatch", "dimension")  # of NumPy's messages
_HIGHEST_NUMBER = "Of all nodes that wait, take the one with the highest number."
_DEEP = (
    "a graph may be deeper than Python's stack; use a loop and a list of the nodes that wait."
)


def exception_hint(
    error: BaseException, test: FunctionTest, answer: Answer, case: Case, expected: Results
) -> str:
    """An explanation of an exception of the student's function, or ""."""
    if test.function is backward_steps:
        return _engine_hint(error)
    if hints := [hint for kind, hint in _HINTS.items() if isinstance(error, kind)]:
        return hints[0]
    if isinstance(error, NameError) and test.is_backward:
        return _name_hint(error.name, test.forward.__name__, answer)
    if isinstance(error, ValueError) and any(word in text_of(error) for word in _SHAPE_WORDS):
        file = answer.file or inspect.getsourcefile(answer.functions[test.name])
        frame, line = _innermost(error, file)
        if frame and (names := _matrices_in(frame)):
            return f"{names[0]} is an np.matrix, which keeps two axes. Use np.asarray(a)."
        if frame and (hint := product_hint(frame, line, test, expected)):
            return hint
        return _shape_hint(case, linecache.getline(file, line))
    return ""


def _engine_hint(error):
    if isinstance(error, GraphError):
        cause = "a node was reached again after its backward, so its gradient was not complete."
        return f"{cause} {_HIGHEST_NUMBER}"
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], Node):
        cause = "a node was taken twice, or before its gradient came. Let each node wait once."
        return f"{cause} {_HIGHEST_NUMBER}"
    return _DEEP if isinstance(error, RecursionError) else ""


def _name_hint(name, forward, answer):
    """A backward does not see the variables of the forward."""
    code = getattr(answer.functions[forward], "__code__", None)
    if code is None or name not in code.co_varnames:
        return ""
    return (
        f"{name} is a variable of {forward}: return it in saved there, and read it from saved."
    )


def _shape_hint(case, source):
    arrays = {name: a for name, a in case.items() if isinstance(a, np.ndarray)}
    shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
    hint = f"the shapes are {shapes}."
    if ".T" in source and any(array.ndim > 2 for array in arrays.values()):
        hint += " .T reverses all axes; np.swapaxes(a, -1, -2) exchanges the last two."
    return hint


def _matrices_in(frame):
    return [name for name, value in frame.f_locals.items() if isinstance(value, np.matrix)]


def _innermost(error, file) -> tuple[FrameType | None, int]:
    """The innermost frame of the student's file, and its line."""
    steps = [(f, n) for f, n in traceback.walk_tb(error.__traceback__)]
    inside = [step for step in steps if step[0].f_code.co_filename == file]
    return inside[-1] if inside else (None, 0)
