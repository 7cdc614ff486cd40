"""Grade each exercise in a subprocess, with limits on its time and its output.

This protects against accidents, not against malice. To grade the files of strangers, run the
whole program in a container.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .exercise import TO_DO, WRONG, Exercise, Failure, Grade
from .student import read

SECONDS = 20.0  # the student's time for one exercise
START_SECONDS = 30.0  # more, until the subprocess is ended from outside; it has to start
MAX_PRINTED = 10_000_000  # bytes that end the subprocess
MAX_SHOWN = 4000  # characters of the output that are kept


def check(
    files: dict[Exercise, Path | None], seconds: float = SECONDS
) -> Iterator[tuple[Exercise, Grade]]:
    """The grade of each exercise's file, in order, as soon as it is known."""
    stop = threading.Event()  # ends the subprocesses that still run
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        jobs = [pool.submit(_check_file, *item, seconds, stop) for item in files.items()]
        for exercise, job in zip(files, jobs, strict=True):
            yield exercise, job.result()
    finally:  # also after Ctrl-C, and when the caller stops early
        stop.set()
        pool.shutdown(cancel_futures=True)


def _check_file(exercise, file, seconds, stop):
    """The grade of one file; a subprocess starts only if a function is written."""
    start = time.perf_counter()
    if file is None:
        text = f"{exercise.file_name} is missing; flashlm course start writes it"
        return Grade(TO_DO, (text,))
    try:
        _, blank = read(exercise, file)
    except Failure as failure:
        return Grade.of_failure(failure)
    if len(blank) == len(exercise.functions):
        return Grade(TO_DO, (f"to do: {', '.join(exercise.solution)}",))
    with tempfile.TemporaryDirectory(prefix="flashlm-", ignore_cleanup_errors=True) as folder:
        grade = _grade_in_subprocess(exercise, file.resolve(), seconds, Path(folder), stop)
    grade.seconds = time.perf_counter() - start
    return grade


def _grade_in_subprocess(exercise, file, seconds, folder, stop):
    environment = {
        "PYTHONPATH": os.pathsep.join(os.path.abspath(entry) for entry in sys.path),
        "PYTHONIOENCODING": "utf-8",
    }
    arguments = [exercise.name, str(file), str(folder), str(seconds)]
    with open(folder / "printed.txt", "w+b") as printed:
        process = subprocess.Popen(
            [sys.executable, "-uBm", "flashlm_np.course.worker", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=os.environ | environment,
            start_new_session=os.name == "posix",
        )
        excess = _wait(process, printed, seconds, stop)
        _end(process)
        printed.seek(0)
        text = printed.read(4 * MAX_SHOWN).decode("utf-8", "replace").replace("\r\n", "\n")
    try:
        grade = Grade(**json.loads(_read(folder / "grade.json")))
    except (ValueError, TypeError):
        reason = excess or _reason(
            process.returncode, _read(folder / "trace.txt"), file, seconds
        )
        grade = Grade(WRONG, (reason,), crashed=True)
    grade.printed = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}\n... and so on"
    return grade


def _wait(process, printed, seconds, stop):
    """Wait for the end of a subprocess; the reason if it passes a limit first, or ""."""
    deadline = time.monotonic() + seconds + START_SECONDS
    while process.poll() is None and not stop.wait(0.02):
        if time.monotonic() > deadline:
            return f"took longer than {seconds:g} s: an endless loop?"
        if os.fstat(printed.fileno()).st_size > MAX_PRINTED:
            return f"printed more than {MAX_PRINTED // 1_000_000} MB: an endless loop?"
    return ""


def _reason(code, trace, file, seconds):
    """The reason why a subprocess ended by itself without a grade."""
    if "Timeout" in trace:
        line = re.search(rf'File "{re.escape(str(file))}", line (\d+) in (\w+)', trace)
        place = f", in line {line[1]}, {line[2]}" if line else ""
        return f"took longer than {seconds:g} s{place}: an endless loop?"
    if code < 0:
        with contextlib.suppress(ValueError):
            code = signal.Signals(-code).name
        return f"was ended by {code}: too much memory, or a crash outside Python?"
    return f"left Python with exit code {code} before the end: os._exit?"


def _read(file):
    """The text of a file of the subprocess, or "" if it did not write it."""
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


def _end(process):
    """End a subprocess and, where the system has sessions, all that it started."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
