"""The number of optimizer steps that fit into a given time on this machine."""

import os
import time
from pathlib import Path

from ..data.dataset import Dataset
from ..data.tokenizers.tokenizer import Tokenizer
from ..model.config import Config, Phase
from .trainer import Trainer

TRAINING_PART = 0.9  # of the time; the rest is for evaluations and checkpoints


def steps_in(
    minutes: float, config: Config, dataset: Dataset, tokenizer: Tokenizer, threads: int | None
) -> int:
    """Time a few steps of each phase, and return how many steps fit into `minutes`.

    The steps are taken by a second trainer, which is thrown away. So the run itself depends on
    the clock only through the returned number.
    """
    left, steps = 60 * minutes * TRAINING_PART, 0
    trainer = Trainer(config, dataset, tokenizer, Path(os.devnull), threads)
    for phase, stop in _phases(config):
        seconds = _seconds_per_step(trainer, phase)
        fitting = int(left / seconds)
        if stop is None or fitting < stop - phase.first_step:
            return max(1, steps + fitting)
        steps, left = stop - 1, left - seconds * (stop - phase.first_step)
    return steps


def _phases(config):
    """Each phase, and the step at which the next one starts (None after the last)."""
    phases = sorted(config.phases, key=lambda phase: phase.first_step)
    return zip(phases, [phase.first_step for phase in phases[1:]] + [None], strict=True)


def _seconds_per_step(trainer: Trainer, phase: Phase) -> float:
    seconds = []
    for _ in range(4):
        trainer.step = phase.first_step - 1
        start = time.perf_counter()
        trainer.one_step()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds[1:])[1]  # the median, without the first step, which warms up
