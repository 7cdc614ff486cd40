"""A run in memory: its model, optimizers and random generator, and their checkpoint."""

import time
from dataclasses import asdict, dataclass, fields

import numpy as np

from ..data.dataset import Dataset
from ..data.tokenizers.tokenizer import Tokenizer
from ..errors import UserError, one_line
from ..model.config import Config
from ..model.heads.layout import TableLayout
from ..model.language_model import LanguageModel
from ..model.models import new_model
from ..model.weights import load_weights
from ..ngrams.kneser_ney import KneserNey
from ..training.fast_step import FastStep
from ..training.local_steps import LocalSteps
from ..training.processes import Processes
from ..training.shards import draw_shard
from ..training.step import StepResult
from .checkpoint import Checkpoint
from .machine import machine
from .ngram_file import fingerprint
from .shared_run import arrays_of_others, arrays_of_process, expect_same_run
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
        expect_same_run(config, dataset, tokenizer, self.processes)
        self.rng = np.random.default_rng(config.seed)
        layout = layout_of(config, dataset, embedding) if layout is None else layout
        ngrams = ngrams_of(config, dataset) if ngrams is None else ngrams
        self.model = new_model(config, self.rng, layout=layout, ngrams=ngrams)
        self.fingerprint = None if ngrams is None else fingerprint(ngrams)
        table = self.model.embedding.weight.data  # (V, D), by row
        if embedding is not None:
            table[...] = embedding[layout.order]
        self.model.lm_head.initialize(table)
        self.local_steps = None
        if config.local_steps:  # so each process takes its steps alone
            self.local_steps = LocalSteps(self.model, config, self.processes)
            threads = threads or self.processes.threads
        together = None if config.local_steps else self.processes
        self.fast_step = FastStep(self.model, config, threads, together)
        self.counts = Counts()
        self.step = 0

    def one_step(self) -> StepResult:
        """Draw the batches of one optimizer step, and take it."""
        start = time.perf_counter()
        config, phase = self.config, self.config.phase(self.step + 1)
        shard = draw_shard(self.dataset, config, phase, self.rng, self.processes)
        result = self.fast_step.step(self.step + 1, [shard.batch], self.rng, shard.share)
        self.step += 1
        if self.local_steps and self.ends_round:
            self.local_steps.exchange(self.round)
        self.counts.tokens_seen += phase.tokens
        self.counts.positions_scored += shard.scored
        # A clock may go back. A sum below 0 would damage the checkpoint.
        self.counts.seconds += max(0.0, time.perf_counter() - start)
        return result

    @property
    def ends_round(self) -> bool:
        """Whether all processes have the same weights after this step."""
        return self.step % self._round_length == 0 or self.step == self.config.steps

    @property
    def round(self) -> range:
        """The steps since the processes had the same weights; usually the last one alone."""
        before = (self.step - 1) // self._round_length * self._round_length
        return range(before + 1, self.step + 1)

    @property
    def _round_length(self):
        return max(1, self.config.local_steps)

    def checkpoint(self) -> Checkpoint:
        """The whole state of the run, from which it can go on with the same bits.

        With local steps, all processes must call it, at the end of a round; process 0 gets all.
        """
        arrays = {f"model/{name}": p.data for name, p in self.model.named_parameters()}
        arrays |= layout_arrays(self.config, self.model) | self._own_arrays()
        if self.local_steps:
            others = arrays_of_others(self._own_arrays(), self.processes)
            arrays |= self.local_steps.state_dict() | others
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

    def _own_arrays(self):
        """The arrays that each process has for itself, if there are local steps."""
        arrays = self.fast_step.optimizers.state_dict()
        return arrays | (self.local_steps.own_state_dict() if self.local_steps else {})

    def restore(self, saved: Checkpoint) -> None:
        """Go on from a checkpoint of the same configuration and dataset.

        Raises UserError if the checkpoint lacks a part.
        """
        load_weights(self.model, saved.weights())
        arrays = arrays_of_process(saved, self.processes)
        try:
            self.fast_step.optimizers.load_state_dict(arrays, saved.step)
            if self.local_steps:
                self.local_steps.load_state_dict(arrays)
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
