"""Grade one exercise; this runs in a subprocess that `runner` starts and may end.

Only this process runs the student's code.
"""

import contextlib
import faulthandler
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from . import verdict
from .exercise import Exercise, Failure, Grade
from .exercises import find
from .grader import grade
from .looks import watch_looks
from .raised import exception_failure
from .student import load

MEMORY = 2_000_000_000  # bytes that an answer may use under Linux
FILE_SIZE = 100_000_000  # bytes of a file that it writes, but not under Windows
MOST_SECONDS = 1e6  # the clock of faulthandler ends between this and infinity


def main(name: str, file: str, folder: str, seconds: float, student: str) -> None:
    """Grade `file` as the exercise `name` of a student; write grade.json in `folder`.

    After `seconds` the process ends. Its stack is then in trace.txt, and so it is after a crash
    of code that is not Python.
    """
    process = os.getpid()
    sys.path.append(str(Path(file).parent))  # last: it hides no module
    with _open(folder, "trace.txt") as trace, _open(folder, "grade.json") as grade_file:
        faulthandler.enable(trace)
        faulthandler.dump_traceback_later(min(seconds, MOST_SECONDS), exit=True, file=trace)
        watch_looks(file)
        with _limits():
            result = _grade(find(name), Path(file), student)
        if os.getpid() == process:  # no child of the student's code
            grade_file.write(verdict.as_json(result))
            grade_file.flush()
        os._exit(0)  # without waiting for threads that the student started


def _open(folder, name):
    """Open a file early: later, the student's code may have used up all file handles."""
    return open(Path(folder, name), "w", encoding="utf-8")


def _grade(exercise: Exercise, path: Path, student: str) -> Grade:
    try:
        return grade(exercise, load(exercise, path), student)
    except Failure as failure:
        return Grade.of_failure(failure)
    except BaseException as error:  # from a signal, or from a method of an object it returned
        where = "while the results are compared"
        return Grade.of_failure(exception_failure(error, str(path), where))


@contextlib.contextmanager
def _limits() -> Iterator[None]:
    """Let Python raise an exception before the memory or the disk is full, as far as it can."""
    try:
        import resource
    except ImportError:  # Windows has no limits of a process
        yield
        return
    most = {resource.RLIMIT_FSIZE: FILE_SIZE}
    with contextlib.suppress(OSError):  # only Linux has this file, and limits the data
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[5])  # of data in use
        most[resource.RLIMIT_DATA] = pages * resource.getpagesize() + MEMORY
    before = {kind: resource.getrlimit(kind) for kind in most}
    for kind, (soft, hard) in before.items():
        values = [v for v in (most[kind], soft, hard) if v != resource.RLIM_INFINITY]
        with contextlib.suppress(ValueError, OSError):  # a system may refuse it
            resource.setrlimit(kind, (min(values), hard))
    try:
        yield
    finally:
        for kind, limits in before.items():
            with contextlib.suppress(ValueError, OSError):  # the answer may have set one
                resource.setrlimit(kind, limits)
