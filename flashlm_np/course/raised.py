"""An exception of the student's code as a failure: its place, its name and its message."""

import traceback
from types import FrameType

from .exercise import TO_DO, Failure


def exception_failure(error: BaseException, file: str, where: str) -> Failure:
    """The failure for an exception of the student's code, with the line of the file."""
    place = place_of(error, file, where)
    if isinstance(error, NotImplementedError) and error.args == (TO_DO,):
        return Failure(f"{place}: still to do", to_do=True)
    if isinstance(error, SystemExit):
        return Failure(f"{place}: leaves the program (SystemExit)", crashed=True)
    return Failure(f"{place}: {text_of(error)}", crashed=True)


def text_of(error: BaseException) -> str:
    """The name and the message of an exception, which a class of the student's may not give."""
    try:
        message = str(error)
    except BaseException:
        message = "its message cannot be read"
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def place_of(error: BaseException, file: str, where: str) -> str:
    """`where`, with the number of the innermost line of the file, if there is one."""
    step = innermost(error, file)
    return f"{where}, line {step[1]}" if step else where


def innermost(error: BaseException, file: str) -> tuple[FrameType, int] | None:
    """The frame and the innermost line of the file that the exception passed through."""
    steps = traceback.walk_tb(error.__traceback__)
    inside = [step for step in steps if step[0].f_code.co_filename == file]
    return inside[-1] if inside else None
