"""The slope by one element, measured with steps of every size.

The usual steps lie between a tenth of the element and its last digits. Where they show
nothing, because a large constant hides them, larger ones may confirm a slope.
"""

from itertools import pairwise

import numpy as np

from .plateaus import RATIO, Sweep, find_plateaus
from .slopes import EPS, Gap, Slopes, norm


def sweep(slopes: Slopes, index: tuple, tolerance: float, limit: float) -> Sweep:
    """Measure the slope by the element at `index`; `limit` is the largest relative doubt."""
    claim, result = float(slopes.gradient[index]), Sweep(np.zeros(slopes.point.y.shape, bool))
    if not np.isfinite(slopes.x[index]):  # it does not move
        result.match = EPS if claim == 0 else None
        return result
    size = abs(float(slopes.x[index]))
    gaps = _measure(slopes, index, 0.1 * max(size, 1.0), (size or 1.0) * EPS * 64)
    for gap in gaps:
        result.moved |= gap.changed
    if claim == 0:
        result.match = _constant(slopes, index, gaps, limit)
        result.is_constant = result.match is not None
        if result.match is None and _vanishes(gaps):
            result.match = EPS
    slack = 16 * EPS * norm(slopes.point.dy)  # of intermediate numbers as large as 1
    find_plateaus(result, claim, gaps, tolerance, limit, slack)
    if result.match is result.contradiction is result.kink is None:
        # A large constant in the output needs large steps. They may confirm, not contradict.
        wide = _measure(slopes, index, 1e10 * max(size, 1.0), 0.1 * max(size, 1.0))
        find_plateaus(result, claim, wide, tolerance, limit, slack)
        result.contradiction, result.kink, result.is_weak = None, None, True
    return result


def _measure(slopes, index, first: float, last: float) -> list[Gap]:
    """The gaps for steps from `first` down to `last`."""
    step, gaps, moved = 1.17 * first, [], np.zeros(slopes.point.y.shape, bool)
    unit = slopes.unit(index)
    while step > last:
        gap = slopes.differences(unit, step)
        if gap is not None and np.isfinite([gap.left, gap.right]).any():
            moved |= gap.changed
            # An output that moved for a larger step may hide a change below its last digit.
            noise = max(gap.noise, slopes.rounding(moved) / step)
            gaps.append(_one_sided(gap._replace(noise=noise)))
        step /= RATIO
    return gaps


def _constant(slopes, index, gaps, limit) -> float | None:
    """The resolution with which the output is constant around the element, or None.

    It is seen by the first step that changes an output, on one side: beyond a kink or a jump.
    If both sides change alike, a sum may have swallowed the smaller steps.
    """
    still = [gap for gap in gaps if not gap.changed.any()]
    if not still or gaps[-1].changed.any():
        return None
    wider = gaps[: -len(still)]
    unit, t = slopes.unit(index), still[0].t
    while not wider and t < 1e20 * max(1.0, abs(float(slopes.x[index]))):
        still, t = [*still, still[0]], t * RATIO
        gap = slopes.differences(unit, t)
        if gap is not None and gap.changed.any():
            wider = [gap]
    if not wider:
        return EPS  # no step at all changes it
    first = wider[-1]
    sides = sorted((abs(first.left), abs(first.right)))
    hidden = slopes.rounding(first.changed) / (first.t / RATIO)
    is_beyond = first.terms > 0 and sides[0] <= 0.1 * sides[1] < np.inf
    if is_beyond and hidden <= limit * first.terms:
        return max(hidden / first.terms, EPS)
    return None


def _vanishes(gaps):
    """Whether the slope falls with every step, down to the smallest, as that of x³ at 0."""
    falls = all(b.terms <= 0.5 * a.terms for a, b in pairwise(gaps))
    return len(gaps) > 9 and falls and gaps[-1].noise <= 0.1 * gaps[-1].terms


def _one_sided(gap):
    """The gap itself, or at the edge of the domain that of the side that exists."""
    if np.isfinite(gap.value):
        return gap
    value = gap.right if np.isfinite(gap.right) else gap.left
    return gap._replace(value=value, terms=abs(value), left=np.nan, right=np.nan)
