"""The grade that a subprocess leaves in a file, or the reason why it left none.

The student's code runs in the subprocess. It can end it at any line, and it can write any file.
"""

import contextlib
import json
import re
import signal
from pathlib import Path

from ..errors import UserError
from ..files import read_bytes
from ..records import misfit
from .exercise import RIGHT, TO_DO, WRONG, Grade

MAX_BYTES = 1_000_000  # of a grade, and of a stack trace
_STATE = re.compile("|".join([TO_DO, WRONG, RIGHT]))
_ENTRIES = {"state": _STATE, "details": [str], "right": [str], "crashed": bool}


def as_json(grade: Grade) -> str:
    return json.dumps({name: getattr(grade, name) for name in _ENTRIES})


def grade_in(file: Path) -> Grade | None:
    """The grade in a file, or None if the file holds no grade."""
    try:
        entries = json.loads(_text_in(file))
    except (ValueError, RecursionError):
        return None
    if misfit(entries, _ENTRIES) or len(entries) > len(_ENTRIES) or not entries["details"]:
        return None
    return Grade(**entries)


def reason_of_end(code: int, trace: Path, file: Path, seconds: float) -> str:
    """The reason why a subprocess ended by itself without a grade.

    code: its exit code, or minus the number of the signal that ended it.
    trace: the file with its stack at that time, if Python could write it.
    """
    stack = _text_in(trace)
    place = _place_in(stack, file)
    if stack.startswith("Timeout"):
        return f"took longer than {seconds:g} s{place}: an endless loop?"
    if code < 0:
        return f"its process was ended by {_signal_text(-code)}{place}"
    number = str(code) if code < 256 else f"{code:#x}"  # as Windows writes that of a crash
    return f"its process ended with exit code {number}{place}, before it was graded"


def _place_in(stack, file):
    """The innermost line of the student's file, in words."""
    name = str(file).encode("ascii", "backslashreplace").decode()  # as faulthandler writes it
    line = re.search(rf'File "{re.escape(name)}", line (\d+) in (\S+)', stack)
    return f", in line {line[1]}, {line[2]}" if line else ""


def _signal_text(number):
    with contextlib.suppress(ValueError):
        return f"the signal {signal.Signals(number).name} ({signal.strsignal(number)})"
    return f"the signal {number}"


def _text_in(file):
    """The text of a file, or "" if it cannot be read."""
    try:
        return read_bytes(file, MAX_BYTES).decode("utf-8", "replace")
    except UserError:
        return ""
