"""How many steps fit into some minutes: a few steps of each phase are timed."""

import statistics
import time

from ..data.dataset import Dataset
from ..data.tokenizers.tokenizer import Tokenizer
from ..errors import UserError
from ..model.config import Config
from ..model.heads.layout import TableLayout
from ..ngrams.kneser_ney import KneserNey
from ..training.processes import Processes
from .run_state import RunState

TRAINING_PART = 0.9  # of the minutes of a run; the rest is for evaluations and checkpoints


def steps_in(
    minutes: float,
    config: Config,
    dataset: Dataset,
    tokenizer: Tokenizer,
    threads: int | None,
    layout: TableLayout,
    ngrams: KneserNey | None = None,
    processes: Processes | None = None,
) -> int:
    """The number of steps, at least 1, that fit into `minutes`.

    The timed steps are those of a second model, which is thrown away. So the run itself depends
    on the clock only through the returned number.
    """
    left, steps = 60 * minutes * TRAINING_PART, 0
    parts = {"layout": layout, "ngrams": ngrams, "processes": processes}
    state = RunState(config, dataset, tokenizer, threads, **parts)
    for phase, last in config.phases_in_order():
        seconds = _seconds_per_step(state, phase.first_step)
        fitting, length = int(left / seconds), last - phase.first_step + 1
        steps += min(fitting, length)
        left -= seconds * length
        if fitting < length:
            break
    return max(1, steps)


def _seconds_per_step(state: RunState, step: int) -> float:
    """The median of three steps, after a first one that warms up; that of process 0."""
    seconds = []
    for _ in range(4):
        state.step = step - 1
        start = time.perf_counter()
        state.one_step()
        seconds.append(time.perf_counter() - start)
    median = state.processes.of_first(statistics.median(seconds[1:]))
    if median <= 0:
        raise UserError("the clock of this machine stands still; give --steps, not --minutes")
    return median
