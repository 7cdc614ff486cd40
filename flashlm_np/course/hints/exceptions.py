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
from ..student import Answer, text_of
from .products import product_hint

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
    if isinstance(error, RecursionError):
        return "the function calls itself without end."
    if isinstance(error, ValueError) and any(word in text_of(error) for word in _SHAPE_WORDS):
        file = answer.file or inspect.getsourcefile(answer.functions[test.name])
        frame, line = _innermost(error, file)
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


def _shape_hint(case, source):
    arrays = {name: a for name, a in case.items() if isinstance(a, np.ndarray)}
    shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
    hint = f"the shapes are {shapes}."
    if ".T" in source and any(array.ndim > 2 for array in arrays.values()):
        hint += " .T reverses all axes; np.swapaxes(a, -1, -2) exchanges the last two."
    return hint


def _innermost(error, file) -> tuple[FrameType | None, int]:
    """The innermost frame of the student's file, and its line."""
    steps = [(f, n) for f, n in traceback.walk_tb(error.__traceback__)]
    inside = [step for step in steps if step[0].f_code.co_filename == file]
    return inside[-1] if inside else (None, 0)
