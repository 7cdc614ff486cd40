"""A line against the base, at equal time: paired by seed, and by token.

With one seed, lines that draw the same numbers have the same start and the same batches. All
runs are judged on the same tokens. Most of a loss's error is common to both, so the difference
has a smaller one.

    d_sb     the difference of the losses of block b of tokens, for seed s
    d        its mean over all seeds and blocks
    seeds    the standard deviation of mean_b d_sb over the S seeds, / √S
    tokens   that of mean_s d_sb over the B blocks, / √B
    error    √(seeds² + tokens²)

Three seeds give a poor estimate of a deviation, and one gives none. So the deviation between
the seeds of a line is never less than that of the median line.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.trial.contender import Trial
from benchmarks.trial.results import Results
from benchmarks.trial.tasks import Run

SURE = 2  # errors from 0: a smaller difference is none that is shown


@dataclass(frozen=True)
class Difference:
    """A line, its losses at equal time, and its difference to another line, in nats."""

    name: str
    against: str
    losses: list[float]  # of each seed
    seed_errors: list[float]  # of each loss over the tokens
    mean: float
    seeds: float  # NaN for one seed
    tokens: float

    @property
    def error(self) -> float:
        seeds = 0.0 if math.isnan(self.seeds) else self.seeds
        return math.hypot(seeds, self.tokens)

    @property
    def verdict(self) -> str:
        if self.name == self.against:
            return ""
        if math.isnan(self.mean):
            return "diverged"
        if abs(self.mean) <= SURE * self.error:
            return "no difference shown"
        return "better" if self.mean < 0 else "worse"


def all_differences(results: Results, trial: Trial, minutes: float) -> list[Difference]:
    """The differences of all lines that were trained, in the order of the trial."""
    found = [_difference(results, trial, name, minutes) for name in trial.contenders]
    found = [difference for difference in found if difference]
    deviations = [d.seeds * math.sqrt(len(d.losses)) for d in found if d.seeds > 0]
    typical = float(np.median(deviations)) if deviations else math.nan
    return [d if d.name == d.against else _with_typical(d, typical) for d in found]


def _with_typical(difference, deviation):
    typical = deviation / math.sqrt(len(difference.losses))
    return replace(difference, seeds=float(np.fmax(difference.seeds, typical)))


def _difference(results, trial, name, minutes) -> Difference | None:
    against = trial.contenders[name].against or trial.reference
    own, other = (_by_seed(results, trial, n, minutes) for n in (name, against))
    seeds = sorted(own.keys() & other.keys())
    if not seeds:
        return None
    d = np.array([own[s]["blocks"] - other[s]["blocks"] for s in seeds])  # (S, B)
    S, B = d.shape
    return Difference(
        name,
        against,
        losses=[own[s]["loss"] for s in seeds],
        seed_errors=[own[s]["error"] for s in seeds],
        mean=float(d.mean()),
        seeds=float(d.mean(axis=1).std(ddof=1) / math.sqrt(S)) if S > 1 else math.nan,
        tokens=float(d.mean(axis=0).std(ddof=1) / math.sqrt(B)) if B > 1 else math.nan,
    )


def _by_seed(results, trial, name, minutes):
    """The last line of each seed of a contender, its blocks as an array."""
    found = {}
    for line in results.lines("loss", contender=name, minutes=minutes):
        run = Run(name, line["seed"], minutes=minutes)
        if line["code"] == run.entries(trial)["code"]:
            loss = math.nan if line["loss"] is None else line["loss"]  # NaN: it diverged
            blocks = np.array(line["blocks"], float) + 0 * loss
            found[line["seed"]] = line | {"loss": loss, "blocks": blocks}
    return found
