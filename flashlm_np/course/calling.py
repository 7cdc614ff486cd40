"""One call of a student's function: its results, or what went wrong, and in which line."""

from __future__ import annotations

import linecache
from typing import Any

import numpy as np

from minigrad.engine import Node
from minigrad.errors import GraphError

from .probing import Probe
from .probing.guard import Guard
from .probing.inputs import Case
from .student import Answer, exception, line_of
from .verdict import Trouble


def run(probe: Probe, answer: Answer, case: Case) -> dict[str, Any]:
    """The results of one call, or Trouble."""
    guard = Guard()
    try:
        return probe.call(answer.functions, guard.inputs(case, probe.changes), guard)
    except Trouble:
        raise
    except (Exception, SystemExit) as error:
        if _is_writing(error):
            raise _written(probe, answer, case, guard.names, error) from None
        trouble = exception(error, answer.file, probe.function + guard.during)
        trouble.hint = "" if trouble.to_do else _advice(error, case, answer)
        raise trouble from None


def _is_writing(error):
    return isinstance(error, ValueError) and "read-only" in str(error)


def _written(probe, answer, case, names, error):
    """Trouble that names the arrays that a function wrote to: each is locked alone."""
    written = [name for name in names if _writes_to(probe, answer, case, name)]
    line = line_of(error, answer.file)
    place = f"{probe.function}, line {line}" if line else probe.function
    return Trouble(
        f"{place}: writes into {' and '.join(written) or 'an array that is read-only'}",
        "inputs, dy and saved are for reading only: others still need them. Make a new array, "
        "and write into that.",
    )


def _writes_to(probe, answer, case, name):
    guard = Guard(only=name)
    try:
        probe.call(answer.functions, guard.inputs(case, probe.changes), guard)
    except Exception as error:
        return _is_writing(error)
    return False


def _advice(error, case, answer):
    """What the exception itself does not say."""
    if isinstance(error, GraphError):
        return (
            "a node was reached again after its turn: its gradient was not complete. Of all "
            "nodes that wait, take the one with the highest number."
        )
    if isinstance(error, KeyError) and isinstance(error.args[0] if error.args else None, Node):
        return (
            "a node had its turn twice, or before a gradient came. Let each wait once, and of "
            "all that wait take the one with the highest number."
        )
    if isinstance(error, RecursionError):
        return "a graph may be deeper than Python's stack; use a loop and a list of what waits."
    if isinstance(error, ValueError) and any(word in str(error) for word in _OF_SHAPE):
        arrays = {k: v for k, v in case.items() if isinstance(v, np.ndarray)}
        shapes = f"the shapes are {', '.join(f'{k} {v.shape}' for k, v in arrays.items())}."
        line = linecache.getline(answer.file, line_of(error, answer.file) or 0)
        if ".T" in line and any(array.ndim > 2 for array in arrays.values()):
            return (
                f"{shapes} .T reverses all axes; np.swapaxes(a, -1, -2) exchanges the last two."
            )
        return shapes
    return ""


_OF_SHAPE = ("shape", "mismatch", "dimension")  # words of NumPy's messages
