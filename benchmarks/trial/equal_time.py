"""Equal time: the step that a contender reaches in so many seconds, or scored positions.

The seconds of a step are medians that were measured for all contenders in one run, in turn.
Training itself may take any time, on any number of cores: its losses depend on the step alone.
"""

import math
from dataclasses import dataclass

from flashlm_np.model.config import Config
from flashlm_np.model.phase import Phase

from .contender import STAGED, Trial
from .results import Results

GUESSED_TOKENS = 2048  # of a step whose seconds are a contender's guess


@dataclass(frozen=True)
class Pace:
    """What each step of a run adds: seconds, or scored positions."""

    parts: list[tuple[int, float, float]]  # of each phase: first step, last step, per step

    def total(self, step: int) -> float:
        """The sum over the steps 1 to `step`."""
        taken = [(min(step, last) - first + 1, each) for first, last, each in self.parts]
        return sum(count * each for count, each in taken if count > 0)

    def steps_in(self, amount: float) -> float:
        """The number of steps whose total is `amount`; it need not be whole."""
        for first, last, each in self.parts:
            length = last - first + 1
            if amount <= each * length:
                return first - 1 + amount / each
            amount -= each * length
        raise AssertionError("the last phase has no end")


def pace(config: Config, per_step) -> Pace:
    """The pace of a run, where per_step(phase) gives what a step adds."""
    return Pace([(p.first_step, last, per_step(p)) for p, last in config.phases_in_order()])


def seconds_pace(results: Results, trial: Trial, name: str) -> Pace:
    """The seconds of a contender's steps as last measured, and guessed where they are not."""
    references = _times(results, trial, trial.reference)

    def same_phase(line):
        return [other for other in references if other["phase"] == line.get("beside_phase")]

    lines = _times(results, trial, name)
    measured = {line["phase"]: comparable(line, same_phase(line)) for line in lines}

    def seconds(phase):
        guess = trial.contenders[name].seconds * phase.tokens / GUESSED_TOKENS
        return measured.get(size(phase), guess)

    return pace(trial.config(name), seconds)


def is_timed(results: Results, trial: Trial, name: str) -> bool:
    """Whether the seconds of a contender are measured: its first phase, or all its stages."""
    known = {line["phase"] for line in _times(results, trial, name)}
    config, stages = trial.config(name), trial.contenders[name].stages
    return all(size(p) in known for p in (config.phases if stages else [config.phase(1)]))


def _times(results, trial, name):
    """The lines about a contender's steps, or those of another one with the same work."""
    lines = results.lines("time", contender=trial.timed_as(name))
    return [line for line in lines if line.get("work") in (None, trial.work[name])]


def comparable(line: dict, references: list[dict]) -> float:
    """The seconds of a line, as if all contenders had been timed together.

    references: the reference's own lines of such steps.

    Many contenders are timed in groups. The reference is in every group, so the machine's load
    in the time of a group cancels.
    """
    if "beside" not in line or not references:
        return line["seconds"]
    return line["seconds"] * references[-1]["seconds"] / line["beside"]


def steps_of(results: Results, trial: Trial, name: str, minutes: float) -> int:
    """The whole number of steps that fit best into some minutes, at least 1."""
    pace = seconds_pace(results, trial, name)
    if trial.contenders[name].stages:  # they are parts of the run, however long it is
        return max(1, round(60 * minutes * STAGED / pace.total(STAGED)))
    return max(1, round(pace.steps_in(60 * minutes)))


def last_step(
    trial: Trial, results: Results, name: str, minutes: float, slack: float = 1.0
) -> int:
    """The step at which a contender has trained for some minutes, times `slack`."""
    pace = seconds_pace(results, trial, name)
    return max(1, math.ceil(slack * pace.steps_in(60 * minutes)))


def positions_pace(trial: Trial, name: str) -> Pace:
    """The positions that a contender's steps score."""
    config = trial.config(name)
    return pace(config, lambda phase: scored(config, phase))


def scored(config: Config, phase: Phase) -> int:
    """The positions that a step of a phase scores."""
    micro_batch = phase.batch * phase.sequence
    if config.position_share == 1:
        return phase.micro_batches * micro_batch
    return phase.micro_batches * max(1, int(config.position_share * micro_batch))


def size(phase: Phase) -> str:
    """A phase without its first step: its steps are the same wherever it begins."""
    return str(phase).partition(":")[2]
