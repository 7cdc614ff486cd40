"""Tables of the report about steps: the parts of a step, and the heads alone."""

import math

from .contenders import CONTENDERS
from .equal_time import size
from .results import Results
from .timing import report_phase

PARTS = ("head", "body", "optimizer", "averages", "rest")


def last_of_steps(results: Results, kind: str, base) -> dict[str, dict]:
    """The last line of each contender about the phase in which steps are compared."""
    lines = results.lines(kind, phase=size(report_phase(base)))
    last = {line["contender"]: line for line in lines}
    return {name: last[name] for name in CONTENDERS if name in last}


def time_table(results: Results, base) -> str:
    """A row per head: seconds per step and scored positions per second, and both of v3's."""
    times = last_of_steps(results, "time", base)
    if not times:
        return ""
    columns = ["head", "s per step (least to most)", "of v3's", "positions/s", "of v3's"]
    v3, rows = times.get("v3", {"seconds": math.nan, "scored": math.nan}), []
    for name, line in times.items():
        seconds, rate = line["seconds"], line["scored"] / line["seconds"]
        rows.append(
            [
                CONTENDERS[name].label,
                f"{seconds:.3f} ({line['least']:.3f} to {line['most']:.3f})",
                f"{seconds / v3['seconds']:.2f}",
                f"{rate:,.0f}",
                f"{rate * v3['seconds'] / v3['scored']:.2f}×",
            ]
        )
    return markdown(columns, rows)


def profile_table(results: Results, base) -> str:
    """A row per head: the parts of its step, and how much faster a step without it would be."""
    rows = [
        [
            CONTENDERS[name].label,
            f"{1e3 * line['step']:,.0f}",
            *(f"{1e3 * line[part]:,.0f} ({line[part] / line['step']:.0%})" for part in PARTS),
            f"{ceiling(line):.2f}×",
        ]
        for name, line in last_of_steps(results, "profile", base).items()
    ]
    return markdown(["head", "ms per step", *PARTS, "ceiling"], rows) if rows else ""


def ceiling(line: dict) -> float:
    """How many times as fast a step would be if its head cost nothing (Amdahl)."""
    return line["step"] / max(1e-9, line["step"] - line["head"])


def speed_table(results: Results) -> str:
    """A row per head alone: forward and both gradients, against the exact one."""
    last = {line["contender"]: line for line in results.lines("head")}
    if "exact" not in last:
        return ""
    exact, rows = last["exact"]["seconds"], []
    for name in CONTENDERS:
        if name in last:
            seconds = last[name]["seconds"]
            faster = f"{exact / seconds:.1f}×"
            rows.append([CONTENDERS[name].label, f"{1e3 * seconds:,.1f}", faster])
    return markdown([f"the head alone, {last['exact']['rows']:,} rows", "ms", "faster"], rows)


def markdown(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
