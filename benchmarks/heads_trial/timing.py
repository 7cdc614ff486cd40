"""Seconds per step, measured in turn: a disturbance of the machine slows all contenders."""

import statistics
import time

from flashlm_np.analysis.step_profile import HEAD
from flashlm_np.model.phase import Phase
from flashlm_np.runs.run_state import RunState
from minigrad.look import profile

from .contenders import CONTENDERS
from .equal_time import scored, seconds_pace, size
from .laboratory import Laboratory
from .results import Results

WARM_UP = 2  # steps that are not timed
PROFILED = 3  # steps whose operations are timed, after the others
STAGES = {  # of a step, after forward and backward
    "gradient norm": "optimizer",
    "NorMuon and AdamW": "optimizer",
    "averaged weights": "averages",
}


def time_steps(
    laboratory: Laboratory, results: Results, names: list[str], minutes: float, steps: int
) -> None:
    """Time the phases that the runs reach in `minutes`, and the first trained one for all."""
    base = laboratory.base
    states = {name: laboratory.state(CONTENDERS[name].config(base)) for name in names}
    for phase in base.phases:
        here = names
        if phase != report_phase(base):
            here = [name for name in names if _reaches(results, name, base, phase, minutes)]
        if here:
            _time_phase({name: states[name] for name in here}, phase, results, steps)


def report_phase(base) -> Phase:
    """The first phase that trains the embedding: steps of all heads are compared in it."""
    phases = [phase for phase, _ in base.phases_in_order()]
    return next((phase for phase in phases if not phase.frozen_embedding), phases[0])


def _reaches(results, name, base, phase, minutes):
    pace = seconds_pace(results, name, CONTENDERS[name], base)
    return pace.total(phase.first_step - 1) < 60 * minutes


def _time_phase(states, phase, results, steps):
    """Time steps of all contenders in one phase, one of each, round and round."""
    seconds = {name: [] for name in states}
    parts = {name: [] for name in states}
    for turn in range(WARM_UP + steps + PROFILED):
        for name, state in states.items():
            if turn < WARM_UP:
                _timed_step(state, phase)
            elif turn < WARM_UP + steps:
                seconds[name].append(_timed_step(state, phase)[0])
            else:
                parts[name].append(_parts_of_step(state, phase))
    for name, state in states.items():
        about = {"contender": name, "phase": size(phase)}
        taken, threads = seconds[name], state.fast_step.workers.threads
        results.add(
            "time",
            **about,
            seconds=statistics.median(taken),
            least=min(taken),
            most=max(taken),
            scored=scored(state.config, phase),
            steps=steps,
            threads=threads,
        )
        means = {key: statistics.fmean(p[key] for p in parts[name]) for key in parts[name][0]}
        results.add("profile", **about, **means, threads=threads)
        print(f"{phase} {name}: {statistics.median(taken):.3f} s a step", flush=True)


def _timed_step(state: RunState, phase: Phase) -> tuple[float, dict]:
    """Take a step of a phase; return its seconds, and those of its stages."""
    state.step = phase.first_step - 1
    start = time.perf_counter()
    result = state.one_step()
    return time.perf_counter() - start, result.seconds


def _parts_of_step(state: RunState, phase: Phase) -> dict[str, float]:
    """The seconds of a step, and of its parts: head, body, optimizer, averages, the rest."""
    with profile(state.fast_step.workers.threads) as operations:
        step, stages = _timed_step(state, phase)
    parts = {"head": 0.0, "body": 0.0, "optimizer": 0.0, "averages": 0.0}
    for (name, _), cost in operations.stats.items():
        parts["head" if name in HEAD else "body"] += cost.seconds
    for name, part in STAGES.items():
        parts[part] += stages[name]
    return {"step": step} | parts | {"rest": step - sum(parts.values())}
