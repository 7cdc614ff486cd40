"""loss.png: the losses of a run, between the baselines and the best possible loss."""

import io
from pathlib import Path

import numpy as np

from ..evaluation.ngrams import Baselines
from ..files import write_atomically
from ..model.config import Config
from .metrics import read_metrics

GREEN, GREY, BLUE, PALE_BLUE, RED = "#2a7f3f", "#777777", "#3b6ea5", "#c8d4e3", "#c44e52"


def write_plot(out: Path, config: Config, counted: Baselines, best: float | None) -> None:
    """Draw the losses in out/metrics.csv, between the baselines and the best possible loss."""
    from matplotlib.figure import Figure

    lines = {"uniform": counted.uniform, "unigram": counted.unigram, "bigram": counted.bigram}
    if best is not None:
        lines["best possible"] = best
    rows = read_metrics(out / "metrics.csv")
    train = np.array([row["train_loss"] for row in rows])
    figure = Figure(figsize=(8, 5), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    _draw_losses(axes, rows, train, _train_label(config))
    _draw_lines(axes, lines)
    axes.set(xlabel="optimizer step", ylabel="nats per token (logarithmic)", yscale="log")
    axes.set_ylim(0.8 * min([*train, *lines.values()]), 1.3 * max([*train, counted.uniform]))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.set_title(f"FlashLM in NumPy, preset {config.preset}, seed {config.seed}")
    axes.legend(loc="upper center", fontsize=8)
    data = io.BytesIO()
    figure.savefig(data, format="png")
    write_atomically(out / "loss.png", data.getvalue())


def _draw_losses(axes, rows, train, label):
    steps = [row["step"] for row in rows]
    axes.plot(steps, train, color=PALE_BLUE, lw=0.8, label=label)
    axes.plot(steps, smooth(train), color=BLUE, lw=1.6, label="train, smoothed")
    evaluated = [row for row in rows if row["valid_loss"] is not None]
    axes.errorbar(
        [row["step"] for row in evaluated],
        [row["valid_loss"] for row in evaluated],
        [row["valid_loss_error"] or 0 for row in evaluated],
        color=RED,
        marker="o",
        ms=4,
        label="validation, true loss",
    )


def _draw_lines(axes, lines):
    for name, value in lines.items():
        best = name == "best possible"
        color = GREEN if best else GREY
        axes.axhline(value, color=color, lw=1, ls="--" if best else ":")
        axes.annotate(
            f"{name} {value:.2f}",
            (1, value),
            xycoords=("axes fraction", "data"),
            xytext=(-4, -3 if best else 2),
            textcoords="offset points",
            ha="right",
            va="top" if best else "bottom",
            fontsize=8,
            color=color,
        )


def _train_label(config):
    extras = [f"label smoothing {config.label_smoothing:g}"] if config.label_smoothing else []
    extras += [f"z-loss {config.z_loss:g}"] if config.z_loss else []
    return "train" + (f" (with {' and '.join(extras)})" if extras else "")


def smooth(values: np.ndarray) -> np.ndarray:
    """The moving average of a curve (N,), over about a twentieth of its length."""
    half = max(1, len(values) // 40)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    stop = np.minimum(np.arange(len(values)) + half + 1, len(values))
    start = np.maximum(np.arange(len(values)) - half, 0)
    return (sums[stop] - sums[start]) / (stop - start)
