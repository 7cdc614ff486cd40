"""What a run leaves for its reader: loss.png, sample.txt and report.md."""

from __future__ import annotations

import io
import os
import platform
from dataclasses import fields
from pathlib import Path

import numpy as np

from ..data.dataset import Dataset
from ..data.stories import stories
from ..data.tokenizers.tokenizer import Tokenizer
from ..evaluation.evaluate import Evaluation
from ..evaluation.ngrams import Baselines
from ..files import write_atomically
from ..inference.generate import Writer
from ..model.config import TEMPERATURE, V3, Config, text_of
from ..model.flashlm import FlashLM
from ..progress import clock
from .memory import peak_memory
from .metrics import read_metrics

SAMPLES = 3
SAMPLE_TOKENS = 200


def write_plot(
    path: Path, metrics: Path, config: Config, counted: Baselines, limit=None
) -> None:
    """The loss curve: train, smoothed train, validation, and the lines to judge them by."""
    from matplotlib.figure import Figure

    rows = read_metrics(metrics)
    steps = [row["step"] for row in rows]
    train = np.array([row["train_loss"] for row in rows])
    judged = [row for row in rows if row["valid_loss"] is not None]
    figure = Figure(figsize=(8, 5), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    axes.plot(steps, train, color="#c8d4e3", lw=0.8, label=_train_label(config))
    axes.plot(steps, smooth(train), color="#3b6ea5", lw=1.6, label="train, smoothed")
    axes.errorbar(
        [row["step"] for row in judged],
        [row["valid_loss"] for row in judged],
        [row["valid_loss_error"] or 0 for row in judged],
        color="#c44e52",
        marker="o",
        ms=4,
        label="validation, true loss",
    )
    lines = {"uniform": counted.uniform, "unigram": counted.unigram, "bigram": counted.bigram}
    if limit is not None:
        lines["best possible"] = limit
    for name, value in lines.items():
        color = "#2a7f3f" if name == "best possible" else "#777777"
        axes.axhline(value, color=color, lw=1, ls="--" if name == "best possible" else ":")
        axes.annotate(
            f"{name} {value:.2f}",
            (1, value),
            xycoords=("axes fraction", "data"),
            xytext=(-4, -3 if name == "best possible" else 2),
            textcoords="offset points",
            ha="right",
            va="top" if name == "best possible" else "bottom",
            fontsize=8,
            color=color,
        )
    lowest = min([*train, *lines.values()])
    axes.set(xlabel="optimizer step", ylabel="nats per token (logarithmic)", yscale="log")
    axes.set_ylim(0.8 * lowest, 1.3 * max([*train, counted.uniform]))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.set_title(f"FlashLM in NumPy, preset {config.preset}, seed {config.seed}")
    axes.legend(loc="upper center", fontsize=8)
    _save_figure(figure, path)


def _train_label(config):
    extras = [f"label smoothing {config.label_smoothing:g}"] if config.label_smoothing else []
    extras += [f"z-loss {config.z_loss:g}"] if config.z_loss else []
    return "train" + (f" (with {' and '.join(extras)})" if extras else "")


def _save_figure(figure, path):
    data = io.BytesIO()
    figure.savefig(data, format="png")
    write_atomically(path, data.getvalue())


def smooth(values: np.ndarray) -> np.ndarray:
    """The mean of each value and its neighbours, about a twentieth of the curve together."""
    half = max(1, len(values) // 40)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    stop = np.minimum(np.arange(len(values)) + half + 1, len(values))
    start = np.maximum(np.arange(len(values)) - half, 0)
    return (sums[stop] - sums[start]) / (stop - start)


def samples(model: FlashLM, config: Config, corpus: Dataset, tokenizer: Tokenizer) -> list[str]:
    """Texts that the model writes from nothing, always with the same dice."""
    writer = Writer(model, config, tokenizer, corpus.has_separators)
    return [
        "".join(writer.write("", SAMPLE_TOKENS, seed, temperature=TEMPERATURE))
        for seed in range(SAMPLES)
    ]


def write_samples(path: Path, texts: list[str]) -> None:
    """The samples, with a line that says how they were drawn."""
    head = (
        f"Samples at temperature {TEMPERATURE}, seeds 0 to {len(texts) - 1}, none left out.\n"
    )
    body = "\n\n".join(f"[{i}]\n{text}" for i, text in enumerate(texts))
    write_atomically(path, f"{head}\n{body}\n".encode())


def write_report(
    path: Path,
    config: Config,
    corpus: Dataset,
    final: Evaluation,
    averaged: Evaluation,
    counted: Baselines,
    counts,
    texts: list[str],
) -> None:
    """report.md: the honest numbers of the run, what was run, and one sample."""
    parts = [
        f"# FlashLM in NumPy: preset {config.preset}",
        f"Trained on {corpus.name} for {config.steps:,} steps in {clock(counts.seconds)} of "
        f"training: {counts.tokens_seen:,} tokens seen, {counts.positions_scored:,} positions "
        f"scored, {counts.tokens_seen / max(counts.seconds, 1e-9):,.0f} tokens per second. "
        f"{_machine()}.",
        _numbers(corpus, final, averaged, counted),
        "![loss](loss.png)",
        f"## A sample (temperature {TEMPERATURE}, seed 0)",
        *([] if corpus.best_possible_loss is None else [_parsed(texts)]),
        "\n".join(f"> {line}" for line in texts[0].splitlines()) or "> (nothing)",
        "## What differs from FlashLM v3" if config.preset != "v3" else "## Configuration",
        _differences(config),
    ]
    write_atomically(path, ("\n\n".join(parts) + "\n").encode())


def _numbers(corpus, final, averaged, counted):
    def row(name, value):
        return f"| {name} | {value} |"

    rows = [
        row(f"on {final.tokens:,} validation tokens", "nats per token"),
        row("---", "---"),
        row("**validation loss** (true)", f"**{final.loss:.4f}** ± {final.loss_error:.4f}"),
    ]
    if corpus.best_possible_loss is not None:
        best = corpus.best_possible_loss
        rows.append(row("best possible on these tokens (exact)", f"{best:.4f}"))
        rows.append(row("distance from the best possible", f"{final.loss - best:.4f}"))
    rows += [
        row("with the averaged weights (EMA)", f"{averaged.loss:.4f}"),
        row(
            "label-smoothed 0.1 (v3's number; not comparable)",
            f"{final.smoothed:.4f} ± {final.smoothed_error:.4f}",
        ),
        row("uniform over the vocabulary", f"{counted.uniform:.4f}"),
        row("unigram, counted on the training tokens", f"{counted.unigram:.4f}"),
        row("interpolated bigram, counted on the same", f"{counted.bigram:.4f}"),
        row("perplexity (no unit)", f"{final.perplexity:.3f}"),
        row("bits per byte", f"{final.bits_per_byte:.4f}"),
    ]
    return "\n".join(rows)


def _parsed(texts):
    whole = 0
    for text in texts:
        try:
            stories.score(text)
            whole += 1
        except ValueError:
            pass
    return (
        f"{whole} of the {len(texts)} samples in sample.txt are, to the last letter, stories "
        "that the generator could have told."
    )


def _differences(config):
    """Each field in which this run departs from the v3 preset, and v3's value."""
    rows = [
        f"| {f.name} | {text_of(getattr(config, f.name))} | {text_of(getattr(V3, f.name))} |"
        for f in fields(Config)
        if getattr(config, f.name) != getattr(V3, f.name)
    ]
    return "\n".join(["| field | this run | v3 |", "| --- | --- | --- |", *rows])


def _machine():
    peak = peak_memory()
    memory = "" if peak is None else f"; peak memory {peak / 1e6:,.0f} MB"
    return (
        f"Python {platform.python_version()}, NumPy {np.__version__}, "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores{memory}"
    )
