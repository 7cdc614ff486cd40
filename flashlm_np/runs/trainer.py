"""A whole run: steps, evaluations, metrics and checkpoints."""

import math
import time
from contextlib import ExitStack, closing
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
from ..training.processes import Processes
from . import checkpoint
from .checkpoint_record import records_in
from .metrics import Metrics
from .ngram_file import save_ngrams
from .run_progress import RunProgress, evaluation_is_due, sample_line
from .run_state import RunState
from .shared_run import expect_equal_bits


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
        processes: Processes | None = None,
    ):
        parts = embedding, layout, ngrams, processes
        super().__init__(config, dataset, tokenizer, threads, *parts)
        self.out = out
        self.evaluation_seconds = 0.0  # of the last one

    def run(self) -> Evaluation | None:
        """Train to config.steps, and return the last evaluation, which process 0 has.

        Raises:
            Stopped: Ctrl-C or SIGTERM came; the step under way was finished and saved.
            UserError: the loss or its gradient is not finite, or a file cannot be written.
        """
        evaluation, problem, stopping, first = None, "", False, self.processes.is_first
        self.processes.set_last_words(self._last_words())
        self._expect_equal_bits()  # after a resumption, whose files each process has read
        with ExitStack() as stack:
            stop = stack.enter_context(stop_requests(quiet=not first))
            with self.processes.together():
                if first:
                    self._open(stack)
            while self.step < self.config.steps and not stopping:
                result = self.one_step()
                problem = problem or self._problem(result)
                if not self.ends_round:
                    self._show(result, None, problem)
                    continue
                with self.processes.together():
                    if problem:
                        raise UserError(problem)
                    due = any(evaluation_is_due(self.config, step) for step in self.round)
                    evaluation = self.evaluate() if due and first else None
                if any(step % self.processes.check_every == 0 for step in self.round):
                    self._expect_equal_bits()
                self._show(result, evaluation)
                stopping = self.processes.any(stop.is_set())
                self._save_if_due(evaluation, due, stopping)
            if self.processes.any(stop.is_set()):
                raise Stopped(f"Stopped after step {self.step:,}; everything is saved.")
        return (evaluation or self.evaluate()) if first else None

    def _expect_equal_bits(self):
        expect_equal_bits(self.processes, self.model, self.rng, self.step)

    def _open(self, stack):
        """Begin to show the progress and to write metrics.csv, as long as the stack is open."""
        best, path = self.dataset.best_possible_loss, self.out / "metrics.csv"
        parts = self.config, self.step, self._counted(), best, self._sample
        self.progress = stack.enter_context(closing(RunProgress(*parts)))
        metrics = Metrics(path, self.step, self.progress.write)
        self.metrics = stack.enter_context(closing(metrics))
        if self.step == 0:  # without these files nobody can read a checkpoint
            save_tokenizer(self.out, self.tokenizer)
            if self.model.prior:
                save_ngrams(self.out, self.model.prior.ngrams)

    def _show(self, result, evaluation, problem=""):
        if problem or not self.processes.is_first:
            return
        self.metrics.add(self._metrics_row(result, evaluation))
        self.progress.show(self.step, self._counted(), result.loss, evaluation)

    @property
    def resume_command(self) -> str:
        """The command that goes on with this run; "" before its first checkpoint."""
        if not records_in(self.out):
            return ""
        return self.processes.command(command("train", "--resume", self.out))

    def _last_words(self):
        resume = self.resume_command
        kept = f"the last checkpoint is kept: {resume}" if resume else "start it again"
        return f"a process was killed, or its machine was lost, which ends the run; {kept}"

    def evaluate(self) -> Evaluation:
        """Score the validation tokens with the present weights."""
        start = time.perf_counter()
        parts = self.dataset.valid, self.tokenizer, self.dataset.valid_size
        found = evaluate(self.model, self.config, *parts)
        self.evaluation_seconds = time.perf_counter() - start
        return found

    def _save_if_due(self, evaluation, due, stopping):
        """Save a checkpoint, if the step is regular or the best, or the last one."""
        best = evaluation is not None and evaluation.loss < self.counts.best_loss
        if best:
            self.counts.best_loss = evaluation.loss
        best = due and self.processes.of_first(best)
        every, last = self.config.save_every, self.config.steps
        if not (best or stopping or any(s % every == 0 or s == last for s in self.round)):
            return
        found = self.checkpoint()
        with self.processes.together():
            if self.processes.is_first:
                self.metrics.sync()  # a checkpoint on the disk has all its rows there
                names = ["last", "best"] if best else ["last"]
                checkpoint.save(self.out, found, names)
                self.processes.set_last_words(self._last_words())

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

    def _problem(self, result):
        """A sentence about a loss or norm that is not finite; "" if both are."""
        if math.isfinite(result.loss) and math.isfinite(result.grad_norm):
            return ""
        cause = result.not_finite and f", because of {result.not_finite}"
        return (
            f"at step {self.step} the loss is {result.loss} and the gradients' norm "
            f"{result.grad_norm}{cause}; start a new run with a lower --normuon-lr or "
            "--adamw-lr"
        )
