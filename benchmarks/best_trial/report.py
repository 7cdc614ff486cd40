"""The report: one table in Markdown, and one plot of losses against minutes."""

import math
from pathlib import Path

from benchmarks.trial.contender import Trial
from benchmarks.trial.equal_time import seconds_pace
from benchmarks.trial.plots import draw_counted, draw_mean
from benchmarks.trial.results import Results
from benchmarks.trial.tables import about_data, loss_of_seeds, markdown
from benchmarks.trial.tasks import Run

from .minutes import V3_STEP, is_timed, minutes_here, steps_in


def report(results: Results, trial: Trial, minutes: list[float]) -> str:
    """What was trained, for how long, and the losses."""
    timed = [name for name in trial.contenders if is_timed(results, trial, name)]
    if "v3" not in timed:
        return "The step of v3 has not been timed yet."
    here = ", ".join(f"{m:g} min are {minutes_here(results, m):.1f} min here" for m in minutes)
    about = (
        f"Minutes are those of a machine on which v3's step takes {V3_STEP} s, with the "
        f"evaluations of the run: {here}."
    )
    table = loss_table(results, trial, timed, minutes)
    errors = "A loss is the mean over the seeds, with its standard error and their number."
    return "\n\n".join([about_data(results), about, table, errors])


def loss_table(results: Results, trial: Trial, names: list[str], minutes: list[float]) -> str:
    """A row per contender: the seconds of its step, and its steps and loss at each time."""
    columns = ["run", "s per step"]
    columns += [text for m in minutes for text in (f"steps in {m:g} min", "loss")]
    rows = []
    for name in names:
        pace = seconds_pace(results, trial, name)
        last = steps_in(results, trial, name, max(minutes))
        row = [trial.label(name), f"{pace.total(last) / last:.3f}"]
        for m in minutes:
            lines = _lines(results, trial, name, m)
            row += [f"{lines[0]['step'] if lines else steps_in(results, trial, name, m):,}"]
            row += [
                loss_of_seeds([math.nan if x["loss"] is None else x["loss"] for x in lines])
            ]
        rows.append(row)
    return markdown(columns, rows)


def _lines(results, trial, name, minutes, kind="loss"):
    """The lines of a contender's runs of so many minutes, in the order of their steps."""
    code = Run(name, 0, minutes=minutes).entries(trial)["code"]
    found = results.lines(kind, contender=name, minutes=minutes, code=code)
    return sorted(found, key=lambda line: (line["step"], line["seed"]))


def draw(results: Results, trial: Trial, minutes: float, folder: Path) -> Path | None:
    """Write best.png: the losses of the runs of so many minutes, on the way."""
    curves = {name: _lines(results, trial, name, minutes, "curve") for name in trial.contenders}
    if not any(curves.values()):
        return None
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, 5.0), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    for name, lines in curves.items():
        if lines:
            _draw_curve(axes, results, trial, name, lines)
    draw_counted(axes, results.lines("counted"))
    axes.set(
        xlabel=f"minutes of training, where v3's step takes {V3_STEP} s",
        ylabel="nats per token",
    )
    axes.set_title(f"Runs of {minutes:g} minutes: the exact loss on held-out tokens")
    axes.set_xlim(0, minutes)
    axes.grid(axis="y", color="#dddddd", lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", fontsize=8, ncols=4)
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "best.png")
    return folder / "best.png"


def _draw_curve(axes, results, trial, name, lines):
    """The losses of the contender's runs, by the minutes of their steps."""
    pace, one_minute = seconds_pace(results, trial, name), 60 * minutes_here(results, 1)
    steps = sorted({line["step"] for line in lines})
    losses = [[x["loss"] for x in lines if x["step"] == step and x["loss"]] for step in steps]
    x = [pace.total(step) / one_minute for step in steps]
    draw_mean(axes, x, losses, trial.label(name), trial.contenders[name].color)
