"""What each trained mixer sees: the influence of each earlier token on the last one's loss."""

from collections.abc import Iterator

import numpy as np

from benchmarks.trial.laboratory import Laboratory
from benchmarks.trial.results import Results
from benchmarks.trial.tasks import Run, Task
from benchmarks.trial.training import start
from flashlm_np.analysis.influence import influence
from flashlm_np.runs.run_state import RunState

from .plan import Plan

TEXTS, AT_ONCE = 64, 4  # windows of the validation tokens, and those of a backward pass


def measure_sight(laboratory: Laboratory, results: Results, plan: Plan) -> None:
    """Add a "sees" line for each trained mixer that has none."""
    for about, state in trained_runs(laboratory, results, plan, "sees"):
        longest = max(phase.sequence for phase in state.config.phases)
        lags = mean_influence(state.model, laboratory.reported, longest)
        results.add("sees", **about, step=state.step, influence=lags.tolist())


def trained_runs(
    laboratory: Laboratory, results: Results, plan: Plan, kind: str
) -> Iterator[tuple[dict, RunState]]:
    """Each mixer's run of the first seed, and its entries, without a line of this kind."""
    trial = laboratory.trial
    for mixer in plan.mixers:
        if chosen := plan.chosen(trial, results, mixer):
            run = Run(chosen[0], plan.seeds[0], chosen[1])
            where = laboratory.work, trial, laboratory.dataset.fingerprint
            folder, about = run.folder(*where, 0), run.entries(trial)
            if (folder / "last.json").exists() and not results.lines(kind, **about):
                yield about, start(laboratory, Task(run, 0), folder)


def mean_influence(model, tokens: np.ndarray, T: int, texts: int = TEXTS) -> np.ndarray:
    """The mean over windows of T tokens, evenly spaced in `tokens`, by lag (T,)."""
    starts = np.linspace(0, len(tokens) - T - 1, texts).astype(int)
    windows = tokens[starts[:, None] + np.arange(T + 1)].astype(np.int64)  # (texts, T + 1)
    parts = np.array_split(windows, max(1, texts // AT_ONCE))
    return np.average(
        [influence(model, part[:, :-1], part[:, -1]) for part in parts],
        axis=0,
        weights=list(map(len, parts)),
    )
