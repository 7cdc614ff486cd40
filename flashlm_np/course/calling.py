"""Call a student's function once: its results, or the failure and its line."""

import linecache
from typing import Any

import numpy as np

from minigrad.engine import Node
from minigrad.errors import GraphError

from .exercise import Failure
from .function_tests import FunctionTest
from .inputs import Case, LockedArrays
from .student import Answer, exception_failure, line_of

_SHAPE_WORDS = ("shape", "mismatch", "dimension")  # of NumPy's messages
_HIGHEST_NUMBER = "Of all nodes that wait, take the one with the highest number."


def call(test: FunctionTest, answer: Answer, case: Case) -> dict[str, Any]:
    """The results of one call by name.

    Raises:
        Failure: the function raises an exception, or writes to an array that it must not.
    """
    locked = LockedArrays()
    try:
        return test.call(answer.functions, locked.copies(case, test.changes), locked)
    except Failure:
        raise
    except (Exception, SystemExit) as error:
        if _is_write_error(error):
            raise _write_failure(test, answer, case, locked.names, error) from None
        failure = exception_failure(error, answer.file, test.name + locked.situation)
        failure.hint = "" if failure.to_do else _hint(error, case, answer)
        raise failure from None


def _is_write_error(error):
    return isinstance(error, ValueError) and "read-only" in str(error)


def _write_failure(test, answer, case, names, error):
    """Name the arrays that the function writes to, by locking one name at a time."""
    written = [name for name in names if _writes_to(test, answer, case, name)]
    line = line_of(error, answer.file)
    place = f"{test.name}, line {line}" if line else test.name
    return Failure(
        f"{place}: writes into {' and '.join(written) or 'an array that is read-only'}",
        "inputs, dy and saved are read-only, because other code still needs them. Make a new "
        "array and write into that.",
    )


def _writes_to(test, answer, case, name):
    locked = LockedArrays(only=name)
    try:
        test.call(answer.functions, locked.copies(case, test.changes), locked)
    except Exception as error:
        return _is_write_error(error)
    return False


def _hint(error, case, answer):
    """An explanation that the message of the exception does not give."""
    if isinstance(error, GraphError):
        cause = "a node was reached again after its backward, so its gradient was not complete."
        return f"{cause} {_HIGHEST_NUMBER}"
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], Node):
        cause = "a node was taken twice, or before its gradient came. Let each node wait once."
        return f"{cause} {_HIGHEST_NUMBER}"
    if isinstance(error, RecursionError):
        return (
            "a graph may be deeper than Python's stack; use a loop and a list of the nodes "
            "that wait."
        )
    if isinstance(error, ValueError) and any(word in str(error) for word in _SHAPE_WORDS):
        return _shape_hint(error, case, answer)
    return ""


def _shape_hint(error, case, answer):
    arrays = {name: a for name, a in case.items() if isinstance(a, np.ndarray)}
    shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
    hint = f"the shapes are {shapes}."
    line = linecache.getline(answer.file, line_of(error, answer.file) or 0)
    if ".T" in line and any(array.ndim > 2 for array in arrays.values()):
        hint += " .T reverses all axes; np.swapaxes(a, -1, -2) exchanges the last two."
    return hint
