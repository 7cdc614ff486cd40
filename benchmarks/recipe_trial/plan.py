"""The plan of the ablation: the runs of the first seed for all lines, then of the next seed."""

from collections.abc import Iterator

from benchmarks.trial.contender import Trial
from benchmarks.trial.equal_time import is_timed, steps_of
from benchmarks.trial.results import Results
from benchmarks.trial.tasks import Run, Task
from flashlm_np.errors import UserError


def with_references(trial: Trial, names: list[str]) -> list[str]:
    """The lines with those that they are compared with, in the order of the trial."""
    needed = {trial.reference, *names}
    needed |= {trial.contenders[name].against for name in names}
    return [name for name in trial.contenders if name in needed]


def untimed(trial: Trial, results: Results, names: list[str]) -> list[str]:
    """The lines whose steps have no measured seconds."""
    return [name for name in names if not is_timed(results, trial, name)]


def tasks(
    trial: Trial, results: Results, names: list[str], minutes: float, seeds: list[int]
) -> Iterator[Task]:
    """All runs in their order. Raises UserError if a line is not timed."""
    if missing := untimed(trial, results, names):
        raise UserError(
            f"equal time needs the seconds of a step of {', '.join(missing)}; measure them "
            "with --time, on a machine that does nothing else"
        )
    for seed in seeds:
        for name in names:
            end = steps_of(results, trial, name, minutes)
            yield Task(Run(name, seed, minutes=minutes), end)
