"""A whole run: batches, optimizer steps, evaluations, metrics and checkpoints."""

import math
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..data.dataset import Batch, Dataset, sample_batch
from ..data.tokenizers.tokenizer import Tokenizer
from ..errors import UserError
from ..evaluation.evaluate import Evaluation, evaluate
from ..model.config import Config, Phase
from ..model.flashlm import FlashLM
from ..model.weights import load_weights
from ..progress import Progress, Stopped, clock, stop_requests
from . import checkpoint
from .checkpoint import Checkpoint
from .fast_step import FastStep
from .metrics import Metrics
from .step import StepResult


@dataclass
class Counts:
    """Totals of the run so far."""

    tokens_seen: int = 0
    positions_scored: int = 0
    seconds: float = 0.0  # of training, without the evaluations
    best_loss: float = math.inf  # of the evaluations


class Trainer:
    """One run: a model, its optimizers, a dataset, and the folder `out` that it writes to.

    All randomness, weights first and then batches, comes from one Generator seeded with
    config.seed. Its state is in every checkpoint, so a resumed run takes the same steps.

    threads: the number of cores to use, by default all that the process may use.
    embedding: a table (V, D) in place of the random one.
    """

    def __init__(
        self,
        config: Config,
        dataset: Dataset,
        tokenizer: Tokenizer,
        out: Path,
        threads: int | None = None,
        embedding: np.ndarray | None = None,
    ):
        self.config, self.dataset, self.tokenizer, self.out = config, dataset, tokenizer, out
        self.rng = np.random.default_rng(config.seed)
        self.model = FlashLM(config, self.rng)
        if embedding is not None:
            self.model.embedding.weight.data[...] = embedding
        self.fast_step = FastStep(self.model, config, threads)
        self.counts = Counts()
        self.step = 0
        self.all_tokens = sum(config.phase(i + 1).tokens for i in range(config.steps))

    def run(self) -> Evaluation:
        """Train to config.steps, and return the last evaluation.

        Raises:
            Stopped: Ctrl-C or SIGTERM came; the step under way was finished and saved.
            UserError: the loss or its gradient is not finite, or a file cannot be written.
        """
        metrics = Metrics(self.out / "metrics.csv", keep_to_step=self.step)
        progress = Progress("step", self.config.steps, done=self.step)
        evaluation = None
        with closing(progress), stop_requests() as stop:
            while self.step < self.config.steps:
                result = self.one_step()
                due = self.step == 1 or self._is_due(self.config.eval_every)
                evaluation = self.evaluate() if due else None
                metrics.add(self._metrics_row(result, evaluation))
                self._show_progress(progress, result, evaluation)
                self._save_if_due(evaluation, stop.is_set())
                if stop.is_set() and self.step < self.config.steps:
                    raise Stopped(f"Stopped after step {self.step:,}; everything is saved.")
        return evaluation or self.evaluate()

    def one_step(self) -> StepResult:
        """Draw the batches of one optimizer step, and take it."""
        start = time.perf_counter()
        config, phase = self.config, self.config.phase(self.step + 1)
        batches = draw_batches(self.dataset, config, phase, self.rng)
        result = self.fast_step.step(self.step + 1, batches)
        if not (math.isfinite(result.loss) and math.isfinite(result.grad_norm)):
            raise UserError(
                f"at step {self.step + 1} the loss is {result.loss} and the gradients' norm "
                f"{result.grad_norm}; lower --normuon-lr or --adamw-lr. {self._how_to_go_on()}"
            )
        self.step += 1
        self.counts.tokens_seen += phase.tokens
        self.counts.positions_scored += sum(
            targets.size if positions is None else len(positions)
            for _, targets, positions in batches
        )
        self.counts.seconds += time.perf_counter() - start
        return result

    def evaluate(self) -> Evaluation:
        """Score the validation tokens with the present weights."""
        return evaluate(self.model, self.config, self.dataset.valid, self.tokenizer)

    def _is_due(self, every):
        return self.step % every == 0 or self.step == self.config.steps

    def _save_if_due(self, evaluation, stopping):
        best = evaluation is not None and evaluation.loss < self.counts.best_loss
        if best:
            self.counts.best_loss = evaluation.loss
        if best or stopping or self._is_due(self.config.save_every):
            checkpoint.save(self.out, self.checkpoint(), ["last", "best"] if best else ["last"])

    def _metrics_row(self, result, evaluation):
        row = {
            "step": self.step,
            "train_loss": result.loss,
            "grad_norm": result.grad_norm,
            "lr_factor": self.fast_step.optimizers.factor(self.step),
            **asdict(self.counts),
            "seconds": round(self.counts.seconds, 3),
        }
        found = {} if evaluation is None else asdict(evaluation)
        return row | {f"valid_{name}": value for name, value in found.items()}

    def _show_progress(self, progress, result, evaluation):
        rate = self.counts.tokens_seen / self.counts.seconds
        left = clock((self.all_tokens - self.counts.tokens_seen) / rate)
        progress.advance(f"loss {result.loss:.3f}, {rate:,.0f} tokens/s, {left} left")
        if evaluation is not None:
            text = f"{evaluation.loss:.4f} ± {evaluation.loss_error:.4f} nats per token"
            if (best := self.dataset.best_possible_loss) is not None:
                text += f", {evaluation.loss - best:.3f} above the best possible"
            progress.write(f"step {self.step}: validation {text}")

    def _how_to_go_on(self):
        if (self.out / "last.json").is_file():
            return f"The last good checkpoint is kept: flashlm train --resume {self.out}"
        return "No checkpoint was written yet."

    # -- checkpoints ---------------------------------------------------------------------

    def checkpoint(self) -> Checkpoint:
        """The whole state of the run, from which it can go on with the same bits."""
        arrays = {f"model/{name}": p.data for name, p in self.model.named_parameters()}
        arrays |= self.fast_step.optimizers.state_dict()
        tokenizer, dataset = self.tokenizer, self.dataset
        state = {
            "generator": self.rng.bit_generator.state,
            "counts": asdict(self.counts),
            "tokenizer": {"name": tokenizer.name, "fingerprint": tokenizer.fingerprint},
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

        Raises UserError if the dataset is another, or the checkpoint lacks a part.
        """
        if saved.state["corpus"].get("fingerprint") != self.dataset.fingerprint:
            raise UserError(
                f"the text is not the one that {self.out} was trained on; "
                "restore the files, or start a new run with --out"
            )
        load_weights(self.model, saved.weights())
        try:
            self.fast_step.optimizers.load_state_dict(saved.arrays)
            self.rng.bit_generator.state = saved.state["generator"]
            self.counts = Counts(**saved.state["counts"])
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{self.out}: the checkpoint cannot be resumed: {error}") from None
        self.step = saved.step


def draw_batches(
    dataset: Dataset, config: Config, phase: Phase, rng: np.random.Generator
) -> list[Batch]:
    """The micro-batches of one optimizer step."""
    sizes = {"batch": phase.batch, "sequence": phase.sequence}
    return [
        sample_batch(dataset, **sizes, position_share=config.position_share, rng=rng)
        for _ in range(phase.micro_batches)
    ]
