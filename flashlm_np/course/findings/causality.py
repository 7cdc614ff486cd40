"""A function of the past that sees the future, or tells the past of it."""

from __future__ import annotations

import numpy as np

from ..comparing import close


def future(e):
    """Whether, in a causal function, something moves that should not."""
    if not e.probe.causal:
        return ""
    cases = [case for case in (e.case, *e.probe.cases) if case["x"].shape[1] > 1]
    for case in cases:
        T = case["x"].shape[1]
        reach = (case["w"].shape[2] - 1) * case.get("dilation", 1)
        if e.probe.is_backward and e.label == "x":
            if t := _moves(e, case, "dy", 0, range(1, T)):
                return (
                    f"a gradient flows from the past to the future: dx at position {t} moves "
                    "when dy at position 0 is changed. x is seen at its own position and later."
                )
            if t := _moves(e, case, "dy", T - 1, range(T - 1 - reach), first=1):
                return (
                    f"dx at position {t - 1} moves when dy at position {T - 1} is changed, but "
                    f"no tap reaches that far: (K-1)·dilation is {reach}."
                )
        elif not e.probe.is_backward and (t := _moves(e, case, "x", T - 1, range(T - 1), 1)):
            return (
                f"future leak: y at position {t - 1} moves when x at the later position "
                f"{T - 1} is changed. The last tap sees the present, all others the past."
            )
    return ""


def _moves(e, case, name, position, results, first=0):
    """The first of `results`, plus `first`, that moves with one position of an input; or 0."""
    changed = case[name].copy()
    changed[:, position] += 1
    before, after = e.run(case), e.run(case | {name: changed})
    if not isinstance(before, np.ndarray) or not isinstance(after, np.ndarray):
        return 0
    moved = [t for t in results if not close(before[:, t], after[:, t])]
    return moved[0] + first if moved else 0
