"""An exception of the student's code as a failure: its place, its name and its message."""

import traceback

from .exercise import TO_DO, Failure


def exception_failure(error: BaseException, file: str, where: str) -> Failure:
    """The failure for an exception of the student's code, with the line of the file."""
    line = line_of(error, file)
    place = f"{where}, line {line}" if line else where
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


def line_of(error: BaseException, file: str) -> int | None:
    """The innermost line of the file that the exception passed through."""
    steps = traceback.walk_tb(error.__traceback__)
    lines = [line for frame, line in steps if frame.f_code.co_filename == file]
    return lines[-1] if lines else None
