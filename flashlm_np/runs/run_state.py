"""A run in memory: its model, optimizers and random generator, and their checkpoint."""

import json
import time
from dataclasses import asdict, dataclass, fields

import numpy as np

from ..data.dataset import Dataset
from ..data.tokenizers.tokenizer import Tokenizer
from ..errors import UserError, one_line
from ..model.config import Config
from ..model.fields import option_name
from ..model.heads.layout import TableLayout
from ..model.language_model import LanguageModel
from ..model.models import new_model
from ..model.weights import load_weights
from ..ngrams.kneser_ney import KneserNey
from ..training.fast_step import FastStep
from ..training.processes import Processes
from ..training.shards import draw_shard, expect_enough_windows
from ..training.step import StepResult
from .checkpoint import Checkpoint
from .machine import machine, source_code
from .ngram_file import fingerprint
from .text_counts import layout_of, ngrams_of


@dataclass
class Counts:
    """Totals of the run so far."""

    tokens_seen: int = 0
    positions_scored: int = 0
    seconds: float = 0.0  # of training, without the evaluations
    best_loss: float = float("inf")  # of the evaluations


class RunState:
    """The state of a run, and the steps that change it.

    All randomness, weights first and then batches, comes from one Generator seeded with
    config.seed. Its state is in every checkpoint, so a resumed run takes the same steps.

    threads: the number of cores to use, by default all that the process may use.
    embedding: a table (V, D), by token, in place of the random one.
    layout, ngrams: of a run that goes on; by default made from the training tokens.
    processes: those that take the steps together, by default this one alone.
    """

    def __init__(
        self,
        config: Config,
        dataset: Dataset,
        tokenizer: Tokenizer,
        threads: int | None = None,
        embedding: np.ndarray | None = None,
        layout: TableLayout | None = None,
        ngrams: KneserNey | None = None,
        processes: Processes | None = None,
    ):
        self.config, self.dataset, self.tokenizer = config, dataset, tokenizer
        self.processes = processes or Processes()
        self._expect_same_run()
        self.rng = np.random.default_rng(config.seed)
        layout = layout_of(config, dataset, embedding) if layout is None else layout
        ngrams = ngrams_of(config, dataset) if ngrams is None else ngrams
        self.model = new_model(config, self.rng, layout=layout, ngrams=ngrams)
        self.fingerprint = None if ngrams is None else fingerprint(ngrams)
        table = self.model.embedding.weight.data  # (V, D), by row
        if embedding is not None:
            table[...] = embedding[layout.order]
        self.model.lm_head.initialize(table)
        self.fast_step = FastStep(self.model, config, threads, self.processes)
        self.counts = Counts()
        self.step = 0

    def one_step(self) -> StepResult:
        """Draw the batches of one optimizer step, and take it."""
        start = time.perf_counter()
        config, phase = self.config, self.config.phase(self.step + 1)
        shard = draw_shard(self.dataset, config, phase, self.rng, self.processes)
        result = self.fast_step.step(self.step + 1, [shard.batch], self.rng, shard.share)
        self.step += 1
        self.counts.tokens_seen += phase.tokens
        self.counts.positions_scored += shard.scored
        # A clock may go back. A sum below 0 would damage the checkpoint.
        self.counts.seconds += max(0.0, time.perf_counter() - start)
        return result

    def _expect_same_run(self):
        """Raise a UserError unless all processes have the same run, which fits them."""
        expect_enough_windows(self.config, self.processes)
        options = {option_name(name): value for name, value in self.config.to_dict().items()}
        if self.processes.count > 1:  # else no file need be read and no text be hashed
            about = {
                "source code": source_code(),
                "NumPy": np.__version__,
                "training text": self.dataset.fingerprint,
                "tokenizer": self.tokenizer.identity,
            }
            self.processes.expect_same(about | options)

    def expect_equal_bits(self) -> None:
        """Raise a UserError unless all processes have the same weights and random numbers."""
        arrays = {name: p.data for name, p in self.model.named_parameters()}
        state = json.dumps(self.rng.bit_generator.state).encode()
        when = f"after step {self.step:,}"
        self.processes.expect_equal_bits(when, arrays | {"the random generator": state})

    def checkpoint(self) -> Checkpoint:
        """The whole state of the run, from which it can go on with the same bits."""
        arrays = {f"model/{name}": p.data for name, p in self.model.named_parameters()}
        arrays |= self.fast_step.optimizers.state_dict() | layout_arrays(
            self.config, self.model
        )
        dataset = self.dataset
        state = {
            "generator": self.rng.bit_generator.state,
            "counts": asdict(self.counts),
            "machine": machine(self.fast_step.workers.threads, self.processes.count),
            "tokenizer": self.tokenizer.identity,
            "corpus": {
                "name": dataset.name,
                **asdict(dataset.source),
                "separated": dataset.has_separators,
                "fingerprint": dataset.fingerprint,
            },
        }
        if self.fingerprint:
            state["ngrams"] = self.fingerprint
        return Checkpoint(self.config, self.step, arrays, state)

    def restore(self, saved: Checkpoint) -> None:
        """Go on from a checkpoint of the same configuration and dataset.

        Raises UserError if the checkpoint lacks a part.
        """
        load_weights(self.model, saved.weights())
        try:
            self.fast_step.optimizers.load_state_dict(saved.arrays, saved.step)
            self.rng.bit_generator.state = saved.state["generator"]
            counts = saved.state["counts"]  # it may have more entries, of another version
            self.counts = Counts(**{f.name: counts[f.name] for f in fields(Counts)})
        except ValueError as error:
            raise UserError(f"the checkpoint cannot be resumed: {one_line(error)}") from None
        self.step = saved.step


def layout_arrays(config: Config, model: LanguageModel) -> dict[str, np.ndarray]:
    """The order of the words as arrays of a checkpoint; v3's order is that of the ids."""
    arrays = {} if config.head == "exact" else model.layout.arrays()
    return {f"layout/{name}": array for name, array in arrays.items()}
