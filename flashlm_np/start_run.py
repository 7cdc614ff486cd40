"""Start or resume a run: its data, its initial embedding, its number of steps, its trainer.

These functions print a line before each part that takes seconds.
"""

import math
import os
import statistics
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from .data.dataset import Dataset, DataSource, load_dataset
from .data.tokenizers.tokenizer import GPT2_TOKENS, Tokenizer, save_tokenizer
from .errors import UserError
from .model.config import Config, option_name
from .training.initial_embedding import CORPUS_RMS, from_corpus, load_embedding, scaled_to_rms
from .training.runs import SavedRun, expect_no_run
from .training.trainer import Trainer

CHANGEABLE = ("steps", "eval_every", "save_every")  # fields, when a run is resumed
TRAINING_PART = 0.9  # of the minutes of a run; the rest is for evaluations and checkpoints

say = partial(print, flush=True)


def start_run(
    config: Config,
    source: DataSource,
    out: Path,
    minutes: float | None = None,
    threads: int | None = None,
) -> Trainer:
    """A trainer for a new run in the folder `out`.

    minutes: the number of steps that fit into these replaces config.steps.
    threads: the number of cores to use, by default all that the process may use.
    """
    expect_no_run(out, f"go on with --resume {out}, or choose another --out")
    say("Reading the text ..." if source != DataSource() else "Making up stories ...")
    dataset, tokenizer = load_dataset(source, **config.data_options())
    embedding = initial_embedding(config, dataset, tokenizer)
    if minutes:
        say(f"Timing a few steps, to see how many fit into {minutes:g} minutes ...")
        config = replace(config, steps=steps_in(minutes, config, dataset, tokenizer, threads))
    out.mkdir(parents=True, exist_ok=True)
    save_tokenizer(out, tokenizer)
    return Trainer(config, dataset, tokenizer, out, threads, embedding)


def resume_run(folder: Path, changes: dict, threads: int | None = None) -> Trainer:
    """A trainer that goes on from a run's last checkpoint as if the run had never stopped.

    changes: new values of the fields in CHANGEABLE.
    """
    run = SavedRun.load(folder, "last")
    if refused := sorted(set(changes) - set(CHANGEABLE)):
        raise UserError(
            f"--resume takes the configuration from {folder}; leave out "
            f"{', '.join(map(option_name, refused))}, or start a new run"
        )
    if run.is_packed:
        raise UserError(f"{folder} is an export, for use only; resume the run it was made from")
    say(f"Going on with {folder} after step {run.checkpoint.step:,} ...")
    try:
        config = replace(run.config, **changes)
    except ValueError as error:
        raise UserError(str(error)) from None
    trainer = Trainer(config, run.dataset(), run.tokenizer, folder, threads)
    trainer.restore(run.checkpoint)
    return trainer


def steps_in(
    minutes: float, config: Config, dataset: Dataset, tokenizer: Tokenizer, threads: int | None
) -> int:
    """Time a few steps of each phase, and return how many steps fit into `minutes`.

    The steps are taken by a second trainer, which is thrown away. So the run itself depends on
    the clock only through the returned number.
    """
    left, steps = 60 * minutes * TRAINING_PART, 0
    trainer = Trainer(config, dataset, tokenizer, Path(os.devnull), threads)
    phases = sorted(config.phases, key=lambda phase: phase.first_step)
    ends = [*(phase.first_step for phase in phases[1:]), math.inf]
    for phase, end in zip(phases, ends, strict=True):
        seconds = _seconds_per_step(trainer, phase.first_step)
        fitting, length = int(left / seconds), end - phase.first_step
        steps += min(fitting, length)
        left -= seconds * length
        if fitting < length:
            break
    return max(1, steps)


def _seconds_per_step(trainer: Trainer, step: int) -> float:
    """The median of three steps, after a first one that warms up."""
    seconds = []
    for _ in range(4):
        trainer.step = step - 1
        start = time.perf_counter()
        trainer.one_step()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])


def initial_embedding(
    config: Config, dataset: Dataset, tokenizer: Tokenizer
) -> np.ndarray | None:
    """The table (V, D) that config.embedding names; None for the model's own random numbers."""
    V, D = config.vocab_size, config.d_model
    if config.embedding == "random":
        return None
    if config.embedding == "corpus":
        say("Counting the tokens' neighbours, for the embedding ...")
        return scaled_to_rms(from_corpus(dataset.train, V, D).table, CORPUS_RMS)
    if config.embedding == "gpt2":
        if tokenizer.vocab_size != GPT2_TOKENS:
            raise UserError(
                "GPT-2's embedding, which the v3 preset begins with, needs GPT-2's tokens: "
                "give --data DIR, made by flashlm prepare, or choose --embedding random"
            )
        # The hub's libraries take a second to import, and only this choice needs them.
        from .published.gpt2 import from_gpt2

        say("Reading GPT-2's embedding ...")
        return from_gpt2(D).table
    return load_embedding(Path(config.embedding), V, D)
