"""Training: batches in, optimizer steps, evaluations, checkpoints, until the steps are done."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..data.dataset import Corpus, sample_batch
from ..data.tokenizers.tokenizer import Tokenizer
from ..errors import UserError
from ..evaluation.evaluate import Evaluation, evaluate
from ..model.config import Config
from ..model.flashlm import FlashLM
from ..progress import Progress, clock
from . import checkpoint
from .checkpoint import Checkpoint
from .fast_step import Recipe, StepResult
from .metrics import Metrics


class Stopped(Exception):
    """The user asked the run to stop; everything is saved."""


@dataclass
class Counts:
    """What the run has done so far."""

    tokens_seen: int = 0
    positions_scored: int = 0
    seconds: float = 0.0  # of training, evaluations not counted
    best_loss: float = math.inf


class Trainer:
    """One run: a model, its recipe, a corpus, and the folder `out` that it writes to.

    All randomness, weights first and then batches, comes from one Generator seeded with
    config.seed, whose state is in every checkpoint: a resumed run takes the same steps.
    `threads` is how many cores to use, by default all that the process may. `embedding` (V, D)
    replaces the random one that the model begins with.
    """

    def __init__(
        self,
        config: Config,
        corpus: Corpus,
        tokenizer: Tokenizer,
        out: Path,
        threads: int | None = None,
        embedding: np.ndarray | None = None,
    ):
        self.config, self.corpus, self.tokenizer, self.out = config, corpus, tokenizer, out
        self.rng = np.random.default_rng(config.seed)
        self.model = FlashLM(config, self.rng)
        if embedding is not None:
            self.model.embedding.weight.data[...] = embedding
        self.recipe = Recipe(self.model, config, threads)
        self.counts = Counts()
        self.step = 0
        self.tokens_in_all = sum(config.phase(i + 1).tokens for i in range(config.steps))

    def run(self) -> Evaluation:
        """Train to config.steps; the last evaluation. Ctrl-C saves, then raises Stopped.

        Raises:
            UserError: the loss or its gradient is not finite, or a file cannot be written.
        """
        metrics = Metrics(self.out / "metrics.csv", keep_to_step=self.step)
        progress = Progress("step", self.config.steps, done=self.step)
        evaluation = None
        try:
            with _stop_requests() as stop:
                while self.step < self.config.steps:
                    result = self._one_step()
                    evaluation = self._evaluation_due()
                    metrics.add(self._row(result, evaluation))
                    self._tell(progress, result, evaluation)
                    self._save_if_due(evaluation, stop.is_set())
                    if stop.is_set() and self.step < self.config.steps:
                        raise Stopped
        finally:
            progress.close()
        return evaluation or self._evaluate()

    def _one_step(self) -> StepResult:
        start = time.perf_counter()
        config, phase = self.config, self.config.phase(self.step + 1)
        batches = [
            sample_batch(self.corpus, phase, config.position_share, self.rng)
            for _ in range(phase.micro_batches)
        ]
        result = self.recipe.step(self.step + 1, batches)
        if not (math.isfinite(result.loss) and math.isfinite(result.grad_norm)):
            raise UserError(
                f"at step {self.step + 1} the loss is {result.loss} and the gradients' norm "
                f"{result.grad_norm}; lower --normuon-lr or --adamw-lr. " + self._kept()
            )
        self.step += 1
        self.counts.tokens_seen += phase.tokens
        self.counts.positions_scored += sum(
            targets.size if positions is None else len(positions)
            for _, targets, positions in batches
        )
        self.counts.seconds += time.perf_counter() - start
        return result

    def _evaluation_due(self) -> Evaluation | None:
        if self.step not in (1, self.config.steps) and self.step % self.config.eval_every:
            return None
        return self._evaluate()

    def _evaluate(self) -> Evaluation:
        return evaluate(self.model, self.config, self.corpus.valid, self.tokenizer)

    def _save_if_due(self, evaluation, stopping):
        best = evaluation is not None and evaluation.loss < self.counts.best_loss
        if best:
            self.counts.best_loss = evaluation.loss
        due = self.step % self.config.save_every == 0 or self.step == self.config.steps
        if best or due or stopping:
            checkpoint.save(self.out, self.checkpoint(), ["last", "best"] if best else ["last"])

    def _row(self, result, evaluation):
        row = {
            "step": self.step,
            "train_loss": result.loss,
            "grad_norm": result.grad_norm,
            "lr_factor": self.recipe.factor(self.step),
            "tokens_seen": self.counts.tokens_seen,
            "positions_scored": self.counts.positions_scored,
            "seconds": round(self.counts.seconds, 3),
        }
        if evaluation is not None:
            row |= {
                "valid_loss": evaluation.loss,
                "valid_loss_error": evaluation.loss_error,
                "valid_smoothed": evaluation.smoothed,
                "valid_smoothed_error": evaluation.smoothed_error,
                "valid_bits_per_byte": evaluation.bits_per_byte,
            }
        return row

    def _tell(self, progress, result, evaluation):
        rate = self.counts.tokens_seen / self.counts.seconds
        left = clock((self.tokens_in_all - self.counts.tokens_seen) / rate)
        progress.advance(f"loss {result.loss:.3f}, {rate:,.0f} tokens/s, {left} left")
        if evaluation is not None:
            limit = self.corpus.limit
            above = "" if limit is None else f", {evaluation.loss - limit:.3f} above the limit"
            progress.say(
                f"step {self.step}: validation {evaluation.loss:.4f} ± "
                f"{evaluation.loss_error:.4f} nats per token{above}"
            )

    def _kept(self) -> str:
        if (self.out / "last.json").is_file():
            return f"The last good checkpoint is kept: flashlm train --resume {self.out}"
        return "No checkpoint was written yet."

    # -- checkpoints ---------------------------------------------------------------------

    def checkpoint(self) -> Checkpoint:
        """Everything that is needed to go on as if nothing had happened."""
        arrays = {f"model/{name}": p.data for name, p in self.model.named_parameters()}
        state = {
            "generator": self.rng.bit_generator.state,
            "counts": asdict(self.counts),
            "tokenizer": {
                "name": self.tokenizer.name,
                "fingerprint": self.tokenizer.fingerprint,
            },
            "corpus": {
                "name": self.corpus.name,
                **asdict(self.corpus.material),
                "separated": self.corpus.separated,
                "fingerprint": self.corpus.fingerprint,
            },
        }
        return Checkpoint(self.config, self.step, arrays | self.recipe.state_dict(), state)

    def restore(self, saved: Checkpoint) -> None:
        """Go on from a checkpoint of the same configuration and corpus."""
        if saved.state["corpus"].get("fingerprint") != self.corpus.fingerprint:
            raise UserError(
                f"the text is not the one that {self.out} was trained on; "
                "restore the files, or start a new run with --out"
            )
        load_weights(self.model, saved.weights())
        try:
            self.recipe.load_state_dict(saved.arrays)
            self.rng.bit_generator.state = saved.state["generator"]
            self.counts = Counts(**saved.state["counts"])
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{self.out}: the checkpoint cannot be resumed: {error}") from None
        self.step = saved.step


def load_weights(model: FlashLM, weights: dict[str, np.ndarray]) -> None:
    """Put weights by parameter name into the model; the tied head follows the embedding."""
    weights = dict(weights)
    if "embedding.weight" in weights:
        weights.setdefault("lm_head.weight", weights["embedding.weight"])
    model.load_state_dict(weights)


def steps_in(
    minutes: float, config: Config, corpus: Corpus, tokenizer: Tokenizer, threads: int | None
) -> int:
    """How many optimizer steps fit into so many minutes here, by timing a few of each phase.

    The steps are taken on a copy that is thrown away, so that the run itself depends only on
    the number that comes out. A tenth of the time is left for evaluations and checkpoints.
    """
    left, steps = 60 * minutes * 0.9, 0
    trainer = Trainer(config, corpus, tokenizer, Path(os.devnull), threads)
    for phase, stop in _phases_to(config):
        seconds = _seconds_per_step(trainer, phase)
        fitting = int(left / seconds)
        if stop is None or fitting < stop - phase.first_step:
            return max(1, steps + fitting)
        steps, left = stop - 1, left - seconds * (stop - phase.first_step)
    return steps


def _phases_to(config):
    """Each phase, and the step at which the next begins (None after the last)."""
    phases = sorted(config.phases, key=lambda phase: phase.first_step)
    return zip(phases, [phase.first_step for phase in phases[1:]] + [None], strict=True)


def _seconds_per_step(trainer, phase):
    seconds = []
    for _ in range(4):
        trainer.step = phase.first_step - 1
        start = time.perf_counter()
        trainer._one_step()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds[1:])[1]  # the median, without the first, which warms up


@contextmanager
def _stop_requests():
    """An event that Ctrl-C sets, so that a step is never left half done; twice interrupts."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(signum, frame):
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, ask) for number in signals]
    try:
        yield stop
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
