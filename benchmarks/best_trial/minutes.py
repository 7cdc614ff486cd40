"""Minutes of a machine on which v3's step takes 0.45 s, evaluations included.

A machine that is slower needs more of its own minutes for the same steps. So the measured step
of v3 says how long a minute is here.
"""

import time
from collections.abc import Iterator

from benchmarks.trial.contender import Trial
from benchmarks.trial.equal_time import comparable, seconds_pace, size
from benchmarks.trial.laboratory import Laboratory
from benchmarks.trial.results import Results
from benchmarks.trial.tasks import Run, Task
from flashlm_np.errors import UserError
from flashlm_np.model.presets import V3

V3_STEP = 0.45  # seconds of a step of v3's phase 1b, on the machine whose minutes are meant
PHASE = size(V3.phases[1])


def time_evaluations(laboratory: Laboratory, results: Results, names: list[str]) -> None:
    """Time an evaluation of each contender, on as many tokens as a run's own.

    The reference's is timed in the same minute. So a later contender can be added on another
    machine.
    """
    reference = laboratory.trial.reference
    seconds = {}
    for name in dict.fromkeys([reference, *names]):
        state = laboratory.state(name, laboratory.trial.config(name))
        start = time.perf_counter()
        laboratory.losses(name, state, laboratory.tokens("curve"))
        seconds[name] = time.perf_counter() - start
    for name in names:
        results.add(
            "evaluation", contender=name, seconds=seconds[name], beside=seconds[reference]
        )


def is_timed(results: Results, trial: Trial, name: str) -> bool:
    """Whether the steps and the evaluation of a contender are measured."""
    steps = results.lines("time", contender=name, work=trial.work[name])
    return bool(steps and results.lines("evaluation", contender=name))


def minutes_here(results: Results, minutes: float) -> float:
    """The minutes of the machine of the results in which it does as much."""
    return minutes * results.lines("time", contender="v3", phase=PHASE)[-1]["seconds"] / V3_STEP


def steps_in(results: Results, trial: Trial, name: str, minutes: float) -> int:
    """The steps of a contender in some minutes, less those in which it evaluates."""
    pace = seconds_pace(results, trial, name)
    seconds = 60 * minutes_here(results, minutes)
    evaluations = pace.steps_in(seconds) // trial.config(name).eval_every + 1
    line = results.lines("evaluation", contender=name)[-1]
    each = comparable(line, results.lines("evaluation", contender=trial.reference))
    return max(1, int(pace.steps_in(max(0.0, seconds - evaluations * each))))


def tasks(
    trial: Trial, results: Results, names: list[str], minutes: list[float], seeds: list[int]
) -> Iterator[Task]:
    """All runs, short ones first. Raises UserError if a contender is not timed."""
    needed = dict.fromkeys(["v3", *names])  # v3's step says how long a minute is
    if missing := [name for name in needed if not is_timed(results, trial, name)]:
        raise UserError(
            f"the minutes need the seconds of a step of {', '.join(missing)}; measure them "
            "with --time, on a machine that does nothing else"
        )
    for each in sorted(minutes):
        for seed in seeds:
            for name in names:
                run = Run(name, seed, minutes=each)
                yield Task(run, steps_in(results, trial, name, each), curve=True)
