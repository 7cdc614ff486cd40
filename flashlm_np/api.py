"""Train, load and use a model from Python: the interface for notebooks and scripts.

The commands of `flashlm` call the same functions. UserError is the error that a user can mend.

Example:
    >>> import tempfile
    >>> run = train(TINY, out=tempfile.mkdtemp())  # doctest: +ELLIPSIS
    Making up 40 stories: about 1 second ...
    step 2: validation 7.6... nats per token, 7.2... above the best possible
      writes: ...
    >>> text = run.generate("Once upon a time", tokens=10)
    >>> text.startswith("Once upon a time")
    True
    >>> text == run.generate("Once upon a time", tokens=10)  # the same seed
    True
    >>> score = run.score("Once upon a time, a fox lived in a den.")
    >>> score.tokens, 7 < score.loss < 8
    (12, True)
    >>> sum(part.parameters for part in run.inspect().costs)
    17129
    >>> run = resume(run.folder, steps=3)  # doctest: +ELLIPSIS
    Going on with ... after step 2 ...
    >>> load(run.folder, "last").config.steps
    3
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .analysis.inspection import Inspection, inspect_run
from .data.dataset import DataSource, TextSize
from .errors import UserError
from .evaluation.evaluate import Evaluation, evaluate
from .inference.sampling_checks import expect_options
from .model.config import TEMPERATURE, Config, Phase
from .model.presets import QUICKSTART, SMALL_V3
from .runs.report import write_results
from .runs.resume import resume_run
from .runs.saved_run import SavedRun
from .runs.trainer import Trainer
from .start_run import start_run

# A configuration for examples: it trains in a second, and learns next to nothing.
TINY = replace(
    SMALL_V3,
    d_model=8,
    conv_groups=2,
    dilations=(1, 4),
    stories=40,
    steps=2,
    phases=(Phase(1, 64, 2),),
    eval_tokens=200,
)


class Run(SavedRun):
    """A trained model: .model, .tokenizer, .config, .checkpoint, .folder and .dataset()."""

    def generate(
        self,
        prompt: str = "",
        *,
        tokens: int = 200,
        temperature: float = TEMPERATURE,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> str:
        """Continue a prompt by at most `tokens` tokens, and return both.

        temperature: divides the logits; 0 takes the most likely token.
        top_k, top_p: sample from the k most likely tokens only, or from those that together
            have the probability top_p.
        """
        _expect(tokens >= 0, f"generate: tokens is {tokens}, expected 0 or more")
        _expect(seed >= 0, f"generate: seed is {seed}, expected 0 or more")
        options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        try:
            expect_options("generate", **options)
            pieces = self.text_generator.generate(prompt, tokens, seed, **options)
            return prompt + "".join(pieces)
        except ValueError as error:
            raise UserError(str(error)) from None

    def score(self, text: str) -> Evaluation:
        """The model's loss on a text: .loss in nats per token, .bits_per_byte, .perplexity."""
        ids = self.ids_to_score([text])
        _expect(len(ids) > 1, "score: the text has no token to score; give a longer one")
        return evaluate(self.model, self.config, ids, self.tokenizer, TextSize.of([text]))

    def inspect(self) -> Inspection:
        """The parameters, bytes and operations of the model, and its ternary weights."""
        return inspect_run(self)


def train(
    config: Config = QUICKSTART,
    *,
    out: str | Path,
    text: str | Path | Sequence[str | Path] | None = None,
    data: str | Path | None = None,
    minutes: float | None = None,
    threads: int | None = None,
) -> Run:
    """Train a model in the new folder `out`, print the progress, and return the best model.

    text: a file or folder of texts to learn from, or several; data: a folder of
        `flashlm prepare`; else stories.
    minutes: take as many steps as fit into these, instead of config.steps.
    threads: the number of cores to use, by default all.

    Raises:
        UserError: the folder holds a run, or the text or the configuration does not fit.
        Stopped: Ctrl-C came. The last step is saved, and `resume` goes on.
    """
    for name, value in (("minutes", minutes), ("threads", threads)):
        known = value is None or 0 < value < math.inf
        _expect(known, f"train: {name} is {value}, expected more than 0")
    _expect(text is None or data is None, "train: text and data exclude each other; give one")
    source = DataSource.at([text] if isinstance(text, (str, Path)) else text, data)
    with start_run(config, source, Path(out), minutes, threads) as trainer:
        return _finish(trainer)


def resume(folder: str | Path, *, threads: int | None = None, **changes: int) -> Run:
    """Go on with a run that was stopped, as if it had not been, and return the best checkpoint.

    changes: new values of steps, schedule_steps, eval_every or save_every.
    """
    with resume_run(Path(folder), changes, threads) as trainer:
        return _finish(trainer)


def load(folder: str | Path, checkpoint: str = "best", average: bool = False) -> Run:
    """Load a run from its folder: its "best" or "last" checkpoint, or the averaged weights."""
    names = ("best", "last")
    _expect(checkpoint in names, f"load: checkpoint is {checkpoint!r}, expected one of {names}")
    return Run.load(Path(folder), checkpoint, average)


def _expect(condition: bool, text: str) -> None:
    if not condition:
        raise UserError(text)


def _finish(trainer: Trainer) -> Run:
    write_results(trainer, trainer.run())
    return load(trainer.out)
