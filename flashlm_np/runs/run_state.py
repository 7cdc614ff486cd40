"""A run in memory: its model, optimizers and random generator, and their checkpoint."""

import time
from dataclasses import asdict, dataclass, fields

import numpy as np

from ..data.dataset import Batch, Dataset, sample_batch
from ..data.tokenizers.tokenizer import Tokenizer
from ..errors import UserError, one_line
from ..model.config import Config, Phase
from ..model.flashlm import FlashLM
from ..model.heads import needs_vectors, new_layout
from ..model.heads.layout import TableLayout
from ..model.weights import load_weights
from ..training.fast_step import FastStep
from ..training.initial_embedding import from_corpus
from ..training.step import StepResult
from ..training.threads import Workers
from .checkpoint import Checkpoint
from .machine import machine


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
    layout: of a run that goes on; by default it is made from the training tokens.
    """

    def __init__(
        self,
        config: Config,
        dataset: Dataset,
        tokenizer: Tokenizer,
        threads: int | None = None,
        embedding: np.ndarray | None = None,
        layout: TableLayout | None = None,
    ):
        self.config, self.dataset, self.tokenizer = config, dataset, tokenizer
        self.rng = np.random.default_rng(config.seed)
        layout = layout_of(config, dataset, embedding) if layout is None else layout
        self.model = FlashLM(config, self.rng, layout=layout)
        table = self.model.embedding.weight.data  # (V, D), by row
        if embedding is not None:
            table[...] = embedding[layout.order]
        self.model.lm_head.initialize(table)
        self.fast_step = FastStep(self.model, config, threads)
        self.counts = Counts()
        self.step = 0

    def one_step(self) -> StepResult:
        """Draw the batches of one optimizer step, and take it."""
        start = time.perf_counter()
        config, phase = self.config, self.config.phase(self.step + 1)
        batches = draw_batches(self.dataset, config, phase, self.rng)
        result = self.fast_step.step(self.step + 1, batches, self.rng)
        self.step += 1
        self.counts.tokens_seen += phase.tokens
        self.counts.positions_scored += sum(
            targets.size if positions is None else len(positions)
            for _, targets, positions in batches
        )
        # A clock may go back. A sum below 0 would damage the checkpoint.
        self.counts.seconds += max(0.0, time.perf_counter() - start)
        return result

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
            "machine": machine(self.fast_step.workers.threads),
            "tokenizer": self.tokenizer.identity,
            "corpus": {
                "name": dataset.name,
                **asdict(dataset.source),
                "separated": dataset.has_separators,
                "fingerprint": dataset.fingerprint,
            },
        }
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


def layout_of(
    config: Config, dataset: Dataset, embedding: np.ndarray | None = None
) -> TableLayout:
    """The order of the words for a new run, from the counts of its training tokens.

    Classes by meaning come from `embedding`, or if there is none, from the tokens' neighbours.
    """
    if config.head == "exact":
        return new_layout(config)
    counts = np.bincount(dataset.train, minlength=config.vocab_size)
    if needs_vectors(config) and embedding is None:
        embedding = from_corpus(dataset.train, config.vocab_size, config.d_model).table
    with Workers(1).at_work():  # many small products, for which more threads only wait
        return new_layout(config, counts, embedding)


def layout_arrays(config: Config, model: FlashLM) -> dict[str, np.ndarray]:
    """The order of the words as arrays of a checkpoint; v3's order is that of the ids."""
    arrays = {} if config.head == "exact" else model.layout.arrays()
    return {f"layout/{name}": array for name, array in arrays.items()}


def draw_batches(
    dataset: Dataset, config: Config, phase: Phase, rng: np.random.Generator
) -> list[Batch]:
    """The micro-batches of one optimizer step."""
    sizes = {"batch": phase.batch, "sequence": phase.sequence}
    return [
        sample_batch(dataset, **sizes, position_share=config.position_share, rng=rng)
        for _ in range(phase.micro_batches)
    ]
