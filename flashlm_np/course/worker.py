"""One exercise, graded in a process of its own, which `runner` starts and may end.

The student's file is run here, and nowhere else. A watchdog ends the process when its time is
over, and first writes down in which line it was.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import sys
from pathlib import Path

from .exercises import find
from .grading import grade
from .student import load
from .verdict import Trouble, Verdict, verdict_of


def main(name: str, file: str, out: str, seconds: float) -> None:
    """Grade `file` as the exercise `name`; the verdict goes to the file `out`, as JSON.

    What the process was doing when `seconds` were over goes to `out` + ".trace".
    """
    # Under another name first, so that a verdict that is there is whole.
    unfinished = Path(out + ".unfinished")
    with open(out + ".trace", "w", encoding="utf-8") as trace:
        faulthandler.dump_traceback_later(seconds, exit=True, file=trace)
        verdict = _verdict(name, Path(file))
        faulthandler.cancel_dump_traceback_later()
    unfinished.write_text(json.dumps(verdict.record()), encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the student may have closed it
            stream.flush()
    unfinished.replace(out)


def _verdict(name: str, file: Path) -> Verdict:
    exercise = find(name)
    sys.path.append(str(file.parent))  # last, so that no file of the student's hides a module
    try:
        return grade(exercise, load(exercise, file))
    except Trouble as trouble:
        return verdict_of(trouble)
