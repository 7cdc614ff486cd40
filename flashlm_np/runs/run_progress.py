"""The lines that a run prints: its speed, the time that is left, evaluations and samples.

Nothing here changes the run. A sample has a random generator of its own, and its time does not
count as training.
"""

import time
from collections.abc import Callable

from ..evaluation.evaluate import Evaluation, with_error
from ..inference.text_generator import TextGenerator
from ..model.config import Config
from ..progress import Progress, about, clock, printable, rate

SAMPLE_TOKENS = 30
TIMED_STEPS = 5  # after the first step, which warms up; then the time of all is announced


def evaluation_is_due(config: Config, step: int) -> bool:
    """Whether the validation tokens are scored after this step.

    The evaluation at a quarter of eval_every is there to show soon that the model learns.
    """
    return step in (1, config.eval_every // 4, config.steps) or step % config.eval_every == 0


class RunProgress:
    """Shows the steps of a run that goes on after step `step`, as long as the object lives.

    counted: the tokens and the seconds of training so far.
    best: the best possible loss, if it is known.
    sample: writes a text with the present model.
    """

    def __init__(
        self,
        config: Config,
        step: int,
        counted: tuple[int, float],
        best: float | None,
        sample: Callable[[], str],
    ):
        self.config, self.first_step, self.best, self.sample = config, step + 1, best, sample
        self.progress = Progress("step", config.steps, done=step)
        self.start, self.trained = time.perf_counter(), counted[1]
        self.counted, self.evaluations = counted, 0

    def show(
        self, step: int, counted: tuple[int, float], loss: float, evaluation: Evaluation | None
    ) -> None:
        """Show a step that was taken, its loss, and its evaluation if there was one."""
        tokens, seconds = (now - then for now, then in zip(counted, self.counted, strict=True))
        speed = rate(tokens, seconds)
        if step == self.first_step:
            self.counted = counted  # the speed is that of the steps after the first
        self.evaluations += evaluation is not None
        left = tokens_left(self.config, step) / speed
        left += self._others_left(step, counted[1])
        self.progress.advance(f"loss {loss:.3f}, {speed:,.0f} tokens/s, {clock(left)} left")
        if evaluation is not None:
            self._show_evaluation(step, evaluation)
        if step == self.first_step + TIMED_STEPS < self.config.steps:
            self.progress.write(f"{self.config.steps - step:,} more steps: {about(left)}")

    def write(self, text: str) -> None:
        """Print a line of its own."""
        self.progress.write(text)

    def close(self) -> None:
        self.progress.close()

    def _show_evaluation(self, step, evaluation):
        text = f"{with_error(evaluation.loss, evaluation.loss_error)} nats per token"
        if self.best is not None:
            text += f", {evaluation.loss - self.best:.3f} above the best possible"
        self.progress.write(f"step {step}: validation {text}\n  writes: {self.sample()}")

    def _others_left(self, step, trained):
        """Seconds of the evaluations to come, if each takes as long as those so far."""
        others = time.perf_counter() - self.start - (trained - self.trained)
        return others / max(1, self.evaluations) * evaluations_left(self.config, step)


def evaluations_left(config: Config, step: int) -> int:
    """How many steps after `step` have an evaluation."""
    every, before_last = config.eval_every, config.steps - 1
    periodic = before_last // every - min(step, before_last) // every
    return periodic + (step < every // 4 < config.steps) + (step < config.steps)


def tokens_left(config: Config, step: int) -> int:
    """The training tokens of the steps after `step`."""
    return sum(
        phase.tokens * max(0, min(last, config.steps) - max(phase.first_step - 1, step))
        for phase, last in config.phases_in_order()
    )


def sample_line(generator: TextGenerator) -> str:
    """The beginning of a text by a model, on one line, with the same draws each time."""
    return printable(" ".join(generator.sample(SAMPLE_TOKENS).split()))
