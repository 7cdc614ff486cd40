"""Seconds per step, measured in turn: a disturbance of the machine slows all contenders."""

import statistics
import time

from flashlm_np.analysis.step_profile import HEAD
from flashlm_np.model.config import Config
from flashlm_np.model.phase import Phase
from flashlm_np.runs.run_state import RunState
from minigrad.look import profile

from .equal_time import scored, seconds_pace, size
from .laboratory import Laboratory
from .results import Results

AT_ONCE = 9  # contenders whose models are in memory, beside the reference: each has 300 MB
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
    """Time the phases that the runs reach in `minutes`, and the first trained one for all.

    Contenders that do the same work are timed once. The reference is in every group, but only
    its first seconds count: all others are compared with them.
    """
    trial = laboratory.trial
    names = list(dict.fromkeys(trial.timed_as(name) for name in names))
    others = [name for name in names if name != trial.reference]
    for first in range(0, max(1, len(others)), AT_ONCE):
        group = [trial.reference, *others[first : first + AT_ONCE]]
        states = {name: laboratory.state(name, trial.config(name)) for name in group}
        for number in range(max(len(state.config.phases) for state in states.values())):
            here = {}
            for name, state in states.items():
                if phase := _phase_to_time(results, trial, name, number, minutes):
                    here[name] = state, phase
            if here:
                _time_phase(here, results, trial, steps)


def _phase_to_time(results, trial, name, number, minutes) -> Phase | None:
    """A contender's phase of this number, if its steps are to be timed."""
    config = trial.config(name)
    phase = dict(enumerate(phase for phase, _ in config.phases_in_order())).get(number)
    if phase is None or phase == report_phase(config) or trial.contenders[name].stages:
        return phase
    pace = seconds_pace(results, trial, name)
    return phase if pace.total(phase.first_step - 1) < 60 * minutes else None


def report_phase(config: Config) -> Phase:
    """The first phase that trains the embedding: steps of all contenders are compared in it."""
    phases = [phase for phase, _ in config.phases_in_order()]
    return next((phase for phase in phases if not phase.frozen_embedding), phases[0])


def _time_phase(states, results, trial, steps):
    """Time steps of all contenders, each in its phase, one of each, round and round."""
    seconds = {name: [] for name in states}
    parts = {name: [] for name in states}
    for turn in range(WARM_UP + steps + PROFILED):
        for name, (state, phase) in states.items():
            if turn < WARM_UP:
                _timed_step(state, phase)
            elif turn < WARM_UP + steps:
                seconds[name].append(_timed_step(state, phase)[0])
            else:
                parts[name].append(_parts_of_step(state, phase))
    beside = {}
    if (reference := trial.reference) in states:
        phase = size(states[reference][1])
        beside = {"beside": statistics.median(seconds[reference]), "beside_phase": phase}
    for name, (state, phase) in states.items():
        about = {"contender": name, "phase": size(phase)}
        if name == trial.reference and results.lines("time", **about, work=trial.work[name]):
            continue
        taken, threads = seconds[name], state.fast_step.workers.threads
        results.add(
            "time",
            **about,
            seconds=statistics.median(taken),
            least=min(taken),
            most=max(taken),
            **beside,
            work=trial.work[name],
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
