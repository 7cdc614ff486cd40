"""Start a run: its data, its initial embedding, its number of steps, its trainer.

These functions print a line before each part that takes seconds.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np

from .commands import command
from .data.dataset import Dataset, DataSource
from .data.loading import load_dataset
from .data.sources import DocumentSource
from .data.story_ids import seconds_for
from .data.tokenizers.tokenizer import GPT2_TOKENS, Tokenizer
from .errors import UserError
from .model.config import Config
from .model.heads import needs_vectors
from .progress import about, say
from .runs.minutes import steps_in
from .runs.run_folders import new_run
from .runs.text_counts import layout_of, ngrams_of
from .runs.trainer import Trainer
from .training.initial_embedding import CORPUS_RMS, from_corpus, load_embedding, scaled_to_rms
from .training.learning_rates import steps_without_learning
from .training.processes import Processes

MADE = ("random", "corpus", "gpt2")  # the embeddings that are no files


@contextmanager
def start_run(
    config: Config,
    source: DataSource,
    out: Path,
    minutes: float | None = None,
    threads: int | None = None,
    processes: Processes | None = None,
) -> Iterator[Trainer]:
    """A trainer for a new run in the folder `out`. Until the end, this holds the folder's lock.

    minutes: the number of steps that fit into these replaces config.steps.
    threads: the number of cores to use, by default all that the process may use.
    processes: those that train together, by default this one. Only the first has a folder.
    """
    if source.files:
        DocumentSource(source.files).expect_outside(out)
    processes = processes or Processes()
    go_on = processes.command(command("train", "--resume", out))
    advice = f"go on with {go_on}, or choose another --out"
    with new_run(out, advice) if processes.is_first else nullcontext():
        if config.embedding not in MADE:  # a file: an error comes before the long stages
            _embedding_of_file(config)
        say(_first_stage(config, source))
        dataset, tokenizer = load_dataset(source, **config.data_options())
        if dataset.skipped:
            say(dataset.skipped)
        embedding = initial_embedding(config, dataset, tokenizer)
        if needs_vectors(config):
            say("Making classes of words with like neighbours ...")
        layout = layout_of(config, dataset, embedding)
        if config.prior != "none":
            say("Counting the trigrams of the text ...")
        ngrams = ngrams_of(config, dataset)
        if minutes:
            say(f"Timing a few steps, to see how many fit into {minutes:g} min ...")
            parts = dataset, tokenizer, threads, layout, ngrams, processes
            config = _with_steps(minutes, config, *parts)
        if sentence := steps_without_learning(config):
            say(sentence)
        parts = embedding, layout, ngrams, processes
        yield Trainer(config, dataset, tokenizer, out, threads, *parts)


def _first_stage(config, source):
    if source != DataSource():
        return "Reading the text ..."
    seconds = seconds_for(config.stories, Tokenizer.embedded())
    return f"Making up {config.stories:,} stories: {about(seconds)} ..."


def _with_steps(minutes, config, *parts):
    try:
        return replace(config, steps=steps_in(minutes, config, *parts))
    except ValueError as error:  # more than a run can have
        raise UserError(f"--minutes {minutes:g} is too many: {error}") from None


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
    return _embedding_of_file(config)


def _embedding_of_file(config):
    path = Path(config.embedding)
    if not path.is_file():
        names = ", ".join(MADE)
        raise UserError(f"--embedding is {path}, which is no file, and none of {names}")
    return load_embedding(path, config.vocab_size, config.d_model)
