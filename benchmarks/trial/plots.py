"""Two plots: loss against seconds, and loss against scored positions."""

from pathlib import Path

import numpy as np

from .curves import Curves, mean_and_spread
from .results import Results

COUNTED = ("unigram", "bigram", "trigram")


def draw(
    results: Results, curves: list[Curves], folder: Path, name: str, title: str
) -> list[Path]:
    """Write NAME_seconds.png and NAME_positions.png, and return their paths."""
    if not curves:  # nothing to draw
        return []
    folder.mkdir(parents=True, exist_ok=True)
    kinds = {
        "seconds": ("seconds of training, at the measured pace", "seconds"),
        "positions": ("scored positions", "positions"),
    }
    paths = []
    for kind, (label, pace) in kinds.items():
        paths.append(folder / f"{name}_{kind}.png")
        _draw(results, curves, pace, label, title, paths[-1])
    return paths


def _draw(results, curves, pace, label, title, path):
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    figure = Figure(figsize=(8.5, 5.4), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    for curve in curves:
        _draw_curve(axes, curve, getattr(curve, pace))
    draw_counted(axes, results.lines("data"))
    axes.set(xlabel=f"{label} (logarithmic)", ylabel="nats per token", xscale="log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_formatter("")
    axes.set_title(title)
    axes.grid(axis="y", color="#dddddd", lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", fontsize=8, ncols=4)
    figure.savefig(path)


def _draw_curve(axes, curve, pace):
    """The mean over the seeds that reached a step, and a band of its standard error."""
    every = sorted({int(step) for steps, _, _ in curve.runs.values() for step in steps})
    points = [(step, _losses_at(curve, step)) for step in every]
    points = [(step, losses) for step, losses in points if losses]
    x, losses = [pace.total(step) for step, _ in points], [losses for _, losses in points]
    draw_mean(axes, x, losses, curve.label, curve.contender.color)


def draw_mean(axes, x: list[float], losses: list[list[float]], label: str, color) -> None:
    """The mean of the losses of the seeds at each x, and a band of its standard error."""
    found = [mean_and_spread(each) for each in losses]
    mean, spread = np.array(found).T
    spread = np.nan_to_num(spread)  # one seed has none
    style = {"color": color, "lw": 1.5, "marker": ".", "ms": 4}
    (line,) = axes.plot(x, mean, **style, label=label)
    band = {"color": line.get_color(), "alpha": 0.2, "lw": 0}
    axes.fill_between(x, mean - spread, mean + spread, **band)


def _losses_at(curve, step):
    """The measured losses at a step. Seeds that ended at other steps are left out."""
    return [
        losses[steps == step][0] for steps, losses, _ in curve.runs.values() if step in steps
    ]


def draw_counted(axes, data: list[dict]) -> None:
    """A dotted line for each counted model in the first of these lines, if there is one.

    A loss far above the curves is left out, because it would press them together.
    """
    highest = 1.2 * axes.get_ylim()[1]
    for name in COUNTED:
        if data and data[0].get(name, np.inf) < highest:
            value = data[0][name]
            axes.axhline(value, color="#777777", lw=1, ls=":")
            place = {"transform": axes.get_yaxis_transform(), "fontsize": 8, "va": "center"}
            axes.text(1.005, value, f"{name}\n{value:.2f}", color="#777777", **place)
