"""The report: tables in Markdown."""

import math

from benchmarks.trial.contender import Trial
from benchmarks.trial.curves import Curves, all_curves, losses_of_factors, mean_and_spread
from benchmarks.trial.results import Results
from benchmarks.trial.tables import about_data, loss_table, markdown, profile_table, time_table

GOALS = ("v3", "quarter", "exact")  # whose last losses the others reach sooner or later
UNTIMED = "The seconds of a step are guesses: --time measures them."


def report(results: Results, trial: Trial, minutes: list[float]) -> str:
    """All tables, as far as the file has their lines."""
    curves = all_curves(results, trial)
    parts = [
        about_data(results),
        time_table(results, trial, "head") or UNTIMED,
        rate_table(results, trial),
        loss_table(curves, sorted(minutes), "head", "rate", "positions"),
        profile_table(results, trial, "head"),
        speed_table(results, trial),
        answers_table(curves, minutes),
    ]
    return "\n\n".join(filter(None, parts))


# -- losses ----------------------------------------------------------------------------------


def rate_table(results: Results, trial: Trial) -> str:
    """A row per head: its loss on the tokens for choices, at each factor of AdamW's rate."""
    tried = {name: losses_of_factors(results, trial, name) for name in trial.contenders}
    factors = sorted({factor for losses in tried.values() for factor in losses})
    rows = []
    for name, losses in tried.items():
        cells = [f"{losses[f]:.3f}" if f in losses else "" for f in factors]
        if losses:
            rows.append([trial.label(name), *cells])
    columns = [f"rate ×{factor:g}" for factor in factors]
    return markdown(["head, after a short trial", *columns], rows) if rows else ""


def speed_table(results: Results, trial: Trial) -> str:
    """A row per head alone: forward and both gradients, against the exact one."""
    last = {line["contender"]: line for line in results.lines("head")}
    if "exact" not in last:
        return ""
    exact, rows = last["exact"]["seconds"], []
    for name in trial.contenders:
        if name in last:
            seconds = last[name]["seconds"]
            faster = f"{exact / seconds:.1f}×"
            rows.append([trial.label(name), f"{1e3 * seconds:,.1f}", faster])
    return markdown([f"the head alone, {last['exact']['rows']:,} rows", "ms", "faster"], rows)


# -- the answers -----------------------------------------------------------------------------


def answers_table(curves: list[Curves], minutes: list[float]) -> str:
    """A row per head: how soon it has the last loss of each of GOALS.

    The last column is its loss less that of the exact head, at the most positions that both
    have scored.
    """
    by_name = {curve.name: curve for curve in curves}
    goals = [goal for goal in (_goal(by_name, name, minutes) for name in GOALS) if goal]
    columns = ["head"]
    columns += [f"time to {loss:.3f}, {by_name[n].label} at {m:g} min" for n, loss, m in goals]
    columns += ["nats more than exact, at positions"]
    rows = [
        [
            curve.label,
            *(_sooner(curve, *goal) for goal in goals),
            _more_than_exact(curve, by_name.get("exact")),
        ]
        for curve in curves
    ]
    return markdown(columns, rows) if rows else ""


def _goal(by_name, name, minutes):
    """The loss of a head after the longest of the minutes that it trained, and these."""
    for most in sorted(minutes, reverse=True) if name in by_name else ():
        loss, _ = mean_and_spread(by_name[name].after_seconds(60 * most))
        if not math.isnan(loss):
            return name, loss, most
    return None


def _sooner(curve, goal, loss, minutes):
    if curve.name == goal:
        return ""
    taken = curve.seconds_to(loss)
    if math.isinf(taken):
        return "not reached"
    first = curve.seconds.total(curve.longest[0][0])
    most, least = ("at most ", "at least ") if taken <= first else ("", "")
    return f"{most}{taken:,.0f} s: {least}{60 * minutes / taken:.1f}×"


def _more_than_exact(curve, exact):
    if exact is None or curve is exact:
        return ""
    both = [c.positions.total(c.longest[0][-1]) for c in (curve, exact)]
    here, there = (mean_and_spread(c.after_positions(min(both)))[0] for c in (curve, exact))
    if math.isnan(here - there):
        return ""
    return f"{here - there:+.3f} at {min(both) / 1e6:.2f} M"
