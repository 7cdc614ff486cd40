"""Tables in Markdown, and those of all trials: losses, and the seconds and parts of steps."""

import math

from .contender import Trial
from .curves import Curves, mean_and_spread
from .equal_time import size
from .results import Results
from .timing import report_phase

PARTS = ("head", "body", "optimizer", "averages", "rest")
COUNTED = ("unigram", "bigram", "trigram")
POSITIONS = (2**18, 2**20, 2**22)  # equal scored positions


def markdown(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def about_data(results: Results) -> str:
    """A sentence about the data, and the losses of the counted models."""
    lines = results.lines("data")
    if not lines:
        return ""
    data = lines[0]
    counted = ", ".join(f"{name} {data[name]:.3f}" for name in COUNTED if name in data)
    return (
        f"{data['name']}: {data['train']:,} training tokens; losses in nats per token on "
        f"{data['tokens']:,} others. Counted models: {counted}."
    )


def loss_table(
    curves: list[Curves], minutes: list[float], what: str, rate: str, positions: str
) -> str:
    """A row per contender: its losses at equal times and at equal scored positions.

    what, rate and positions: what the trial calls a contender, its factor, and these.
    """
    columns = [what, rate, *(f"{m:g} min" for m in minutes)]
    columns += [f"{n / 1e6:.2f} M {positions}" for n in POSITIONS]
    rows = []
    for curve in curves:
        losses = [curve.after_seconds(60 * m) for m in minutes]
        losses += [curve.after_positions(n) for n in POSITIONS]
        rows.append([curve.label, f"×{curve.factor:g}", *map(_loss, losses)])
    return markdown(columns, rows) if rows else ""


def _loss(losses):
    mean, spread = mean_and_spread(losses)
    if math.isnan(mean):
        return ""
    return f"{mean:.3f}" + ("" if math.isnan(spread) else f" ± {spread:.3f} ({len(losses)})")


def loss_of_seeds(losses: list[float]) -> str:
    """The mean of some losses with its standard error, and their number; "" without any."""
    mean, spread = mean_and_spread(losses)
    if not losses or math.isnan(mean):
        return "diverged" if losses else ""
    error = "" if math.isnan(spread) else f" ± {spread:.3f}"
    return f"{mean:.3f}{error} ({len(losses)})"


def last_of_steps(results: Results, kind: str, trial: Trial) -> dict[str, dict]:
    """The last line of each contender about its first phase that trains the embedding."""
    found = {}
    for name in trial.contenders:
        phase = size(report_phase(trial.config(name)))
        if lines := results.lines(kind, contender=name, phase=phase):
            found[name] = lines[-1]
    return found


def time_table(results: Results, trial: Trial, what: str) -> str:
    """A row per contender: seconds per step, positions per second, and the reference's.

    what: the contenders are, such as "head".
    """
    times = last_of_steps(results, "time", trial)
    if not times:
        return ""
    of = f"of {trial.reference}'s"
    columns = [what, "s per step (least to most)", of, "positions/s", of]
    unknown = {"seconds": math.nan, "scored": math.nan}
    base, rows = times.get(trial.reference, unknown), []
    for name, line in times.items():
        seconds, rate = line["seconds"], line["scored"] / line["seconds"]
        rows.append(
            [
                trial.label(name),
                f"{seconds:.3f} ({line['least']:.3f} to {line['most']:.3f})",
                f"{seconds / line.get('beside', base['seconds']):.2f}",
                f"{rate:,.0f}",
                f"{rate * line.get('beside', base['seconds']) / base['scored']:.2f}×",
            ]
        )
    return markdown(columns, rows)


def profile_table(results: Results, trial: Trial, what: str) -> str:
    """A row per contender: the parts of its step, and the gain if its head cost nothing."""
    rows = [
        [
            trial.label(name),
            f"{1e3 * line['step']:,.0f}",
            *(f"{1e3 * line[part]:,.0f} ({line[part] / line['step']:.0%})" for part in PARTS),
            f"{ceiling(line):.2f}×",
        ]
        for name, line in last_of_steps(results, "profile", trial).items()
    ]
    return markdown([what, "ms per step", *PARTS, "ceiling"], rows) if rows else ""


def ceiling(line: dict) -> float:
    """How many times as fast a step would be if its head cost nothing (Amdahl)."""
    return line["step"] / max(1e-9, line["step"] - line["head"])
