"""The loss of a contender as a curve over its steps, its seconds and its scored positions."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .contender import Contender, Trial
from .equal_time import Pace, positions_pace, seconds_pace
from .results import Results

BEYOND = 1.02  # a curve is read so far beyond its ends


@dataclass(frozen=True)
class Curves:
    """The curves of one contender, one for each seed.

    runs: by seed, the steps (M,), losses (M,) and standard errors (M,), in nats per token.
    """

    name: str
    contender: Contender
    factor: float
    runs: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]]
    seconds: Pace
    positions: Pace

    @property
    def label(self) -> str:
        return self.contender.label

    def after_seconds(self, seconds: float) -> list[float]:
        """The loss of each seed that trained so long."""
        return self._at(self.seconds.steps_in(seconds))

    def after_positions(self, positions: float) -> list[float]:
        """The loss of each seed that scored so many positions."""
        return self._at(self.positions.steps_in(positions))

    def _at(self, step):
        found = [_read(np.log(steps), losses, step) for steps, losses, _ in self.runs.values()]
        return [loss for loss in found if loss is not None]

    @cached_property
    def longest(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The steps, losses and errors of the longest run."""
        return max(self.runs.values(), key=lambda run: run[0][-1])

    def seconds_to(self, loss: float) -> float:
        """The seconds after which the longest run has reached a loss: infinite if it has not.

        Where the first measured loss is lower already, this is an upper bound.
        """
        steps, losses, _ = self.longest
        below = np.flatnonzero(losses <= loss)
        if not len(below):
            return math.inf
        i = below[0]
        if i == 0:
            return self.seconds.total(steps[0])
        part = (losses[i - 1] - loss) / (losses[i - 1] - losses[i])
        step = math.exp((1 - part) * math.log(steps[i - 1]) + part * math.log(steps[i]))
        return self.seconds.total(step)


def _read(log_steps, losses, step):
    """The loss at a step, between two marks on a line over log steps; None outside."""
    x = math.log(step)
    outside = math.log(BEYOND)
    if not log_steps[0] - outside <= x <= log_steps[-1] + outside:
        return None
    return float(np.interp(x, log_steps, losses))


def all_curves(results: Results, trial: Trial) -> list[Curves]:
    """The curves of each contender at its best factor, in the order of the trial."""
    found = []
    for name, contender in trial.contenders.items():
        lines = results.lines("loss", contender=name, phases=trial.phases)
        tried = losses_of_factors(results, trial, name)
        trained = sorted({line["factor"] for line in lines})
        if not trained:
            continue
        factor = min(trained, key=lambda factor: tried.get(factor, math.inf))
        runs = _runs(line for line in lines if line["factor"] == factor)
        paces = seconds_pace(results, trial, name), positions_pace(trial, name)
        found.append(Curves(name, contender, factor, runs, *paces))
    return found


def losses_of_factors(results: Results, trial: Trial, name: str) -> dict[float, float]:
    """The loss of each factor that was tried for a contender; infinite if it diverged."""
    lines = results.lines("rate", contender=name, phases=trial.phases)
    return {
        line["factor"]: math.inf if line["loss"] is None else line["loss"] for line in lines
    }


def _runs(lines):
    by_seed: dict[int, dict] = {}
    for line in lines:
        if line["loss"] is not None:
            by_seed.setdefault(line["seed"], {})[line["step"]] = line["loss"], line["error"]
    runs = {}
    for seed, at in sorted(by_seed.items()):
        steps = sorted(at)
        losses, errors = zip(*(at[step] for step in steps), strict=True)
        runs[seed] = np.array(steps), np.array(losses), np.array(errors, float)
    return runs


def mean_and_spread(losses: list[float]) -> tuple[float, float]:
    """The mean over the seeds and its standard error; NaN where one number gives none."""
    if not losses:
        return math.nan, math.nan
    spread = np.std(losses, ddof=1) / math.sqrt(len(losses)) if len(losses) > 1 else math.nan
    return float(np.mean(losses)), float(spread)
