"""Start or resume a run: its data, its initial embedding, its number of steps, its trainer.

These functions print a line before each part that takes seconds.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from .data.dataset import Dataset, DataSource, load_dataset
from .data.tokenizers.saving import save_tokenizer
from .data.tokenizers.tokenizer import GPT2_TOKENS, Tokenizer
from .errors import UserError
from .model.config import Config
from .training.duration import steps_in
from .training.initial_embedding import (
    CORPUS_RMS,
    from_corpus,
    load_embedding,
    scaled_to_rms,
)
from .training.runs import SavedRun, expect_no_run, expect_resumable, resumed_trainer
from .training.trainer import Trainer

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
    """A trainer that goes on with a run. `changes` are new values of a few fields."""
    run = SavedRun.load(folder, "last")
    expect_resumable(run, changes)
    say(f"Going on with {folder} after step {run.checkpoint.step:,} ...")
    return resumed_trainer(run, changes, threads)


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
