"""`flashlm inspect`: the ledger of a run's model, and its ternary weights in a picture."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from ..files import write_atomically
from ..model.flashlm import FlashLM
from ..training.runs import Run
from .costs import Entry, ledger, moves, plain_truth, shares, table

COLORS = {-1: "#3b6ea5", 0: "#cccccc", 1: "#c44e52"}


def inspect(folder: Path, name: str = "best", ema: bool = False, picture: Path | None = None):
    """Print what a run's model is made of, and draw it if there is a file to draw to."""
    run = Run.load(folder, name, ema)
    model, config = run.writer.model, run.saved.config
    entries = ledger(model, config)
    print(table(entries))
    print(f"\n{plain_truth(entries)}")
    print(
        "µJ: an estimate, 45 nm silicon (Horowitz, ISSCC 2014); DRAM: reading all weights once"
    )
    moved = None
    if not {"published", "packed"} & run.saved.state.keys():  # else the start is not known
        moved = moves(model, FlashLM(config, np.random.default_rng(config.seed)), config)
    print(f"\n{weights_table(shares(model, config), moved)}")
    if picture:
        draw(picture, entries, shares(model, config), moved)
        print(f"\nThe same as a picture: {picture}")


def weights_table(kept: dict[str, np.ndarray], moved: dict[str, np.ndarray] | None) -> str:
    """Of each ternary matrix: how many are -1, 0, +1, and how many are not what they were."""
    lines = [f"{'ternary weights':22}{'-1':>8}{'0':>8}{'+1':>8}{'moved':>8}{'flipped':>9}"]
    for name, share in kept.items():
        line = f"{name:22}" + "".join(f"{s:8.1%}" for s in share)
        if moved is not None:
            stayed, flipped = np.trace(moved[name]), moved[name][0, 2] + moved[name][2, 0]
            line += f"{1 - stayed:8.1%}{flipped:9.1%}"
        lines.append(line)
    if moved is not None:
        lines.append(
            "moved: another value than before training; flipped: from -1 to +1 or back"
        )
    return "\n".join(lines)


def draw(path: Path, entries: list[Entry], kept: dict, moved: dict | None) -> None:
    """Left, parameters and operations per component; right, the ternary weights per matrix."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained", dpi=120)
    left, right = figure.subplots(1, 2)
    _draw_components(left, entries)
    _draw_weights(right, kept, moved)
    data = io.BytesIO()
    figure.savefig(data, format="png")
    write_atomically(path, data.getvalue())


def _draw_components(axes, entries):
    """Three bars per component; lengths on a logarithmic scale cannot be stacked."""
    shown = [e for e in entries if e.parameters or e.operations][::-1]
    places = np.arange(len(shown))
    operations = sum(e.operations for e in entries)
    bars = (
        ("parameters", "#777777", sum(e.parameters for e in entries)),
        ("multiplications", "#c44e52", operations),
        ("additions", "#2a7f3f", operations),
    )
    for shift, (what, color, whole) in zip((0.27, 0, -0.27), bars, strict=True):
        percent = [100 * getattr(e, what) / whole for e in shown]
        axes.barh(places + shift, percent, 0.25, color=color, label=what)
    axes.set_yticks(places, [e.component for e in shown])
    axes.set_xscale("symlog", linthresh=0.1)
    axes.set_xlim(0, 130)
    axes.set_xticks([0, 0.1, 1, 10, 100], ["0", "0.1", "1", "10", "100"])
    axes.set(xlabel="per cent of the model (logarithmic)", title="Numbers, and work per token")
    axes.legend(fontsize=8, loc="lower right")


def _draw_weights(axes, kept, moved):
    for place, (name, share) in enumerate(kept.items()):
        bottom = 0.0
        for value, part in zip(COLORS, share, strict=True):
            label = f"{value:+d}" if value else "0"
            axes.bar(
                place, part, bottom=bottom, color=COLORS[value], label=None if place else label
            )
            axes.text(
                place, bottom + part / 2, f"{part:.0%}", ha="center", va="center", fontsize=9
            )
            bottom += part
        if moved is not None:
            axes.text(
                place, 1.02, f"{1 - np.trace(moved[name]):.0%} moved", ha="center", fontsize=9
            )
    axes.set_xticks(range(len(kept)), kept)
    axes.set_ylim(0, 1.2)
    axes.set(ylabel="share of the weights", title="The ternary weights")
    axes.legend(fontsize=8, loc="upper right", ncols=3)
