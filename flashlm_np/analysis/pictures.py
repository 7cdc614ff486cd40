"""The pictures of `flashlm inspect` and `flashlm profile`; the name's end gives the format."""

from collections import Counter
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..files import written_atomically
from .costs import total
from .inspection import VALUES, Inspection
from .step_profile import StepProfile, head_form

BLUE, RED, GREEN, ORANGE = "#3b6ea5", "#c44e52", "#2a7f3f", "#dd9a50"
COLORS = {-1: BLUE, 0: "#cccccc", 1: RED}


def draw_inspection(path: Path, inspection: Inspection) -> None:
    """Left, parameters and operations per component; right, the ternary weights per matrix."""
    figure = Figure(figsize=(10, 4.2), layout="constrained", dpi=120)
    left, right = figure.subplots(1, 2)
    _draw_components(left, inspection.costs)
    _draw_weights(right, inspection)
    _save(figure, path)


def draw_profile(path: Path, title: str, step: StepProfile, heads: list[StepProfile]) -> None:
    """Left, the time of each operation of a step; right, the head's part, for each variant."""
    figure = Figure(figsize=(10, 4.4), layout="constrained", dpi=120)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    _draw_operations(left, step)
    _draw_heads(right, heads)
    figure.suptitle(title)
    _save(figure, path)


def _save(figure, path):
    with written_atomically(path) as file:
        figure.savefig(file, format=path.suffix[1:].lower())


def _draw_components(axes, costs):
    """Three bars per component: bars on a logarithmic scale cannot be stacked."""
    places = np.arange(len(costs))[::-1]  # the first at the top
    every = total(costs)
    bars = (
        ("parameters", "#777777", every.parameters),
        ("multiplications", RED, every.operations),
        ("additions", GREEN, every.operations),
    )
    for shift, (field, color, whole) in zip((0.27, 0, -0.27), bars, strict=True):
        percent = [100 * getattr(c, field) / whole for c in costs]
        axes.barh(places + shift, percent, 0.25, color=color, label=field)
    axes.set_yticks(places, [c.component for c in costs])
    axes.set_xscale("symlog", linthresh=0.1)
    axes.set_xlim(0, 130)
    axes.set_xticks([0, 0.1, 1, 10, 100], ["0", "0.1", "1", "10", "100"])
    axes.set_xlabel("per cent of the model (logarithmic)")
    axes.set_title("Parameters, and operations per token")
    axes.legend(fontsize=8, loc="lower right")


def _draw_weights(axes, inspection):
    names = list(inspection.fractions)
    parts = np.array([inspection.fractions[name] for name in names]).T  # (3, matrices)
    bottoms = np.cumsum(parts, axis=0) - parts
    for value, part, bottom in zip(VALUES, parts, bottoms, strict=True):
        label = f"{value:+d}" if value else "0"
        bars = axes.bar(names, part, bottom=bottom, color=COLORS[value], label=label)
        labels = [f"{p:.0%}" if p >= 0.04 else "" for p in part]  # no room in a smaller part
        axes.bar_label(bars, labels, label_type="center", fontsize=9)
    for name, change in (inspection.changes or {}).items():
        axes.text(name, 1.02, f"{1 - np.trace(change):.0%} moved", ha="center", fontsize=9)
    axes.set_ylim(0, 1.2)
    axes.set(ylabel="fraction of the weights", title="The ternary weights")
    axes.legend(fontsize=8, loc="upper right", ncols=3)


def _draw_operations(axes, step):
    totals, milliseconds = Counter(), {}
    for key, cost in step.profile.stats.items():
        milliseconds[key] = 1e3 * cost.seconds / step.steps
        totals[key[0]] += milliseconds[key]
    names = [name for name, _ in totals.most_common(8)][::-1]
    left = np.zeros(len(names))
    for direction, color in (("forward", BLUE), ("backward", RED)):
        widths = np.array([milliseconds.get((name, direction), 0) for name in names])
        axes.barh(names, widths, left=left, color=color, label=direction)
        left += widths
    stages = {n: 1e3 * s for n, s in step.stages.items() if n != "forward and backward"}
    axes.barh(list(stages), list(stages.values()), color="#888888", label="after them")
    axes.set(xlabel="milliseconds per step")
    axes.legend(fontsize=8, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)


def _draw_heads(axes, heads):
    """A bar per head, with its numbers at its end, where no other label can be."""
    whole = np.array([step.seconds for step in heads])
    inside = np.array([step.head_seconds for step in heads])
    places = np.arange(len(heads))[::-1]  # the first at the top
    labels = [_head_label(step) for step in heads]
    axes.barh(places, whole - inside, color="#bbbbbb", label="the rest of the step")
    bars = axes.barh(places, inside, left=whole - inside, color=ORANGE, label="the head")
    axes.bar_label(bars, labels, fontsize=8, padding=4)
    names = ["all" if step.config.position_share == 1 else "a quarter" for step in heads]
    forms = [f"{name},\n{head_form(step)}" for name, step in zip(names, heads, strict=True)]
    axes.set_yticks(places, forms)
    axes.set_xlim(0, 1.6 * whole.max())  # room for the labels
    axes.xaxis.set_major_locator(MaxNLocator(4))  # fast steps have long numbers
    axes.set(xlabel="seconds per step", ylabel="scored positions, form of the head")
    axes.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    axes.spines[["top", "right"]].set_visible(False)


def _head_label(step):
    lines = [f"{step.head_seconds / step.seconds:.0%} of the time"]
    if step.head_multiply_adds is not None:
        lines.append(f"{step.head_multiply_adds:.0%} of the mult-adds")
    return "\n".join([*lines, f"ceiling {step.ceiling:.1f}x"])
