"""The command `flashlm`. `_parser` lists its commands.

An error that the user can mend is one sentence on standard error, and a non-zero exit code.
Each file of this folder holds a group of commands. They are imported inside `main`, so that
Ctrl-C has an answer from the start. Imports that take a tenth of a second or more stand in the
functions, so that `flashlm --help` is quick.
"""

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Iterator

from .. import __version__
from ..errors import INTERRUPTED, PACKAGE_MISSING, PackageMissing, UserError


def command() -> None:
    """Run `main`, and leave with its exit code.

    Arrow's reading threads, once `datasets` has used them, sometimes abort the interpreter
    while it shuts down (github.com/apache/arrow/issues/45214). So the shutdown is then skipped.
    """
    with _leaving_at_ctrl_c():
        _parser()  # imports all groups of commands
    code = main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command has ended; Python has not
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed, as by `head`
            stream.flush()
    if "pyarrow" in sys.modules:
        os._exit(code)
    sys.exit(code)


@contextlib.contextmanager
def _leaving_at_ctrl_c() -> Iterator[None]:
    """Inside, Ctrl-C ends the process at once, because an import may lose an exception.

    run.py has blocked it since the process began: one that has come meanwhile acts here.
    """

    def leave(signum, frame):
        os.write(2, b"flashlm: interrupted\n")
        os._exit(INTERRUPTED)

    before = signal.signal(signal.SIGINT, leave)
    if hasattr(signal, "pthread_sigmask"):  # not on Windows
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def main(arguments: list[str] | None = None) -> int:
    """Run one command, and return its exit code."""
    for stream in (sys.stdout, sys.stderr):  # a file on Windows may lack some letters
        if hasattr(stream, "reconfigure"):  # a notebook's stream has no such method
            stream.reconfigure(errors="backslashreplace", line_buffering=True)
    try:
        options = _parsed(arguments)
        return options.run(options) or 0
    except PackageMissing as error:
        return _fail(str(error), PACKAGE_MISSING)
    except UserError as error:
        return _fail(str(error))
    except BrokenPipeError:  # the reader of the output has left, as `head` does
        sys.stderr.close()
        return 1
    except OSError as error:
        name = f" {error.filename}" if error.filename else ""
        return _fail(f"{error.strerror or error}{name}")
    except MemoryError:
        return _fail("out of memory; use a smaller --d-model, batch or sequence (--phases)")
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)


def _parsed(arguments):
    from .useless import refuse_strays

    options, strays = _parser().parse_known_args(arguments)
    refuse_strays(options, strays)
    return options


def _fail(message: str, code: int = 1) -> int:
    print(f"flashlm: {message}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    from . import analysis, course, data, run, train, weights

    parser = argparse.ArgumentParser(
        prog="flashlm", description="FlashLM v3, a ternary language model, in plain NumPy."
    )
    parser.add_argument("--version", action="version", version=f"flashlm-np {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        train.add_train,
        run.add_eval,
        run.add_generate,
        data.add_prepare,
        weights.add_embed,
        weights.add_convert,
        data.add_stories,
        analysis.add_profile,
        analysis.add_inspect,
        analysis.add_export,
        course.add_course,
    ):
        add(commands)
    return parser
