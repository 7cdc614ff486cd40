"""The slope by one element, measured with steps of every size.

A smooth function shows the same slope for all steps of a range: a *plateau*. Larger steps see
its curvature, and smaller ones only the rounding of its values. The plateaus decide:

    match           a plateau at the claimed slope
    contradiction   a plateau at another slope, with which all smaller steps agree
    kink            a range of steps in which the slopes to the left and to the right differ

A step is *lost* if an output that a larger step changed does not change. Either a sum has
swallowed the step, as 1e12 + x does, or the output really is constant here. So a plateau of
lost steps contradicts nothing alone, and a match above them is weak.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .slopes import EPS, Gap, Slopes

RATIO = 4.0  # between two steps
ROUNDING_ZERO = 1e-12  # a gradient that is smaller than this share of its terms is a zero


@dataclass
class Sweep:
    """What the steps of all sizes show about one element.

    match: the smallest relative error that would have shown, or None; `is_weak` if smaller
        steps do not agree; `is_constant` if no small step changes any output.
    contradiction: the slope of another plateau, or None; `is_lost` if its steps were lost.
    kink: the slopes to the left and to the right, or None.
    moved: which outputs any step changed.
    """

    moved: np.ndarray
    match: float | None = None
    is_weak: bool = False
    is_constant: bool = False
    contradiction: float | None = None
    is_lost: bool = False
    kink: tuple[float, float] | None = None


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
    _find_plateaus(result, claim, gaps, tolerance, limit)
    if result.match is result.contradiction is result.kink is None:
        # A large constant in the output needs large steps. They may confirm, not contradict.
        wide = _measure(slopes, index, 1e10 * max(size, 1.0), 0.1 * max(size, 1.0))
        _find_plateaus(result, claim, wide, tolerance, limit)
        result.contradiction, result.kink, result.is_weak = None, None, True
    return result


def _find_plateaus(result, claim, gaps, tolerance, limit) -> None:
    for k in range(len(gaps) - 2):
        three, smaller = gaps[k : k + 3], gaps[k + 3 :]
        value, doubt = _plateau(three, gaps[k + 5 :])
        terms = max(gap.terms for gap in three[1:])
        is_zero = abs(claim) <= ROUNDING_ZERO * terms
        scale = terms if is_zero else max(abs(claim), abs(claim + value))
        if _is_kink(three, 8 * limit * scale):
            result.kink = claim + three[2].left, claim + three[2].right
        elif scale == 0 or not doubt <= limit * scale:
            continue
        elif abs(value) <= 4 * doubt + tolerance * scale:
            share, is_weak = (abs(value) + doubt) / scale, not _agree(value, scale, smaller)
            if share <= limit and (result.match is None or result.is_weak >= is_weak):
                result.match, result.is_weak = share, is_weak
        elif _agree(value, scale, smaller) or not three[2].changed.any():
            slope = 0.0 if abs(claim + value) <= 4 * doubt else claim + value
            result.is_lost = bool((result.moved & ~three[2].changed).any())
            result.is_lost |= not three[2].changed.any()
            result.contradiction = slope


def _measure(slopes, index, first: float, last: float) -> list[Gap]:
    """The gaps for steps from `first` down to `last`."""
    step, gaps, moved = 1.17 * first, [], np.zeros(slopes.point.y.shape, bool)
    while step > last:
        gap = slopes.differences(_unit(slopes.x, index), step)
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
    unit, t = _unit(slopes.x, index), still[0].t
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
    if np.isfinite(sides[1]) and sides[0] <= 0.1 * sides[1] and hidden <= limit * first.terms:
        return max(hidden / first.terms, EPS)
    return None


def _unit(x, index):
    unit = np.zeros(x.shape)
    unit[index] = 1.0
    return unit


def _one_sided(gap):
    """The gap itself, or at the edge of the domain that of the side that exists."""
    if np.isfinite(gap.value):
        return gap
    value = gap.right if np.isfinite(gap.right) else gap.left
    return gap._replace(value=value, terms=abs(value), left=np.nan, right=np.nan)


def _plateau(three, smaller) -> tuple[float, float]:
    """The gap that three steps agree on, by Richardson's extrapolation, and its doubt."""
    # Central differences err by c·step², and by c·step at a bend such as that of relu² at 0.
    value, doubt = min(
        (_extrapolated(three, factor) for factor in (RATIO**2, RATIO)),
        key=lambda pair: pair[1] if pair[1] >= 0 else np.inf,
    )
    # The two sides of a smooth function become alike. What is left is rounding inside it.
    inside = max((abs(gap.left - gap.right) * gap.t for gap in smaller), default=0.0)
    return value, doubt + three[2].noise + (inside / three[2].t if inside > 0 else 0.0)


def _extrapolated(three, factor):
    a, b = ((factor * n.value - w.value) / (factor - 1) for w, n in pairwise(three))
    return b, abs(a - b)


def _agree(value, scale, smaller):
    """Whether all smaller steps that can see it show the same gap."""
    return all(
        abs(gap.value - value) <= 0.1 * scale + 4 * gap.noise
        for gap in smaller
        if gap.noise <= 0.1 * scale
    )


def _is_kink(three, least):
    """Whether the slopes on the two sides differ, and each holds for steps of three sizes."""
    left, right = [gap.left for gap in three], [gap.right for gap in three]
    apart = abs(left[2] - right[2])
    spread = max(np.ptp(left), np.ptp(right)) + 4 * three[2].noise
    return apart > least and spread <= 0.1 * apart
