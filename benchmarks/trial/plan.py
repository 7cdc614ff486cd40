"""The work of an experiment, which several processes may do at once.

Each process takes the first task that nobody has done or is doing. So an experiment that is
stopped goes on where it was.
"""

import time
from collections.abc import Callable, Iterable

from .laboratory import Laboratory
from .results import Results
from .tasks import Task
from .training import InUse, train_and_judge

WAIT = 20  # seconds between two looks at what another process is doing


def carry_out(
    tasks: Callable[[], Iterable[Task]], laboratory: Laboratory, results: Results
) -> None:
    """Do all tasks that are not in the results yet. Raises Stopped after a signal.

    tasks: gives the tasks that can be done now, in their order. It is asked again when these
        are done, because some depend on the results of others.
    """
    while missing := [t for t in tasks() if not t.is_done(laboratory.trial, results)]:
        if not any(_done(task, laboratory, results) for task in missing):
            time.sleep(WAIT)  # another process is doing the rest


def _done(task, laboratory, results):
    try:
        train_and_judge(laboratory, results, task)
    except InUse:
        return False
    return True
