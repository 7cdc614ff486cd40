"""loss.png: the losses of a run, between the baselines and the best possible loss."""

import math
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ..evaluation.baselines import Baselines
from ..files import written_atomically
from ..model.config import Config
from .metrics import read_metrics

GREEN, GREY, BLUE, PALE_BLUE, RED = "#2a7f3f", "#777777", "#3b6ea5", "#c8d4e3", "#c44e52"
LEAST = 1e-4  # nats per token, of the logarithmic axis: a loss may be 0
APART = 0.035  # of the axis, between the names of two lines
MARKED = 60  # validation losses; more would be a thick line


def write_plot(out: Path, config: Config, counted: Baselines, best: float | None) -> None:
    """Draw the losses in out/metrics.csv, between the baselines and the best possible loss."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    rows = read_metrics(out / "metrics.csv", print)
    lines = {name: (value, GREY, ":") for name, value in asdict(counted).items()}
    if best is not None:
        lines["best possible"] = best, GREEN, "--"
    _set_axes(axes, rows, [value for value, _, _ in lines.values()])
    _draw_losses(axes, rows, config)
    _draw_lines(axes, lines)
    axes.set_title(f"FlashLM in NumPy, preset {config.preset}, seed {config.seed}")
    figure.legend(loc="outside lower center", fontsize=8, ncols=3)
    with written_atomically(out / "loss.png") as file:
        figure.savefig(file, format="png")


def _set_axes(axes, rows, values):
    """Limits that hold all losses that are finite, and as many ticks as can be read."""
    from matplotlib.ticker import LogLocator, MaxNLocator

    losses = [row[name] for row in rows for name in ("train_loss", "valid_loss")]
    every = [x for x in (*values, *losses) if x is not None and math.isfinite(x)]
    low, high = 0.8 * max(min(every), LEAST), 1.3 * max(every)
    axes.set(xlabel="optimizer step", ylabel="nats per token (logarithmic)", yscale="log")
    axes.set_ylim(low, high)
    subs = (1, 2, 3, 4, 5, 6, 8) if high < 100 * low else (1,)
    axes.yaxis.set_major_locator(LogLocator(subs=subs))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.xaxis.set_major_formatter("{x:,.0f}")


def _draw_losses(axes, rows, config):
    extras = {"label smoothing": config.label_smoothing, "z-loss": config.z_loss}
    if config.head == "sampled":  # a softmax over fewer words has a smaller loss
        extras["candidates"] = config.candidates
    named = " and ".join(f"{name} {value:g}" for name, value in extras.items() if value)
    label = f"train (with {named})" if named else "train"
    steps, train = [row["step"] for row in rows], np.array([row["train_loss"] for row in rows])
    axes.plot(steps, train, color=PALE_BLUE, lw=0.8, label=label)
    axes.plot(steps, smooth(train), color=BLUE, lw=1.6, label="train, smoothed")
    scored = [row for row in rows if row["valid_loss"] is not None]
    axes.errorbar(
        [row["step"] for row in scored],
        [row["valid_loss"] for row in scored],
        [row["valid_loss_error"] or 0 for row in scored],
        color=RED,
        marker="o" if len(scored) <= MARKED else "",
        ms=4,
        label="validation, true loss",
    )


def _draw_lines(axes, lines):
    """Horizontal lines. Their names stand right of the axes, where nothing crosses them."""
    low, high = axes.get_ylim()
    free = 0.0  # the lowest free height for a name, as a part of the axis
    for name, (value, color, style) in sorted(lines.items(), key=lambda line: line[1][0]):
        axes.axhline(value, color=color, lw=1, ls=style)
        height = max(free, math.log(max(value, low) / low) / math.log(high / low))
        free = height + APART
        place = {"transform": axes.transAxes, "va": "center", "color": color, "fontsize": 8}
        axes.text(1.01, height, f"{name} {value:.2f}", **place)


def smooth(values: np.ndarray) -> np.ndarray:
    """The moving average of a curve (N,), over about a twentieth of its length."""
    half = max(1, len(values) // 40)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    stop = np.minimum(np.arange(len(values)) + half + 1, len(values))
    start = np.maximum(np.arange(len(values)) - half, 0)
    return (sums[stop] - sums[start]) / (stop - start)
