"""The report of the ablation: one table in Markdown, and one plot."""

import math
from dataclasses import fields
from pathlib import Path

import numpy as np

from benchmarks.trial.contender import Trial
from benchmarks.trial.equal_time import steps_of
from benchmarks.trial.results import Results
from benchmarks.trial.tables import about_data, loss_of_seeds, markdown
from flashlm_np.model.config import text_of
from flashlm_np.model.presets import V3

from .differences import SURE, Difference, all_differences

COLORS = {"better": "#2a7f3f", "worse": "#c44e52", "no difference shown": "#888888"}


def report(results: Results, trial: Trial, minutes: float) -> str:
    """What was compared, and the table of the differences."""
    found = all_differences(results, trial, minutes)
    if not found:
        return "No line has been trained yet."
    parts = [
        about_data(results),
        _about_base(trial.base),
        f"Equal time: {minutes:g} minutes of training, at the measured seconds per step.",
        line_table(results, trial, found, minutes),
        "A difference is in nats per token, to the base or to the line named, with one "
        f"standard error. Less than {SURE} of them show no difference.",
    ]
    return "\n\n".join(filter(None, parts))


def _about_base(base):
    """The changes that make the base from v3."""
    names = [f.name for f in fields(base) if getattr(base, f.name) != getattr(V3, f.name)]
    changes = ", ".join(f"{name} {text_of(getattr(base, name))}" for name in names)
    return f"The base is v3 with {changes}."


def line_table(results: Results, trial: Trial, found: list[Difference], minutes: float) -> str:
    """A row per line: its step, its loss, its difference and where the error comes from."""
    columns = ["line", "s per step", "steps", "loss", "difference", "seeds ±", "tokens ±", ""]
    rows = []
    for line in found:
        steps = steps_of(results, trial, line.name, minutes)
        cells = ["", "", "", ""]
        if line.name != line.against:
            parts = ["" if math.isnan(e) else f"{e:.4f}" for e in (line.seeds, line.tokens)]
            cells = [f"{line.mean:+.3f} ± {line.error:.3f}", *parts, line.verdict]
        rows.append(
            [
                _name(trial, line),
                f"{60 * minutes / steps:.3f}",
                f"{steps:,}",
                loss_of_seeds(line.losses),
                *cells,
            ]
        )
    return markdown(columns, rows)


def _name(trial, line):
    other = line.against not in (trial.reference, line.name)
    return trial.label(line.name) + (f" (to: {trial.label(line.against)})" if other else "")


def draw(results: Results, trial: Trial, minutes: float, folder: Path) -> Path | None:
    """Write recipe.png: the difference of each line, with two standard errors."""
    found = [d for d in all_differences(results, trial, minutes) if d.verdict in COLORS]
    if not found:
        return None
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, 1.2 + 0.21 * len(found)), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    for y, line in enumerate(found):
        color, errors = COLORS[line.verdict], SURE * line.error
        axes.errorbar(line.mean, y, xerr=errors, color=color, fmt="o", ms=4, capsize=2)
    axes.axvline(0, color="#222222", lw=0.8)
    axes.set_yticks(range(len(found)), [_name(trial, line) for line in found], fontsize=8)
    axes.invert_yaxis()
    # Some lines fail. They are cut off, because the others would be too small to read.
    reach = np.quantile([abs(line.mean) + SURE * line.error for line in found], 0.9)
    axes.set_xlim(-1.1 * reach, 1.1 * reach)
    axes.set_xlabel(f"nats per token more than the base, ± {SURE} standard errors")
    axes.set_title(f"One change of the base each, {minutes:g} minutes of equal time")
    axes.grid(axis="x", color="#dddddd", lw=0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "recipe.png"
    figure.savefig(path)
    return path
