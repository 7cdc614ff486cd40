"""Grade one exercise; this runs in a subprocess that `runner` starts and may end.

Only this process runs the student's code.
"""

import faulthandler
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from .exercise import Failure, Grade
from .exercises import find
from .grader import grade
from .looks import watch_looks
from .student import load


def main(name: str, file: str, folder: str, seconds: float) -> None:
    """Grade `file` as the exercise `name`; write the grade to grade.json in `folder`.

    After `seconds` the process ends, and its stack is in trace.txt.
    """
    exercise, path = find(name), Path(file)
    sys.path.append(str(path.parent))  # last, so that no file of the student hides a module
    with open(Path(folder, "trace.txt"), "w", encoding="utf-8") as trace:
        faulthandler.dump_traceback_later(seconds, exit=True, file=trace)
        watch_looks(file)
        try:
            result = grade(exercise, load(exercise, path))
        except Failure as failure:
            result = Grade.of_failure(failure)
        faulthandler.cancel_dump_traceback_later()
    Path(folder, "grade.json").write_text(json.dumps(asdict(result)), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:4], seconds=float(sys.argv[4]))
    os._exit(0)  # without waiting for threads that the student started
