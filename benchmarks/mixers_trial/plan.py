"""The plan: each mixer's two rates are chosen by short trials, equally many; then the runs."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.trial.contender import Trial
from benchmarks.trial.curves import losses_of_factors
from benchmarks.trial.equal_time import last_step
from benchmarks.trial.results import Results
from benchmarks.trial.tasks import CHOICE_SEED, Run, Task

from .contenders import variant


@dataclass(frozen=True)
class Plan:
    """Mixers, minutes of equal time, seeds, rates of the matrices, factors of AdamW's rate.

    choice_minutes: the equal time of a trial. slack: runs are longer by this factor, for equal
    positions and for steps that turn out to be faster.
    """

    mixers: list[str]
    minutes: list[float]
    seeds: list[int]
    rates: list[float]
    factors: list[float]
    choice_minutes: float = 1.0
    slack: float = 1.25

    def tasks(self, trial: Trial, results: Results) -> Iterator[Task]:
        """The tasks that can be done now, and those that are done, in their order."""
        for mixer in self.mixers:
            yield from self._choices(trial, results, mixer)
        for minutes in sorted(self.minutes):
            for seed in self.seeds:
                for mixer in self.mixers:
                    if chosen := self.chosen(trial, results, mixer):
                        end = last_step(trial, results, chosen[0], minutes, self.slack)
                        yield Task(Run(chosen[0], seed, chosen[1]), end)

    def _choices(self, trial, results, mixer) -> Iterator[Task]:
        for name in self._variants(mixer):
            end = last_step(trial, results, name, self.choice_minutes)
            for factor in self.factors:
                if factor not in losses_of_factors(results, trial, name):
                    yield Task(Run(name, CHOICE_SEED, factor), end, "rate")

    def chosen(self, trial: Trial, results: Results, mixer: str) -> tuple[str, float] | None:
        """The contender and factor with the least loss; None while a trial is missing."""
        tried = {
            (name, factor): loss
            for name in self._variants(mixer)
            for factor, loss in losses_of_factors(results, trial, name).items()
            if factor in self.factors
        }
        if len(tried) < len(self.rates) * len(self.factors):
            return None
        best = min(tried, key=tried.__getitem__)
        return best if math.isfinite(tried[best]) else None

    def _variants(self, mixer):
        return [variant(mixer, rate) for rate in self.rates]
