"""A whole run: batches, optimizer steps, evaluations, metrics and checkpoints."""

import math
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..commands import command
from ..data.dataset import Batch, Dataset, sample_batch
from ..data.tokenizers.tokenizer import Tokenizer
from ..errors import UserError
from ..evaluation.evaluate import Evaluation, evaluate
from ..inference.text_generator import TextGenerator
from ..model.config import Config, Phase
from ..model.flashlm import FlashLM
from ..model.weights import load_weights
from ..progress import Stopped, stop_requests
from . import checkpoint
from .checkpoint import Checkpoint
from .fast_step import FastStep
from .metrics import Metrics
from .run_progress import RunProgress, evaluation_is_due, sample_line
from .step import StepResult


class Trainer(RunState):
    """A run that writes its metrics and checkpoints to the folder `out`.

    The other arguments are those of RunState.
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
        super().__init__(config, dataset, tokenizer, threads, embedding)
        self.out = out

    def run(self) -> Evaluation:
        """Train to config.steps, and return the last evaluation.

        Raises:
            Stopped: Ctrl-C or SIGTERM came; the step under way was finished and saved.
            UserError: the loss or its gradient is not finite, or a file cannot be written.
        """
        metrics = Metrics(self.out / "metrics.csv", keep_to_step=self.step)
        best = self.dataset.best_possible_loss
        progress = RunProgress(self.config, self.step, self._counted(), best, self._sample)
        evaluation = None
        with closing(progress), stop_requests() as stop:
            while self.step < self.config.steps:
                result = self.one_step()
                due = evaluation_is_due(self.config, self.step)
                evaluation = self.evaluate() if due else None
                metrics.add(self._metrics_row(result, evaluation))
                progress.show(self.step, self._counted(), result.loss, evaluation)
                self._save_if_due(evaluation, stop.is_set())
                if stop.is_set() and self.step < self.config.steps:
                    raise Stopped(f"Stopped after step {self.step:,}; everything is saved.")
        return evaluation or self.evaluate()

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

    def _counted(self):
        return self.counts.tokens_seen, self.counts.seconds

    def _sample(self):
        separated = self.dataset.has_separators
        return sample_line(TextGenerator(self.model, self.tokenizer, separated))

    def _how_to_go_on(self):
        if (self.out / "last.json").is_file():
            resume = command("train", "--resume", self.out)
            return f"The last good checkpoint is kept: {resume}"
        return "No checkpoint was written yet."
