"""What all contenders share: the data, the initial table, and the way to judge a model."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from flashlm_np.data.dataset import Dataset, DataSource
from flashlm_np.data.loading import load_dataset
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.errors import UserError
from flashlm_np.evaluation.evaluate import mean_and_error, token_losses
from flashlm_np.evaluation.ngrams import baselines
from flashlm_np.model.config import Config
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.heads.layout import TableLayout
from flashlm_np.runs.run_state import RunState
from flashlm_np.training.initial_embedding import (
    CORPUS_RMS,
    from_corpus,
    load_embedding,
    save_embedding,
    scaled_to_rms,
)

from .results import Results

CHOICE_PART = 4  # the rates are chosen on a quarter as many tokens as are reported


@dataclass(frozen=True)
class Laboratory:
    """The data of an experiment, and a folder for tables and checkpoints."""

    base: Config
    dataset: Dataset
    tokenizer: Tokenizer
    work: Path
    threads: int | None = None

    @classmethod
    def open(cls, base: Config, data: Path, work: Path, threads: int | None = None):
        """Read the prepared folder `data`. Raises UserError where it does not fit."""
        wanted = base.eval_tokens + base.eval_tokens // CHOICE_PART
        options = replace(base, eval_tokens=wanted).data_options()
        dataset, tokenizer = load_dataset(DataSource.at(data=str(data)), **options)
        if len(dataset.valid) <= wanted:
            raise UserError(
                f"{data}: its last part has {len(dataset.valid) - 1:,} tokens for validation, "
                f"expected {wanted:,}; prepare more text"
            )
        work.mkdir(parents=True, exist_ok=True)
        return cls(base, dataset, tokenizer, work, threads)

    def describe(self, results: Results) -> None:
        """Write the data and the losses of the counted models into the results."""
        dataset, counted = self.dataset, {}
        if not results.lines("data"):
            counted = vars(baselines(dataset.train, self.reported, self.base.vocab_size))
        results.expect_data(
            name=dataset.name,
            fingerprint=dataset.fingerprint[:16],
            train=len(dataset.train),
            tokens=len(self.reported) - 1,
            **counted,
        )

    @property
    def reported(self) -> np.ndarray:
        """The tokens on which all are judged, and one before them."""
        return self.dataset.valid[: self.base.eval_tokens + 1]

    @property
    def for_choices(self) -> np.ndarray:
        """The tokens on which the learning rates are chosen, and one before them."""
        return self.dataset.valid[self.base.eval_tokens :]

    @cached_property
    def table(self) -> np.ndarray:
        """The corpus embedding (V, D), counted once."""
        V, D = self.base.vocab_size, self.base.d_model
        name = f"corpus-{V}-{D}-{self.dataset.fingerprint[:16]}.safetensors"
        path = self.work / name
        if not path.exists():
            made = scaled_to_rms(from_corpus(self.dataset.train, V, D).table, CORPUS_RMS)
            save_embedding(path, made, "counted from the corpus")
        return load_embedding(path, V, D)

    def state(self, config: Config, layout: TableLayout | None = None) -> RunState:
        """A new run of a configuration."""
        parts = config, self.dataset, self.tokenizer, self.threads
        return RunState(*parts, embedding=self.table, layout=layout)

    def loss(self, model: FlashLM, tokens: np.ndarray) -> tuple[float, float]:
        """The exact loss of a model in nats per token, and its standard error."""
        losses, _ = token_losses(model, tokens, self.base.receptive_field - 1)
        return mean_and_error(losses)
