"""A whole run: steps, evaluations, metrics and checkpoints."""

import math
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ..commands import command
from ..data.dataset import Dataset
from ..data.tokenizers.saving import save_tokenizer
from ..data.tokenizers.tokenizer import Tokenizer
from ..errors import UserError
from ..evaluation.evaluate import Evaluation, evaluate
from ..inference.text_generator import TextGenerator
from ..model.config import Config
from ..model.heads.layout import TableLayout
from ..ngrams.kneser_ney import KneserNey
from ..progress import Stopped, stop_requests
from . import checkpoint
from .checkpoint_record import records_in
from .metrics import Metrics
from .ngram_file import save_ngrams
from .run_progress import RunProgress, evaluation_is_due, sample_line
from .run_state import RunState


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
        layout: TableLayout | None = None,
        ngrams: KneserNey | None = None,
    ):
        super().__init__(config, dataset, tokenizer, threads, embedding, layout, ngrams)
        self.out = out
        self.evaluation_seconds = 0.0  # of the last one

    def run(self) -> Evaluation:
        """Train to config.steps, and return the last evaluation.

        Raises:
            Stopped: Ctrl-C or SIGTERM came; the step under way was finished and saved.
            UserError: the loss or its gradient is not finite, or a file cannot be written.
        """
        best, path = self.dataset.best_possible_loss, self.out / "metrics.csv"
        progress = RunProgress(self.config, self.step, self._counted(), best, self._sample)
        evaluation, stopping = None, False
        with (
            closing(progress),
            stop_requests() as stop,
            closing(Metrics(path, self.step, progress.write)) as metrics,
        ):
            if self.step == 0:  # without these files nobody can read a checkpoint
                save_tokenizer(self.out, self.tokenizer)
                if self.model.prior:
                    save_ngrams(self.out, self.model.prior.ngrams)
            while self.step < self.config.steps and not stopping:
                result = self.one_step()
                self._expect_finite(result)
                due = evaluation_is_due(self.config, self.step)
                evaluation = self.evaluate() if due else None
                metrics.add(self._metrics_row(result, evaluation))
                progress.show(self.step, self._counted(), result.loss, evaluation)
                stopping = stop.is_set()
                self._save_if_due(metrics, evaluation, stopping)
            if stop.is_set():
                raise Stopped(f"Stopped after step {self.step:,}; everything is saved.")
        return evaluation or self.evaluate()

    @property
    def resume_command(self) -> str:
        """The command that goes on with this run; "" before its first checkpoint."""
        return command("train", "--resume", self.out) if records_in(self.out) else ""

    def evaluate(self) -> Evaluation:
        """Score the validation tokens with the present weights."""
        start = time.perf_counter()
        parts = self.dataset.valid, self.tokenizer, self.dataset.valid_size
        found = evaluate(self.model, self.config, *parts)
        self.evaluation_seconds = time.perf_counter() - start
        return found

    def _save_if_due(self, metrics, evaluation, stopping):
        best = evaluation is not None and evaluation.loss < self.counts.best_loss
        if best:
            self.counts.best_loss = evaluation.loss
        regular = self.step % self.config.save_every == 0 or self.step == self.config.steps
        if best or stopping or regular:
            metrics.sync()  # a checkpoint on the disk has all its rows there
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

    def _expect_finite(self, result):
        if math.isfinite(result.loss) and math.isfinite(result.grad_norm):
            return
        raise UserError(
            f"at step {self.step} the loss is {result.loss} and the gradients' norm "
            f"{result.grad_norm}; start a new run with a lower --normuon-lr or --adamw-lr"
        )
