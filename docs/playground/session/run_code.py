"""Run a program of the reader: its output, the value of its last line, its errors.

As in a notebook, the value of a last line that is an expression is shown. As in a script, every
run starts with no names, and an error ends it with Python's own words.
"""

import ast
import linecache
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout

FILE = "your program"  # its name in tracebacks
MOST_CHARACTERS = 200_000  # of output that are shown: more would stop the page


class Output:
    """A stream that passes text on, up to MOST_CHARACTERS of it."""

    def __init__(self, show: Callable[[str], None]):
        self.show, self.left = show, MOST_CHARACTERS

    def write(self, text: str) -> int:
        if self.left > 0:
            self.show(text[: self.left])
            self.left -= len(text)
            if self.left <= 0:
                self.show(f"\n… only the first {MOST_CHARACTERS:,} characters are shown\n")
        return len(text)

    def flush(self) -> None:
        """Nothing waits: `write` passes each text on."""


def run_code(source: str, show: Callable[[str], None]) -> dict:
    """Run a program, and give its output to `show` as it comes.

    Returns: `error`, Python's traceback from the reader's own lines on, or None; `page`, the
    HTML of a last value that has one, such as that of step_through, or None.
    """
    output, page = Output(show), None
    names = {"__name__": "__main__", "input": _no_keyboard}
    with redirect_stdout(output), redirect_stderr(output):
        try:
            value = _value(ast.parse(remember(source, FILE), FILE), names)
            page = getattr(value, "html", None)
            if value is not None and page is None:
                print(repr(value))
        except SystemExit:  # the usual end of a script
            pass
        except KeyboardInterrupt:
            return {"error": "KeyboardInterrupt: you stopped the program", "page": None}
        except BaseException as error:
            return {"error": own_traceback(error), "page": None}
    return {"error": None, "page": page}


def _value(program, names):
    """Run all statements; the value of the last one, if it is an expression."""
    last = None
    if program.body and isinstance(program.body[-1], ast.Expr):
        last = ast.Expression(program.body.pop().value)
    exec(compile(program, FILE, "exec"), names)
    return None if last is None else eval(compile(last, FILE, "eval"), names)


def remember(source: str, file: str) -> str:
    """Return the source; tracebacks then show its lines."""
    linecache.cache[file] = (len(source), None, f"{source}\n".splitlines(True), file)
    return source


def own_traceback(error: BaseException) -> str:
    """Python's traceback without the frames that are not the reader's."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame for frame in frames if frame.filename.startswith("your ")]
    heading = ["Traceback (most recent call last):\n"] if lines else []
    last = traceback.format_exception_only(type(error), error)
    return "".join([*heading, *traceback.format_list(lines), *last]).rstrip()


def _no_keyboard(prompt=""):
    raise OSError("input: this page has no keyboard input; write the value into the program")
