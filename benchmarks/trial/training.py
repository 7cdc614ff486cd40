"""A run of a contender: train it to a step, and judge it on the way.

A run has a folder with its last checkpoint, from which it goes on: after a kill, or when more
steps are wanted. The folder is locked while it trains, so several processes can share the work.
"""

import math
import time
from contextlib import contextmanager

import numpy as np
from filelock import FileLock, Timeout

from flashlm_np.errors import UserError
from flashlm_np.evaluation.evaluate import TOKENS_PER_BLOCK, mean_and_error, with_error
from flashlm_np.model.heads import read_layout
from flashlm_np.progress import Stopped, stop_requests
from flashlm_np.runs.checkpoint import load, save
from flashlm_np.runs.run_state import RunState

from .laboratory import Laboratory
from .results import Results
from .tasks import Task

SAVE_EVERY = 120  # seconds between checkpoints
OPTIONS = {  # the fields of the configuration that concern a head
    "exact": ("position_share", "label_smoothing", "z_loss"),
    "two_level": ("classes", "class_order"),
    "adaptive": ("cutoffs",),
    "hybrid": ("classes", "class_order", "cutoffs"),
    "sampled": ("candidates", "candidates_from"),
    "tree": ("tree",),
}


class InUse(Exception):
    """Another process trains this run."""


def train_and_judge(laboratory: Laboratory, results: Results, task: Task) -> None:
    """Train a run to the end of a task, and add its losses to the results.

    Raises:
        InUse: another process trains it.
        Stopped: a signal came. The last step is saved.
    """
    run, trial = task.run, laboratory.trial
    about = run.entries(trial)
    where = laboratory.work, trial, laboratory.dataset.fingerprint
    with exclusive(run.folder(*where, task.end)) as folder, stop_requests() as stop:
        if task.is_done(trial, results):  # another process was faster
            return
        kinds = (task.kind, "curve")
        known = {(line["step"], k) for k in kinds for line in results.lines(k, **about)}
        state = start(laboratory, task, folder)
        # The checkpoint is after `end` if the lines of a run are in another file.
        ahead = [(step, kind) for step, kind in task.judgements if step >= state.step]
        for step, kind in ahead or [(state.step, task.kind)]:
            last = train_to(step, state, folder, stop)
            if (step, kind) in known:
                continue
            figures = judge(laboratory, task, state, math.isfinite(last), kind)
            results.add(kind, **about, step=step, **figures)
            text = with_error(figures["loss"], figures["error"])
            print(f"{folder.name}: step {step:,}, {text}", flush=True)
        if run.minutes is not None:  # it never goes on, and its checkpoint has some 250 MB
            clear(folder)


def judge(laboratory: Laboratory, task: Task, state: RunState, finite: bool, kind: str) -> dict:
    """The loss of a run on held-out tokens, NaN if its training loss was not finite."""
    losses = laboratory.losses(task.run.contender, state, laboratory.tokens(kind))
    loss, error = mean_and_error(losses)
    figures = {
        "positions": state.counts.positions_scored,
        "loss": loss if finite else math.nan,
        "error": error,
        "options": {name: getattr(state.config, name) for name in OPTIONS[state.config.head]},
    }
    paired = kind == "loss" and task.run.minutes is not None
    return figures | {"blocks": in_blocks(losses)} if paired else figures


def in_blocks(losses: np.ndarray) -> list[float]:
    """The mean loss of each block of neighbouring tokens: (M,) -> M // TOKENS_PER_BLOCK."""
    whole = len(losses) // TOKENS_PER_BLOCK
    means = losses[: whole * TOKENS_PER_BLOCK].reshape(whole, -1).mean(axis=1)
    return [round(float(mean), 4) for mean in means]


def start(laboratory: Laboratory, task: Task, folder) -> RunState:
    """The run at its last checkpoint, or at its beginning."""
    run, trial = task.run, laboratory.trial
    steps = None if run.minutes is None else task.end
    config = trial.config(run.contender, run.seed, run.factor, steps)
    if not (folder / "last.json").exists():
        return laboratory.state(run.contender, config)
    saved = load(folder)
    if saved.config != config:
        raise UserError(f"{folder} holds a run with other options; remove it, or use --work")
    layout = read_layout(config, saved.layout())
    state = laboratory.state(run.contender, config, layout)
    state.restore(saved)
    return state


def train_to(step: int, state: RunState, folder, stop) -> float:
    """Take steps up to number `step`, save the run, and return the last training loss."""
    saved, loss, first = time.monotonic(), 0.0, state.step
    while state.step < step and not stop.is_set():
        loss = state.one_step().loss
        if time.monotonic() - saved > SAVE_EVERY:
            save(folder, state.checkpoint(), ["last"])
            saved = time.monotonic()
    if state.step > first:
        save(folder, state.checkpoint(), ["last"])
    if stop.is_set():
        raise Stopped
    return loss


def clear(folder) -> None:
    """Remove the files of a folder, but not its lock."""
    for path in folder.iterdir():
        if path.name != ".lock":
            path.unlink()


@contextmanager
def exclusive(folder):
    """Hold the lock of a folder, which is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield folder
    except Timeout:
        raise InUse from None
