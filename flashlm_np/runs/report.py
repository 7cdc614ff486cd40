"""The results of a finished run for its reader: loss.png, sample.txt and report.md."""

import contextlib
import math
import os
import platform
from dataclasses import dataclass, fields

import numpy as np

from ..data.stories import stories
from ..evaluation.baselines import Baselines, baselines
from ..evaluation.evaluate import Evaluation, evaluate, with_error
from ..files import write_atomically
from ..inference.text_generator import TextGenerator
from ..model.config import TEMPERATURE, Config, text_of
from ..model.presets import V3
from ..model.weights import model_with_weights
from ..progress import clock, rate
from ..training.memory import peak_memory
from .loss_plot import write_plot
from .trainer import Trainer

SAMPLES = 3
SAMPLE_TOKENS = 200


@dataclass(frozen=True)
class Results:
    """The losses and samples of a finished run."""

    final: Evaluation
    averaged: Evaluation | None  # with the averaged weights (EMA); None if there are none
    counted: Baselines
    samples: list[str]


def write_results(trainer: Trainer, final: Evaluation) -> Results:
    """Evaluate and sample a finished run, and write its three files into trainer.out.

    final: the last evaluation of the run.
    """
    config, dataset, tokenizer = trainer.config, trainer.dataset, trainer.tokenizer
    generator = TextGenerator(trainer.model, tokenizer, dataset.has_separators)
    results = Results(
        final,
        _averaged(trainer) if config.ema_decay else None,
        baselines(dataset.train, dataset.valid, config.vocab_size),
        [generator.sample(SAMPLE_TOKENS, seed) for seed in range(SAMPLES)],
    )
    _write(trainer.out / "sample.txt", _samples(results.samples))
    write_plot(trainer.out, config, results.counted, dataset.best_possible_loss)
    _write(trainer.out / "report.md", _report(trainer, results))
    return results


def _averaged(trainer):
    config, dataset = trainer.config, trainer.dataset
    layout, average = trainer.model.layout.arrays(), trainer.fast_step.optimizers.ema.average
    model = model_with_weights(config, average, layout, trainer.model.ngrams)
    return evaluate(model, config, dataset.valid, trainer.tokenizer, dataset.valid_size)


def _write(path, text):
    """Write a text. Bytes of a file's name that are not UTF-8 become question marks in it."""
    write_atomically(path, text.encode(errors="replace"))


def _samples(texts):
    head = f"Samples at temperature {TEMPERATURE}, seeds 0 to {SAMPLES - 1}, none left out."
    return "\n\n".join([head, *(f"[{i}]\n{text}" for i, text in enumerate(texts))]) + "\n"


def _report(trainer, results):
    """The losses of the run, its configuration and speed, and one sample."""
    config, counts, best = trainer.config, trainer.counts, trainer.dataset.best_possible_loss
    parts = [
        f"# FlashLM in NumPy: preset {config.preset}",
        f"Trained on {trainer.dataset.name} for {config.steps:,} steps in "
        f"{clock(counts.seconds)} of training: {counts.tokens_seen:,} tokens seen, "
        f"{counts.positions_scored:,} positions scored, "
        f"{rate(counts.tokens_seen, counts.seconds):,.0f} tokens per second. "
        f"{_machine()}.",
        _losses(results, best),
        "![loss](loss.png)",
        f"## A sample (temperature {TEMPERATURE}, seed 0)",
        *([] if best is None else [_correct_stories(results.samples)]),
        "\n".join(f"> {line}" for line in results.samples[0].splitlines()) or "> (nothing)",
        "## Configuration",
        *_configuration(config),
    ]
    return "\n\n".join(parts) + "\n"


def _losses(results, best):
    final, counted = results.final, results.counted
    rows = {
        f"on {final.tokens:,} validation tokens": "nats per token",
        "---": "---",
        "**validation loss** (true)": f"**{with_error(final.loss, final.loss_error)}**",
    }
    if best is not None:
        rows["best possible on these tokens (exact)"] = f"{best:.4f}"
        rows["distance from the best possible"] = f"{final.loss - best:.4f}"
    if results.averaged is not None:
        rows["with the averaged weights (EMA)"] = f"{results.averaged.loss:.4f}"
    if not math.isnan(final.smoothed):
        smoothed = with_error(final.smoothed, final.smoothed_error)
        rows["label-smoothed 0.1 (v3's number; not comparable)"] = smoothed
    rows |= {
        "uniform over the vocabulary": f"{counted.uniform:.4f}",
        "unigram, counted on the training tokens": f"{counted.unigram:.4f}",
        "interpolated bigram, counted on the same": f"{counted.bigram:.4f}",
        "interpolated trigram, counted on the same": f"{counted.trigram:.4f}",
        "perplexity (no unit)": f"{final.perplexity:.3f}",
        "bits per byte": f"{final.bits_per_byte:.4f}",
    }
    if final.unknown:
        rows |= {
            "bits per character": f"{final.bits_per_character:.4f}",
            f"the same with {final.unknown:,} UNK for free, as v4's author counts": (
                f"{final.credited_bits_per_character:.4f}"
            ),
        }
    return _table(rows.items())


def _correct_stories(texts):
    """How many samples the grammar of the stories accepts as a whole."""
    correct = 0
    for text in texts:
        with contextlib.suppress(ValueError):
            stories.score(text)
            correct += 1
    return (
        f"{correct} of the {len(texts)} samples in sample.txt are, to the last letter, stories "
        "that the generator could have told."
    )


def _configuration(config):
    """Yield how many fields differ from the v3 preset, and these with v3's values."""
    names = [field.name for field in fields(Config) if field.name != "preset"]
    values = [(name, getattr(config, name), getattr(V3, name)) for name in names]
    rows = [(name, text_of(own), text_of(v3)) for name, own, v3 in values if own != v3]
    if not rows:
        yield f"All {len(names)} fields are those of FlashLM v3."
        return
    yield f"{len(rows)} of {len(names)} fields differ from those of FlashLM v3:"
    yield _table([("field", "this run", "v3"), ("---",) * 3, *rows])


def _table(rows):
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _machine():
    peak = peak_memory()
    memory = "" if peak is None else f"; peak memory {peak / 1e6:,.0f} MB"
    return (
        f"Python {platform.python_version()}, NumPy {np.__version__}, "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores{memory}"
    )
