"""A run of a contender: train it to a step, and judge it on the way.

A run has a folder with its last checkpoint, from which it goes on: after a kill, or when more
steps are wanted. The folder is locked while it trains, so several processes can share the work.
"""

import math
import time
import zlib
from contextlib import contextmanager
from dataclasses import dataclass

from filelock import FileLock, Timeout

from flashlm_np.errors import UserError
from flashlm_np.evaluation.evaluate import with_error
from flashlm_np.model.config import Config
from flashlm_np.model.heads import read_layout
from flashlm_np.progress import Stopped, stop_requests
from flashlm_np.runs.checkpoint import load, save
from flashlm_np.runs.run_state import RunState

from .contenders import CONTENDERS, OPTIONS
from .laboratory import Laboratory
from .results import Results

FIRST_MARK, MARKS_PER_DOUBLING = 64, 2  # the steps at which runs are judged
SAVE_EVERY = 120  # seconds between checkpoints


class InUse(Exception):
    """Another process trains this run."""


@dataclass(frozen=True)
class Run:
    """A contender with a seed and a factor of the learning rate."""

    contender: str
    seed: int
    factor: float

    def config(self, base: Config) -> Config:
        return CONTENDERS[self.contender].config(base, self.seed, self.factor)

    def entries(self, base: Config) -> dict:
        """What a line of the results says about the run."""
        phases = " ".join(map(str, base.phases))
        return vars(self) | {"phases": phases}

    def folder(self, laboratory: Laboratory):
        base, data = laboratory.base, laboratory.dataset.fingerprint
        code = zlib.crc32(repr((base.phases, base.vocab_size, base.d_model, data)).encode())
        return laboratory.work / f"{self.contender}-{self.seed}-{self.factor:g}-{code:08x}"


def marks(end: int) -> list[int]:
    """The steps up to `end` at which a run is judged: 64 90 128 181 256 ..., and `end`."""
    grid, step = [], FIRST_MARK
    while step < end:
        grid.append(step)
        step = round(FIRST_MARK * 2 ** (len(grid) / MARKS_PER_DOUBLING))
    return [*grid, end]


def train_and_judge(
    laboratory: Laboratory, results: Results, run: Run, end: int, kind: str = "loss"
) -> None:
    """Train a run to step `end`, and add its loss at each mark to the results.

    kind: "loss", or "rate" for the loss at `end` alone, on the tokens for choices.

    Raises:
        InUse: another process trains it.
        Stopped: a signal came. The last step is saved.
    """
    wanted = marks(end) if kind == "loss" else [end]
    tokens = laboratory.reported if kind == "loss" else laboratory.for_choices
    about = run.entries(laboratory.base)
    with exclusive(run.folder(laboratory)) as folder, stop_requests() as stop:
        known = {line["step"] for line in results.lines(kind, **about)}
        state = start(laboratory, run, folder)
        # The checkpoint is after `end` if the lines of a run are in another file.
        for mark in [m for m in wanted if m >= state.step] or [state.step]:
            last = train_to(mark, state, folder, stop)
            if mark in known:
                continue
            loss, error = laboratory.loss(state.model, tokens)
            losses = {"loss": loss if math.isfinite(last) else math.nan, "error": error}
            positions = state.counts.positions_scored
            options = {name: getattr(state.config, name) for name in OPTIONS[state.config.head]}
            figures = {"step": mark, "positions": positions, **losses}
            results.add(kind, **about, **figures, options=options)
            print(f"{folder.name}: step {mark:,}, {with_error(loss, error)}", flush=True)


def start(laboratory: Laboratory, run: Run, folder) -> RunState:
    """The run at its last checkpoint, or at its beginning."""
    config = run.config(laboratory.base)
    if not (folder / "last.json").exists():
        return laboratory.state(config)
    saved = load(folder)
    if saved.config != config:
        raise UserError(f"{folder} holds a run with other options; remove it, or use --work")
    state = laboratory.state(config, read_layout(config, saved.layout()))
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


@contextmanager
def exclusive(folder):
    """Hold the lock of a folder, which is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield folder
    except Timeout:
        raise InUse from None
