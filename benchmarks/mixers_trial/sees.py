"""What each trained mixer sees: the influence of each earlier token on the last one's loss."""

import numpy as np

from benchmarks.trial.laboratory import Laboratory
from benchmarks.trial.results import Results
from benchmarks.trial.tasks import Run, Task
from benchmarks.trial.training import start
from flashlm_np.analysis.influence import influence

from .plan import Plan

TEXTS, AT_ONCE = 64, 4  # windows of the validation tokens, and those of a backward pass


def measure_sight(laboratory: Laboratory, results: Results, plan: Plan) -> None:
    """Add a "sees" line for each mixer, of the last checkpoint of its first seed."""
    trial = laboratory.trial
    for mixer in plan.mixers:
        chosen = plan.chosen(trial, results, mixer)
        run = chosen and Run(chosen[0], plan.seeds[0], chosen[1])
        if run and not results.lines("sees", **run.entries(trial)):
            where = laboratory.work, trial, laboratory.dataset.fingerprint
            folder = run.folder(*where, 0)
            if (folder / "last.json").exists():
                state = start(laboratory, Task(run, 0), folder)
                lags = mean_influence(state.model, laboratory.reported, _longest(state.config))
                about = run.entries(trial) | {"step": state.step}
                results.add("sees", **about, influence=lags.tolist())


def _longest(config):
    return max(phase.sequence for phase in config.phases)


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
