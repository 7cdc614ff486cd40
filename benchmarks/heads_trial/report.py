"""The report: tables in Markdown, and the figures that answer the four questions."""

import math

from .contenders import CONTENDERS
from .curves import Curves, all_curves, mean_and_spread
from .equal_time import size
from .results import Results
from .timing import report_phase

PARTS = ("head", "body", "optimizer", "averages", "rest")
POSITIONS = (2**18, 2**20, 2**22)  # equal scored positions


def report(results: Results, base, minutes: list[float]) -> str:
    """All tables, as far as the file has their lines."""
    curves = all_curves(results, base)
    parts = [
        _data(results),
        loss_table(results, base, curves, sorted(minutes)),
        profile_table(results, base),
        speed_table(results),
        answers(results, base, curves, max(minutes)),
    ]
    return "\n\n".join(filter(None, parts))


def _data(results):
    lines = results.lines("data")
    if not lines:
        return ""
    data = lines[0]
    counted = ", ".join(
        f"{name} {data[name]:.3f}" for name in ("unigram", "bigram", "trigram") if name in data
    )
    return (
        f"{data['name']}: {data['train']:,} training tokens; losses in nats per token on "
        f"{data['tokens']:,} others. Counted models: {counted}."
    )


# -- losses ----------------------------------------------------------------------------------


def loss_table(results: Results, base, curves: list[Curves], minutes: list[float]) -> str:
    """A row per head: its speed, and its losses at equal times and equal scored positions."""
    times = {line["contender"]: line for line in _times(results, base)}
    columns = ["head", "rate", "s per step", "positions/s", "of v3's"]
    columns += [f"{m:g} min" for m in minutes] + [
        f"{n / 1e6:.2f} M positions" for n in POSITIONS
    ]
    rows = []
    for curve in curves:
        losses = [curve.after_seconds(60 * m) for m in minutes]
        losses += [curve.after_positions(n) for n in POSITIONS]
        speeds = _speeds(times, curve.name)
        rows.append([curve.label, f"×{curve.factor:g}", *speeds, *map(_loss, losses)])
    return _markdown(columns, rows) if rows else ""


def _speeds(times, name):
    if name not in times:
        return ["", "", ""]
    line = times[name]
    rate = line["scored"] / line["seconds"]
    of_v3 = ""
    if "v3" in times:
        of_v3 = f"{rate * times['v3']['seconds'] / times['v3']['scored']:.2f}"
    return [f"{line['seconds']:.3f}", f"{rate:,.0f}", of_v3]


def _loss(losses):
    mean, spread = mean_and_spread(losses)
    if math.isnan(mean):
        return ""
    if math.isnan(spread):
        return f"{mean:.3f}"
    return f"{mean:.3f} ± {spread:.3f} ({len(losses)})"


def _times(results, base):
    """The last measured times of the phase in which steps are compared."""
    wanted = size(report_phase(base))
    last = {line["contender"]: line for line in results.lines("time", phase=wanted)}
    return [last[name] for name in CONTENDERS if name in last]


# -- the step --------------------------------------------------------------------------------


def profile_table(results: Results, base) -> str:
    """A row per head: the parts of its step, and how much faster a step without it would be."""
    lines = results.lines("profile", phase=size(report_phase(base)))
    last = {line["contender"]: line for line in lines}
    rows = [
        [
            CONTENDERS[name].label,
            f"{1e3 * last[name]['step']:,.0f}",
            *(_share(last[name], part) for part in PARTS),
            f"{ceiling(last[name]):.2f}×",
        ]
        for name in CONTENDERS
        if name in last
    ]
    return _markdown(["head", "ms per step", *PARTS, "ceiling"], rows) if rows else ""


def _share(line, part):
    return f"{1e3 * line[part]:,.0f} ({line[part] / line['step']:.0%})"


def ceiling(line: dict) -> float:
    """How many times as fast a step would be if its head cost nothing (Amdahl)."""
    return line["step"] / max(1e-9, line["step"] - line["head"])


def speed_table(results: Results) -> str:
    """A row per head alone: forward and both gradients, against the exact one."""
    last = {line["contender"]: line for line in results.lines("head")}
    if "exact" not in last:
        return ""
    exact = last["exact"]["seconds"]
    rows = [
        [
            CONTENDERS[name].label,
            f"{1e3 * line['seconds']:,.1f}",
            f"{exact / line['seconds']:.1f}×",
        ]
        for name, line in ((n, last[n]) for n in CONTENDERS if n in last)
    ]
    return _markdown([f"the head alone, {last['exact']['rows']:,} rows", "ms", "faster"], rows)


# -- the answers -----------------------------------------------------------------------------


def answers(results: Results, base, curves: list[Curves], minutes: float) -> str:
    """The figures of the four answers."""
    by_name = {curve.name: curve for curve in curves}
    lines = [*_eighty_six(results, base), *_times_as_fast(by_name, minutes)]
    lines += _lost(by_name, minutes)
    return "\n".join(f"- {line}" for line in lines)


def _eighty_six(results, base):
    lines = results.lines("profile", phase=size(report_phase(base)))
    last = {line["contender"]: line for line in lines}
    for name in ("exact", "v3"):
        if name in last:
            share = last[name]["head"] / last[name]["step"]
            yield (
                f"{CONTENDERS[name].label}: the head takes {share:.0%} of a step; without it a "
                f"step would be {ceiling(last[name]):.2f} times as fast"
            )


def _times_as_fast(by_name, minutes):
    """The time that each head takes to the last loss of v3's head and of the exact one."""
    for goal in ("v3", "exact"):
        end, _ = (
            mean_and_spread(by_name[goal].after_seconds(60 * minutes))
            if goal in by_name
            else (math.nan, 0)
        )
        if math.isnan(end):
            continue
        for name, curve in by_name.items():
            seconds = curve.seconds_to(end)
            if name == goal or math.isinf(seconds):
                continue
            least = "at least " if seconds <= curve.seconds.total(curve.longest[0][0]) else ""
            yield (
                f"{curve.label} has the loss that {CONTENDERS[goal].label} has after "
                f"{minutes:g} min, {end:.3f}, after {seconds / 60:.2f} min: "
                f"{least}{60 * minutes / seconds:.1f} times as fast"
            )


def _lost(by_name, minutes):
    """The difference to the exact head at the most positions that both scored."""
    if "exact" not in by_name:
        return
    exact = by_name["exact"]
    most = exact.positions.total(exact.longest[0][-1])
    for name, curve in by_name.items():
        own = curve.positions.total(curve.longest[0][-1])
        positions = min(most, own)
        here, _ = mean_and_spread(curve.after_positions(positions))
        there, _ = mean_and_spread(exact.after_positions(positions))
        if name != "exact" and not math.isnan(here - there):
            yield (
                f"{curve.label}: {here - there:+.3f} nats against exact after "
                f"{positions / 1e6:.2f} M scored positions each"
            )


def _markdown(columns, rows):
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
