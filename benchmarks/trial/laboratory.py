"""What all contenders share: the data, the initial tables, and the way to judge a model."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from flashlm_np.data.dataset import Dataset, DataSource
from flashlm_np.data.loading import load_dataset
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.errors import UserError
from flashlm_np.evaluation.baselines import baselines
from flashlm_np.evaluation.evaluate import token_losses
from flashlm_np.model.config import Config
from flashlm_np.model.heads.layout import TableLayout
from flashlm_np.model.weights import load_weights
from flashlm_np.runs.run_state import RunState
from flashlm_np.training.initial_embedding import (
    CORPUS_RMS,
    from_corpus,
    load_embedding,
    save_embedding,
    scaled_to_rms,
)

from .contender import Trial
from .results import Results

CHOICE_PART = 4  # the rates are chosen on a quarter as many tokens as are reported
CURVE_TOKENS = 16384  # for the curve of a run, on the way


@dataclass(frozen=True)
class Laboratory:
    """The data of an experiment, and a folder for tables and checkpoints."""

    trial: Trial
    dataset: Dataset
    tokenizer: Tokenizer
    work: Path
    threads: int | None = None

    @classmethod
    def open(
        cls,
        trial: Trial,
        data: Path,
        work: Path,
        threads: int | None = None,
        choices: bool = True,
    ):
        """Read the prepared folder `data`. Raises UserError where it does not fit.

        choices: whether rates are chosen, for which some tokens are kept apart.
        """
        base = trial.base
        wanted = base.eval_tokens + (base.eval_tokens // CHOICE_PART if choices else 0)
        options = replace(base, eval_tokens=wanted).data_options()
        dataset, tokenizer = load_dataset(DataSource.at(data=str(data)), **options)
        if len(dataset.valid) <= wanted:
            raise UserError(
                f"{data}: its last part has {len(dataset.valid) - 1:,} tokens for validation, "
                f"expected {wanted:,}; prepare more text"
            )
        work.mkdir(parents=True, exist_ok=True)
        return cls(trial, dataset, tokenizer, work, threads)

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
    def base(self) -> Config:
        return self.trial.base

    @property
    def reported(self) -> np.ndarray:
        """The tokens on which all are judged, and one before them."""
        return self.dataset.valid[: self.base.eval_tokens + 1]

    @property
    def for_choices(self) -> np.ndarray:
        """The tokens on which the learning rates are chosen, and one before them."""
        return self.dataset.valid[self.base.eval_tokens :]

    def tokens(self, kind: str) -> np.ndarray:
        """The tokens on which a line of this kind is judged, and one before them."""
        if kind == "rate":
            return self.for_choices
        return self.reported[: CURVE_TOKENS + 1] if kind == "curve" else self.reported

    def table(self, D: int) -> np.ndarray:
        """The corpus embedding (V, D), counted once."""
        V = self.base.vocab_size
        name = f"corpus-{V}-{D}-{self.dataset.fingerprint[:16]}.safetensors"
        path = self.work / name
        if not path.exists():
            made = scaled_to_rms(from_corpus(self.dataset.train, V, D).table, CORPUS_RMS)
            save_embedding(path, made, "counted from the corpus")
        return load_embedding(path, V, D)

    def state(self, name: str, config: Config, layout: TableLayout | None = None) -> RunState:
        """A new run of a contender."""
        parts = config, self.dataset, self.tokenizer, self.threads
        table = None if config.embedding == "random" else self.table(config.d_model)
        state = RunState(*parts, embedding=table, layout=layout)
        if change := self.trial.contenders[name].change:
            change(state)
        return state

    def losses(self, name: str, state: RunState, tokens: np.ndarray) -> np.ndarray:
        """The exact loss of each token after the first, in nats: (M + 1,) -> (M,)."""
        averaged = self.trial.contenders[name].averaged
        with averaged_weights(state) if averaged else nullcontext():
            return token_losses(state.model, tokens, **state.config.window_options())[0]


@contextmanager
def averaged_weights(state: RunState) -> Iterator[None]:
    """Inside, the model has the averaged weights of the run."""
    own = {name: p.data.copy() for name, p in state.model.named_parameters()}
    load_weights(state.model, state.fast_step.optimizers.ema.average)
    try:
        yield
    finally:
        load_weights(state.model, own)
