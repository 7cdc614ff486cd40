"""loss.png: the losses of a run, between the baselines and the best possible loss."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from ..evaluation.ngrams import Baselines
from ..files import written_atomically
from ..model.config import Config
from .metrics import read_metrics

GREEN, GREY, BLUE, PALE_BLUE, RED = "#2a7f3f", "#777777", "#3b6ea5", "#c8d4e3", "#c44e52"


def write_plot(out: Path, config: Config, counted: Baselines, best: float | None) -> None:
    """Draw the losses in out/metrics.csv, between the baselines and the best possible loss."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    rows = read_metrics(out / "metrics.csv")
    train = np.array([row["train_loss"] for row in rows])
    _draw_losses(axes, rows, train, config)
    for name, value in asdict(counted).items():
        _draw_line(axes, name, value, GREY, ":", "bottom")
    lowest = min([*train, *asdict(counted).values()])
    if best is not None:
        _draw_line(axes, "best possible", best, GREEN, "--", "top")
        lowest = min(lowest, best)
    axes.set(xlabel="optimizer step", ylabel="nats per token (logarithmic)", yscale="log")
    axes.set_ylim(0.8 * lowest, 1.3 * max([*train, counted.uniform]))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.set_title(f"FlashLM in NumPy, preset {config.preset}, seed {config.seed}")
    axes.legend(loc="upper center", fontsize=8)
    with written_atomically(out / "loss.png") as file:
        figure.savefig(file, format="png")


def _draw_losses(axes, rows, train, config):
    extras = {"label smoothing": config.label_smoothing, "z-loss": config.z_loss}
    named = " and ".join(f"{name} {value:g}" for name, value in extras.items() if value)
    label = f"train (with {named})" if named else "train"
    steps = [row["step"] for row in rows]
    axes.plot(steps, train, color=PALE_BLUE, lw=0.8, label=label)
    axes.plot(steps, smooth(train), color=BLUE, lw=1.6, label="train, smoothed")
    points = [
        (row["step"], row["valid_loss"], row["valid_loss_error"] or 0)
        for row in rows
        if row["valid_loss"] is not None
    ]
    style = {"color": RED, "marker": "o", "ms": 4, "label": "validation, true loss"}
    axes.errorbar(*zip(*points, strict=True), **style)


def _draw_line(axes, name, value, color, style, side):
    """A horizontal line; its name is at the right end, with its bottom or top at the line."""
    axes.axhline(value, color=color, lw=1, ls=style)
    place = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": side}
    axes.text(0.99, value, f"{name} {value:.2f}", color=color, fontsize=8, **place)


def smooth(values: np.ndarray) -> np.ndarray:
    """The moving average of a curve (N,), over about a twentieth of its length."""
    half = max(1, len(values) // 40)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    stop = np.minimum(np.arange(len(values)) + half + 1, len(values))
    start = np.maximum(np.arange(len(values)) - half, 0)
    return (sums[stop] - sums[start]) / (stop - start)
