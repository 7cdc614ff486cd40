"""Run folders, read: a run of `flashlm train`, an export, or a converted checkpoint."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.dataset import Dataset, DataSource
from ..data.loading import load_dataset
from ..data.tokenizers.base import PlainIds
from ..data.tokenizers.saving import load_tokenizer, save_tokenizer
from ..data.tokenizers.tokenizer import Tokenizer
from ..errors import UserError, one_line
from ..inference.export import PackedModel, unpack_weights
from ..inference.text_generator import TextGenerator
from ..model.config import Config
from ..model.language_model import LanguageModel
from ..model.weights import model_with_weights
from . import checkpoint
from .checkpoint import Checkpoint
from .ngram_file import load_ngrams
from .run_folders import expect_run, new_run
from .run_state import layout_arrays


@dataclass
class SavedRun:
    """The checkpoint of a run folder, and the model and tokenizer that were made from it."""

    folder: Path
    checkpoint: Checkpoint
    model: LanguageModel
    tokenizer: Tokenizer | PlainIds

    @classmethod
    def load(cls, folder: Path, name: str = "best", average: bool = False) -> "SavedRun":
        """Read the checkpoint `name` ("best" or "last"); with `average`, its averaged weights.

        Raises UserError if something is missing, damaged or does not fit.
        """
        expect_run(folder, name)
        saved = checkpoint.load(folder, name)
        tokenizer = load_tokenizer(folder, saved.state["tokenizer"], saved.config.vocab_size)
        if tokenizer.vocab_size > saved.config.vocab_size:
            raise UserError(
                f"{folder}: the tokenizer has {tokenizer.vocab_size:,} tokens, but the model "
                f"only {saved.config.vocab_size:,}"
            )
        try:
            weights = _weights(folder, saved, average)
            ngrams = load_ngrams(folder, saved.state.get("ngrams"))
            model = model_with_weights(saved.config, weights, saved.layout(), ngrams)
        except ValueError as error:
            raise UserError(f"{folder}: {one_line(error)}") from None
        return cls(folder, saved, model, tokenizer)

    def __repr__(self) -> str:  # without the arrays, which fill thousands of lines
        step = f"step {self.checkpoint.step:,}"
        return f"{type(self).__name__}({str(self.folder)!r}, {step}, {self.model!r})"

    @property
    def config(self) -> Config:
        return self.checkpoint.config

    @property
    def is_packed(self) -> bool:
        """Whether the folder is an export."""
        return "packed" in self.checkpoint.state

    @property
    def text_generator(self) -> TextGenerator:
        separators = self.checkpoint.state["corpus"]["separated"]
        return TextGenerator(self.model, self.tokenizer, separators)

    def dataset(self, source: DataSource | None = None) -> Dataset:
        """The dataset that the run was trained on, or another one in its tokens.

        Raises UserError if it cannot be read or has changed since, or the folder does not name
        its source.
        """
        about = self.checkpoint.state["corpus"]
        if source is None and "files" not in about:
            raise UserError(
                f"{self.folder} came without its training text; give --text FILE or --data DIR "
                "to eval; it cannot be resumed"
            )
        own = DataSource(tuple(about.get("files", ())), about.get("folder"))
        options = {"tokenizer": self.tokenizer, **self.config.data_options()}
        dataset = load_dataset(source or own, **options)[0]
        then = about.get("fingerprint", dataset.fingerprint)
        if source is None and then != dataset.fingerprint:
            raise UserError(
                f"{self.folder}: the text is not the one that the run was trained on; restore "
                "the files, start a new run with --out, or give --text or --data to eval"
            )
        return dataset

    def ids_to_score(self, texts: Iterable[str]) -> np.ndarray:
        """The ids of texts, one after the other, after the ids with which a text starts.

        Raises ValueError if the tokenizer cannot encode a text.
        """
        start = self.text_generator.prompt_ids("")
        return np.concatenate([start, *map(self.tokenizer.encode, texts)])


def _weights(folder, saved, average):
    if "packed" in saved.state and not average:
        return unpack_weights(saved.config, saved.arrays, saved.state["packed"]["encoding"])
    weights = saved.weights("ema" if average else "model")
    if average and not weights:
        raise UserError(f"{folder} holds no averaged weights; leave out --ema")
    return weights


def save_export(run: SavedRun, packed: PackedModel, out: Path) -> int:
    """Write a packed model of a run into a new folder, and return the bytes of its arrays."""
    step = run.checkpoint.step
    state = {key: run.checkpoint.state[key] for key in ("tokenizer", "corpus")}
    about = {"encoding": packed.encoding, "head": packed.head, "step": step}
    state |= {"counts": {}, "packed": about}
    arrays = packed.arrays | layout_arrays(run.config, run.model)
    saved = Checkpoint(packed.config, step, arrays, state)
    with new_run(out):
        save_tokenizer(out, run.tokenizer)
        checkpoint.save(out, saved, ["last", "best"])
        return sum(path.stat().st_size for path in out.glob("step-*.safetensors"))
