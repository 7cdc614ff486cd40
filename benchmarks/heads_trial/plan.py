"""The work of an experiment: first the choice of each learning rate, then the runs.

Short times come first, so that an experiment that is stopped has compared all heads for a short
time. Several processes may do the same plan: each leaves out what another one is doing.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

from .contenders import CONTENDERS
from .equal_time import seconds_pace
from .laboratory import Laboratory
from .results import Results
from .training import InUse, Run, train_and_judge

CHOICE_SEED = 0  # of the runs that choose a learning rate; no other run has it
WAIT = 20  # seconds between two looks at what another process is doing


@dataclass(frozen=True)
class Plan:
    """Contenders, minutes of equal time, seeds, and factors of AdamW's learning rate.

    choice_minutes: the equal time after which the best factor is chosen.
    slack: runs are longer by this factor, for steps that turn out to be faster.
    """

    names: list[str]
    minutes: list[float]
    seeds: list[int]
    factors: list[float]
    choice_minutes: float = 1.0
    slack: float = 1.25

    def carry_out(self, laboratory: Laboratory, results: Results) -> None:
        """Do all that is not in the results yet. Raises Stopped after a signal."""
        while tasks := self._missing(laboratory, results):
            if not any(self._done(task, laboratory, results) for task in tasks):
                time.sleep(WAIT)  # another process is doing the rest

    def _done(self, task, laboratory, results):
        run, end, kind = task
        try:
            train_and_judge(laboratory, results, run, end, kind)
        except InUse:
            return False
        return True

    def _missing(self, laboratory, results) -> list[tuple[Run, int, str]]:
        """The tasks that can be done now, in their order: run, last step, kind of line."""
        base = laboratory.base
        tasks = [*self._choices(laboratory, results), *self._runs(laboratory, results)]
        return [task for task in tasks if not _is_done(task, base, results)]

    def _choices(self, laboratory, results) -> Iterator[tuple[Run, int, str]]:
        for name in self.names if len(self.factors) > 1 else ():
            if self._factor(laboratory, results, name) is None:
                end = self._end(laboratory, results, name, self.choice_minutes, 1.0)
                for factor in self.factors:
                    yield Run(name, CHOICE_SEED, factor), end, "rate"

    def _runs(self, laboratory, results) -> Iterator[tuple[Run, int, str]]:
        for minutes in sorted(self.minutes):
            for seed in self.seeds:
                for name in self.names:
                    factor = self._factor(laboratory, results, name)
                    if factor is not None:
                        end = self._end(laboratory, results, name, minutes, self.slack)
                        yield Run(name, seed, factor), end, "loss"

    def _factor(self, laboratory, results, name):
        """The chosen factor of a contender; None while a trial of it is missing."""
        if len(self.factors) == 1:
            return self.factors[0]
        losses = trial_losses(results, name, laboratory.base)
        if not losses.keys() >= set(self.factors):
            return None
        return min(self.factors, key=losses.get)

    def _end(self, laboratory, results, name, minutes, slack):
        pace = seconds_pace(results, name, CONTENDERS[name], laboratory.base)
        return max(1, math.ceil(slack * pace.steps_in(60 * minutes)))


def _is_done(task, base, results):
    run, end, kind = task
    steps = [line["step"] for line in results.lines(kind, **run.entries(base))]
    return bool(steps) and (kind == "rate" or max(steps) >= end)


def trial_losses(results: Results, name: str, base) -> dict[float, float]:
    """The loss of each factor that was tried for a contender; infinite if it diverged."""
    phases = " ".join(map(str, base.phases))
    lines = results.lines("rate", contender=name, phases=phases)
    return {
        line["factor"]: math.inf if line["loss"] is None else line["loss"] for line in lines
    }
