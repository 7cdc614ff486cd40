"""Go on with a run from its last checkpoint, as if it had never stopped."""

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

from ..errors import UserError
from ..folders import locked
from ..model.config import Config
from ..model.fields import option_name
from ..progress import say
from ..training.learning_rates import new_schedule, steps_without_learning
from ..training.processes import Processes
from . import checkpoint
from .checkpoint_record import records_in
from .machine import differences
from .saved_run import SavedRun
from .trainer import Trainer

CHANGEABLE = ("steps", "schedule_steps", "eval_every", "save_every")  # fields of Config


@contextmanager
def resume_run(
    folder: Path,
    changes: dict,
    threads: int | None = None,
    processes: Processes | None = None,
) -> Iterator[Trainer]:
    """A trainer that goes on with a run. Until the end, this holds the lock of the folder.

    changes: new values of the fields in CHANGEABLE. With other `steps` the rest of the run
        follows the schedule of a run with so many steps.
    processes: those that train together, by default this one alone. Each reads the folder, and
        only the first locks it and writes there.

    Raises:
        UserError: the folder is in use, or holds no run that can go on; a change is refused.
    """
    if not folder.is_dir():
        SavedRun.load(folder, "last")  # raises the error; `locked` would make the folder
    processes = processes or Processes()
    with locked(folder) if processes.is_first else nullcontext():
        # A kill during the first save may leave best.json only.
        run = SavedRun.load(folder, "best" if records_in(folder) == ["best"] else "last")
        before, config = _changed(run, changes)
        step = run.checkpoint.step
        if config.steps == step:
            say(f"{folder} has taken all of its {step:,} steps; --steps N goes on to step N")
        else:
            say(f"Going on with {folder} after step {step:,} ...")
        trainer = _restored(run, config, threads, processes)
        saved_machine = run.checkpoint.state.get("machine", {})
        for sentence in (
            differences(saved_machine, trainer.fast_step.workers.threads, processes.count),
            new_schedule(before, config, step),
            steps_without_learning(config),
        ):
            if sentence:
                say(sentence)
        yield trainer


def _restored(
    run: SavedRun, config: Config, threads: int | None, processes: Processes
) -> Trainer:
    """A trainer in the state of the run's checkpoint."""
    parts = {"layout": run.model.layout, "ngrams": run.model.ngrams, "processes": processes}
    trainer = Trainer(config, run.dataset(), run.tokenizer, run.folder, threads, **parts)
    try:
        trainer.restore(run.checkpoint)
    except UserError as error:
        raise UserError(f"{run.folder}: {error}") from None
    if processes.is_first:
        trainer.counts.best_loss = _best_loss(run.folder)
        checkpoint.remove_unnamed(run.folder)  # a kill at the end of a save leaves old arrays
    return trainer


def _changed(run: SavedRun, changes: dict) -> tuple[Config, Config]:
    """The configuration of a run without and with some changes, which must be possible."""
    folder, step = run.folder, run.checkpoint.step
    if run.is_packed:
        raise UserError(f"{folder} is an export, for use only; resume the run it was made from")
    if refused := sorted(set(changes) - set(CHANGEABLE)):
        raise UserError(
            f"--resume takes the configuration from {folder}; leave out "
            f"{', '.join(map(option_name, refused))}, or start a new run"
        )
    try:
        config = replace(run.config, **changes)
    except ValueError as error:
        raise UserError(str(error)) from None
    if config.steps < step:
        raise UserError(
            f"{folder} has already taken {step:,} steps; --steps {config.steps} is fewer"
        )
    if "machine" not in run.checkpoint.state:  # a run of version 0.1
        return _old_schedule(run.config), _old_schedule(config)
    return run.config, config


def _old_schedule(config):
    """The same configuration for a run of version 0.1, whose factor was 0 at the last step."""
    return replace(config, schedule_steps=config.schedule_steps or config.steps)


def _best_loss(folder):
    """The loss of best.json, which a run that was killed may have written after last.json."""
    try:
        return checkpoint.load(folder, "best").state["counts"]["best_loss"]
    except UserError as error:
        say(f"The next evaluation makes a new best checkpoint, because {error}")
        return math.inf
