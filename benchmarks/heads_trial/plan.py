"""The plan of the heads' trial: first the choice of each learning rate, then the runs.

Short times come first, so that an experiment that is stopped has compared all heads for a short
time.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.trial.contender import Trial
from benchmarks.trial.curves import losses_of_factors
from benchmarks.trial.equal_time import last_step
from benchmarks.trial.laboratory import Laboratory
from benchmarks.trial.plan import carry_out
from benchmarks.trial.results import Results
from benchmarks.trial.tasks import CHOICE_SEED, Run, Task


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
        trial = laboratory.trial
        carry_out(lambda: self.tasks(trial, results), laboratory, results)

    def tasks(self, trial: Trial, results: Results) -> Iterator[Task]:
        """The tasks that can be done now, and those that are done, in their order."""
        yield from self._choices(trial, results)
        for minutes in sorted(self.minutes):
            for seed in self.seeds:
                for name in self.names:
                    factor = self._factor(trial, results, name)
                    if factor is not None:
                        end = last_step(trial, results, name, minutes, self.slack)
                        yield Task(Run(name, seed, factor), end)

    def _choices(self, trial, results) -> Iterator[Task]:
        for name in self.names if len(self.factors) > 1 else ():
            if self._factor(trial, results, name) is None:
                end = last_step(trial, results, name, self.choice_minutes, 1.0)
                for factor in self.factors:
                    yield Task(Run(name, CHOICE_SEED, factor), end, "rate")

    def _factor(self, trial, results, name):
        """The chosen factor of a contender; None while a trial of it is missing."""
        if len(self.factors) == 1:
            return self.factors[0]
        losses = losses_of_factors(results, trial, name)
        if not losses.keys() >= set(self.factors):
            return None
        return min(self.factors, key=losses.get)
