"""Starting the workers, and ending those that do not end.

Student code gets a process, a time, and a place to print to; what it does to its own process is
its own trouble. This is no sandbox: it guards against accidents, not against malice. Whoever
grades strangers' files does it in a container.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..training.threads import available_cores
from .exercise import Exercise
from .printed import TOO_MUCH, Printed
from .student import read
from .verdict import TO_DO, WRONG, Trouble, Verdict, verdict_of

SECONDS = 20.0  # for the student's code of one exercise
START = 30.0  # seconds more until the process is ended from outside, its start included

# Left by os._exit: threads that the student started do not keep it alive.
_PROGRAM = """
import json, os, sys
sys.path[:] = json.loads(sys.argv[1])
from flashlm_np.course.worker import main
main(sys.argv[2], sys.argv[3], sys.argv[4], float(sys.argv[5]))
os._exit(0)
"""


def check(
    files: dict[Exercise, Path | None], seconds: float = SECONDS
) -> Iterator[tuple[Exercise, Verdict]]:
    """The verdict on each exercise's file, in order, as it becomes known."""
    running: set[subprocess.Popen] = set()
    pool = ThreadPoolExecutor(available_cores())
    try:
        jobs = [
            pool.submit(check_file, exercise, file, seconds, running)
            for exercise, file in files.items()
        ]
        for exercise, job in zip(files, jobs, strict=True):
            yield exercise, job.result()
    finally:  # also when the user interrupts, or no more verdicts are wanted
        pool.shutdown(wait=False, cancel_futures=True)
        for process in list(running):
            _end(process)


def check_file(exercise: Exercise, file: Path | None, seconds: float, running: set) -> Verdict:
    """The verdict on one file; a process is started only if there is something to run."""
    start = time.perf_counter()
    if file is None:
        return Verdict(
            TO_DO, (f"{exercise.file_name} is not there; flashlm course start writes it",)
        )
    try:
        _, blank = read(exercise, file)
    except Trouble as trouble:
        return verdict_of(trouble)
    if len(blank) == len(exercise.functions):
        return Verdict(TO_DO, (f"to do: {', '.join(exercise.functions)}",))
    with tempfile.TemporaryDirectory(prefix="flashlm-", ignore_cleanup_errors=True) as folder:
        verdict = _in_a_process(exercise, file.resolve(), seconds, Path(folder), running)
    verdict.seconds = time.perf_counter() - start
    return verdict


def _in_a_process(exercise, file, seconds, folder, running):
    out = folder / "verdict.json"
    path = [os.path.abspath(entry) for entry in sys.path]
    arguments = [json.dumps(path), exercise.name, str(file), str(out), str(seconds)]
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=os.environ | {"PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"},
        start_new_session=os.name == "posix",
    )
    running.add(process)
    printed = Printed(process)
    late = False
    try:
        process.wait(seconds + START)
    except subprocess.TimeoutExpired:
        late = True
    finally:
        _end(process)
        running.discard(process)
    verdict = _read_verdict(out) or _no_verdict(
        process.returncode, out, file, seconds, late, printed
    )
    verdict.printed = printed.text()
    return verdict


def _read_verdict(out):
    try:
        return Verdict.of_record(json.loads(out.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _no_verdict(code, out, file, seconds, late, printed):
    """Why a process left without a verdict."""
    trace = _read(out.with_name(out.name + ".trace"))
    if printed.too_much:
        what = f"printed more than {TOO_MUCH // 1_000_000} MB: an endless loop?"
    elif late or "Timeout" in trace:
        place = _place(trace, file)
        what = f"took longer than {seconds:g} s{place}: an endless loop?"
    elif code < 0:
        what = f"was ended by {_signal(-code)}: too much memory, or a crash outside Python?"
    else:
        what = f"left Python with exit code {code} before the end: os._exit?"
    return Verdict(WRONG, (what,), crashed=True)


def _read(path):
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _place(trace, file):
    """In which line of the student's file the process was, of what the watchdog wrote."""
    found = re.search(rf'File "{re.escape(str(file))}", line (\d+) in (\w+)', trace)
    return f", in line {found[1]}, {found[2]}" if found else ""


def _signal(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _end(process):
    """End a process and, where the system has sessions, all that it started."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
