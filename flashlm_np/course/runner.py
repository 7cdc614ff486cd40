"""Grade each exercise in a subprocess, with limits on its time and its output.

This protects against accidents, not against malice. To grade the files of strangers, run the
whole program in a container.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..commands import command
from ..training.threads import available_cores
from . import verdict
from .exercise import TO_DO, WRONG, Exercise, Failure, Grade, to_do_text
from .question import BY_HAND, question_of, student_file
from .source import source_of_student

SECONDS = 20.0  # the student's time for one exercise
START_SECONDS = 30.0  # more, until the subprocess is ended from outside; it has to start
MAX_PRINTED = 10_000_000  # bytes that end the subprocess
MAX_SHOWN, MAX_LINES = 4000, 40  # characters and lines of the output that are kept


def check(
    files: dict[Exercise, Path | None], seconds: float = SECONDS, student: str = ""
) -> Iterator[tuple[Exercise, Grade]]:
    """The grade of each exercise's file, in order, as soon as it is known.

    student: the student's number, if there is one.
    """
    stop = threading.Event()  # ends the subprocesses that still run
    pool = ThreadPoolExecutor(available_cores())
    try:
        jobs = [
            pool.submit(_check_file, *item, seconds, student, stop) for item in files.items()
        ]
        for exercise, job in zip(files, jobs, strict=True):
            yield exercise, job.result()
    finally:  # also after Ctrl-C, and when the caller stops early
        stop.set()
        pool.shutdown(cancel_futures=True)


def _check_file(exercise, file, seconds, student, stop):
    """The grade of one file; a subprocess starts only if the file is not as it was written."""
    start = time.perf_counter()
    if file is None:
        advice = f"write it with: {command('course', 'start', 'DIR')}"
        return Grade(TO_DO, (f"{exercise.file_name} is missing; {advice}",))
    try:
        source = source_of_student(file).replace(b"\r\n", b"\n")
    except Failure as failure:
        return Grade.of_failure(failure)
    if source == student_file(exercise, student).encode():
        names = [*exercise.solution, *([BY_HAND] if question_of(exercise, student) else [])]
        return Grade(TO_DO, (to_do_text(names),))
    with tempfile.TemporaryDirectory(prefix="flashlm-", ignore_cleanup_errors=True) as folder:
        arguments = [exercise.name, str(file.resolve()), folder, seconds, student]
        grade = _grade_in_subprocess(arguments, stop)
    grade.seconds = time.perf_counter() - start
    return grade


def _grade_in_subprocess(arguments, stop):
    """The grade that `worker.main` gives for these arguments."""
    file, folder, seconds = Path(arguments[1]), Path(arguments[2]), arguments[3]
    with open(folder / "printed.txt", "w+b") as printed:
        process = _started([_module_path(file), arguments], folder / "answer", printed)
        excess = _wait(process, printed, seconds, stop)
        _end(process)
        printed.seek(0)
        text = printed.read(4 * MAX_SHOWN).decode("utf-8", "replace")
    grade = verdict.grade_in(folder / "grade.json")
    if excess or grade is None:
        trace = folder / "trace.txt"
        reason = excess or verdict.reason_of_end(process.returncode, trace, file, seconds)
        grade = Grade(WRONG, (reason,), crashed=True)
    grade.printed = _beginning(text)
    return grade


def _beginning(text):
    """The first lines of what an answer printed."""
    text = text.replace("\r\n", "\n")
    start = "\n".join(text[:MAX_SHOWN].split("\n")[:MAX_LINES])
    return f"{start}\n... and so on" if text[len(start) :].strip() else start


def _started(arguments, present, printed):
    """Start a subprocess; `present` is its folder, in which the answer may write files."""
    present.mkdir()
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return subprocess.Popen(
                [sys.executable, "-uBc", _START, json.dumps(arguments)],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                cwd=present,
                env=os.environ | {"PYTHONIOENCODING": "utf-8"},
                start_new_session=os.name == "posix",
            )
        except BlockingIOError:  # children of another answer are as many as the system allows
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


# The path of modules is set in the subprocess: in PYTHONPATH it would come before Python's own.
_START = """
import json, sys
sys.path[:], arguments = json.loads(sys.argv[1])
from flashlm_np.course.worker import main
main(*arguments)
"""


def _module_path(file):
    """This program's path of modules, without the folders of the student.

    There a random.py or numpy.py would be imported in place of the library's.
    """
    students = {os.path.realpath(os.curdir), str(file.parent)}
    entries = [os.path.abspath(entry) for entry in sys.path]  # "" is the present folder
    safe = [entry for entry in entries if os.path.realpath(entry) not in students]
    return [*safe, str(Path(__file__).parents[2])]


def _wait(process, printed, seconds, stop):
    """Wait for the end of a subprocess; the reason if it passes a limit first, or ""."""
    deadline = time.monotonic() + seconds + START_SECONDS
    while process.poll() is None and not stop.wait(0.02):
        if time.monotonic() > deadline:
            return f"took longer than {seconds:g} s: an endless loop?"
        if os.fstat(printed.fileno()).st_size > MAX_PRINTED:
            return f"printed more than {MAX_PRINTED // 1_000_000} MB: an endless loop?"
    return ""


def _end(process):
    """End a subprocess and, where the system has sessions, all that it started."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
