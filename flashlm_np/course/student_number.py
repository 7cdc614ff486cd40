"""A student's number: its form, and the file of a workbook that holds it.

The number gives a workbook inputs and questions of its own: see `variants` and `by_hand`.
"""

import re
from pathlib import Path

from ..errors import UserError
from ..files import read_bytes

FILE = "student.txt"
_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_RULE = "at most 32 letters, digits, dots, dashes and underscores, such as 4711"


def student_number(text: str) -> str:
    """The number itself, if it has the form of one; else a ValueError."""
    if not _FORM.fullmatch(text):
        raise ValueError(f"{text!r} is no student number; it has {_RULE}")
    return text


def number_of(folder: Path) -> str:
    """The number of a workbook, or "" if it has none.

    Raises:
        UserError: the file holds something else.
    """
    file = folder / FILE
    if not file.exists():
        return ""
    text = read_bytes(file, 1000).decode("utf-8-sig", "replace").strip()
    try:
        return student_number(text)
    except ValueError:
        raise UserError(f"{file} holds no student number; write one: {_RULE}") from None


def expect_number(folder: Path, number: str) -> str:
    """The number of a workbook, which must be `number` if that is not "".

    Raises:
        UserError: it is another one.
    """
    own = number_of(folder)
    if number and not own:
        raise UserError(f"{folder} has no student number: it has no file {FILE}")
    if number and number != own:
        raise UserError(f"{folder} is the workbook of {own}, not of {number}")
    return own
