"""The slope by one element, measured with steps of every size.

A smooth function shows the same slope for all steps of a range: a *plateau*. Larger steps see
its curvature, and smaller ones only the rounding of its values. The plateaus decide:

    match           a plateau at the claimed slope
    contradiction   a plateau at another slope
    kink            a range of steps in which the slopes to the left and to the right differ

A step is *lost* if an output that a larger step changed does not change: a sum has swallowed
the step, as 1e12 + x does, or the output really is constant here. Such a step contradicts
nothing alone.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .slopes import EPS, Gap, Slopes

RATIO = 8.0  # between two steps
ROUNDING_ZERO = 1e-12  # a gradient that is smaller than this share of its terms is a zero


@dataclass
class Sweep:
    """What the steps of all sizes show about one element.

    match: the smallest relative error that a matching plateau would show, or None.
    contradiction: another slope that a plateau shows; `is_lost` if its steps were lost.
    kink: the slopes to the left and to the right, or None.
    is_still: no step moves the output by more than its rounding.
    """

    match: float | None = None
    contradiction: float | None = None
    is_lost: bool = False
    kink: tuple[float, float] | None = None
    is_still: bool = False


def sweep(slopes: Slopes, index: tuple, tolerance: float, limit: float) -> Sweep:
    """Measure the slope by the element at `index`; `limit` is the largest relative doubt."""
    claim, result = float(slopes.gradient[index]), Sweep()
    gaps, lost = _measure(slopes, index)
    is_still = all(gap.terms <= 4 * gap.noise for gap in gaps)
    if gaps and is_still and abs(claim) <= 4 * gaps[0].noise:
        return Sweep(match=EPS, is_still=True)
    for k in range(len(gaps) - 2):
        three = gaps[k : k + 3]
        value, doubt = _plateau(three)
        # A gradient of 0 is measured against the slopes that larger steps found.
        terms = max(gap.terms for gap in (gaps[: k + 3] if claim == 0 else three[1:]))
        is_zero = abs(claim) <= ROUNDING_ZERO * terms
        scale = terms if is_zero else max(abs(claim), abs(claim + value))
        if not doubt <= limit * scale:
            continue
        left, right = three[2].left, three[2].right
        if abs(left - right) > 8 * limit * scale + 4 * three[2].noise and not _closes(three):
            result.kink = claim + left, claim + right
        elif abs(value) <= 4 * doubt + tolerance * scale:
            share = (abs(value) + doubt) / scale if scale else EPS
            if share <= limit:
                result.match = min(share, 1.0 if result.match is None else result.match)
        elif result.contradiction is None or result.is_lost:
            slope = 0.0 if abs(claim + value) <= 4 * doubt else claim + value
            is_lost = any(lost[k : k + 3]) or not three[2].changed.any()
            result.contradiction, result.is_lost = slope, is_lost
    return result


def _measure(slopes, index) -> tuple[list[Gap], list[bool]]:
    """The gaps for steps from about 0.1 of the element's size down to its last digits."""
    unit = np.zeros_like(slopes.x)
    unit[index] = 1.0
    size = abs(float(slopes.x[index]))
    step, last = 0.117 * max(size, 1.0), (size or 1.0) * EPS * 64
    gaps, lost, moved = [], [], np.zeros(slopes.point.y.shape, bool)
    while step > last:
        gap = slopes.differences(unit, step)
        if gap is not None and np.isfinite([gap.left, gap.right]).any():
            moved |= gap.changed
            lost.append(bool((moved & ~gap.changed).any()))
            # An output that moved for a larger step may hide a change below its last digit.
            noise = slopes.rounding(moved) / step
            gaps.append(_one_sided(gap._replace(noise=max(gap.noise, noise))))
        step /= RATIO
    return gaps, lost


def _one_sided(gap):
    """The gap itself, or at the edge of the domain that of the side that exists."""
    if np.isfinite(gap.value):
        return gap
    value = gap.right if np.isfinite(gap.right) else gap.left
    return gap._replace(value=value, terms=abs(value), left=np.nan, right=np.nan)


def _plateau(three) -> tuple[float, float]:
    """The gap that three steps agree on, by Richardson's extrapolation, and its doubt."""
    # Central differences err by c·step², and by c·step at a bend such as that of relu² at 0.
    return min(
        (_extrapolated(three, factor) for factor in (RATIO**2, RATIO)),
        key=lambda pair: pair[1] if pair[1] >= 0 else np.inf,
    )


def _extrapolated(three, factor):
    a, b = ((factor * n.value - w.value) / (factor - 1) for w, n in pairwise(three))
    return b, abs(a - b) + three[2].noise


def _closes(three):
    """Whether the slopes on both sides approach each other as the step shrinks."""
    first, last = abs(three[0].left - three[0].right), abs(three[2].left - three[2].right)
    return np.isnan(last) or last <= first / RATIO
