"""The work of an experiment in tasks: a run of a contender, and the step to train it to."""

import zlib
from dataclasses import dataclass
from pathlib import Path

from .contender import Trial
from .results import Results

CHOICE_SEED = 0  # of the runs that choose a learning rate; no other run has it
FIRST_MARK, MARKS_PER_DOUBLING = 64, 2  # the steps at which runs are judged


@dataclass(frozen=True)
class Run:
    """A contender with a seed and a factor of the learning rate.

    minutes: of equal time, if the schedule of the run ends with it. Then it is judged once, at
        its end, and the losses of blocks of tokens are kept, which pair it with other runs.
    """

    contender: str
    seed: int
    factor: float = 1.0
    minutes: float | None = None

    def entries(self, trial: Trial) -> dict:
        """What a line of the results says about the run."""
        about = {"contender": self.contender, "seed": self.seed, "factor": self.factor}
        about |= {"phases": trial.phases}
        if self.minutes is None:
            return about
        code = trial.contenders[self.contender].code(trial.base)
        return about | {"minutes": self.minutes, "code": code}

    def folder(self, work: Path, trial: Trial, fingerprint: str, end: int) -> Path:
        """The folder of its checkpoint. A run whose schedule ends elsewhere has another one."""
        base = trial.base
        parts = base.phases, base.vocab_size, base.d_model, fingerprint
        if self.minutes is not None:
            parts += end, self.entries(trial)["code"]
        code = zlib.crc32(repr(parts).encode())
        return work / f"{self.contender}-{self.seed}-{self.factor:g}-{code:08x}"


@dataclass(frozen=True)
class Task:
    """Train a run to step `end`.

    kind: "loss", or "rate" for the loss at `end` alone, on the tokens for choices.
    curve: whether the run is also judged on the way, on fewer tokens, for a plot.
    """

    run: Run
    end: int
    kind: str = "loss"
    curve: bool = False

    @property
    def steps(self) -> list[int]:
        """The steps at which the run is judged."""
        at_end = self.kind == "rate" or self.run.minutes is not None
        return [self.end] if at_end else marks(self.end)

    @property
    def judgements(self) -> list[tuple[int, str]]:
        """Each step at which the run is judged, with the kind of line that this gives."""
        on_the_way = marks(self.end) if self.curve else []
        found = [(step, self.kind) for step in self.steps]
        return sorted(found + [(step, "curve") for step in on_the_way])

    def is_done(self, trial: Trial, results: Results) -> bool:
        lines = results.lines(self.kind, **self.run.entries(trial))
        grows = self.kind == "loss" and self.run.minutes is None
        return any(not grows or line["step"] >= self.end for line in lines)


def marks(end: int) -> list[int]:
    """The steps up to `end` at which a run is judged: 64 90 128 181 256 ..., and `end`."""
    grid, step = [], FIRST_MARK
    while step < end:
        grid.append(step)
        step = round(FIRST_MARK * 2 ** (len(grid) / MARKS_PER_DOUBLING))
    return [*grid, end]
