"""What steps of all sizes show about the slope by one element.

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

from .slopes import Gap

RATIO = 4.0  # between two steps
ROUNDING_ZERO = 1e-12  # a gradient that is smaller than this share of its terms is a zero


@dataclass
class Sweep:
    """What the steps of all sizes show about one element.

    match: the smallest relative error that would have shown, or None; `is_sudden` if larger
        steps do not approach it; `is_weak` if it is sudden or smaller steps do not agree;
        `is_constant` if no small step changes any output.
    contradiction: the slope of another plateau, or None, and the smallest step of its three;
        `is_lost` if these were lost;
        `is_abrupt` if larger steps do not approach it, `is_near` if one of them shows about
        the claimed slope.
    is_contested: a range of large steps shows another slope than the claimed one.
    kink: the slopes to the left and to the right, or None.
    moved: which outputs any step changed.
    """

    moved: np.ndarray
    match: float | None = None
    is_sudden: bool = False
    is_weak: bool = False
    is_constant: bool = False
    contradiction: float | None = None
    step: float = 0.0
    is_lost: bool = False
    is_abrupt: bool = False
    is_near: bool = False
    is_contested: bool = False
    kink: tuple[float, float] | None = None

    @property
    def contradicts(self) -> bool:
        """Whether another slope was seen by steps that were not lost."""
        return self.contradiction is not None and not self.is_lost


def find_plateaus(
    result: Sweep, claim: float, gaps: list[Gap], tolerance: float, limit: float, slack: float
) -> None:
    """Note what the gaps, from the largest step to the smallest, show about the claim.

    slack: a change of the output so small that rounding inside the function may have made it.
    """
    for k in range(len(gaps) - 2):
        three, smaller = gaps[k : k + 3], gaps[k + 3 :]
        value, doubt = _plateau(three, gaps[k + 5 :])
        terms = max(gap.terms for gap in three[1:])
        is_zero = abs(claim) <= ROUNDING_ZERO * terms
        scale = terms if is_zero else max(abs(claim), abs(claim + value))
        if _is_kink(three, 8 * limit * scale):
            result.kink = claim + three[2].left, claim + three[2].right
        elif scale == 0 or (is_zero and not _are_slopes(three, gaps)):
            continue
        elif not doubt <= limit * scale:
            # Uncertain, but far from the claim: enough to contest a match of smaller steps.
            is_far = doubt <= 0.01 * scale and abs(value) > 0.1 * scale
            result.is_contested |= is_far and bool(three[2].changed.any())
        elif abs(value) <= 4 * doubt + tolerance * scale:
            is_weak = not _agree(value, scale, smaller)
            share, sudden = (
                (abs(value) + doubt) / scale,
                _is_abrupt(value, limit * scale, gaps[:k]),
            )
            _note_match(result, share, is_weak, sudden, limit)
        elif three[2].changed.any() and not _agree(value, scale, smaller, slack):
            result.is_contested = True
        elif result.contradiction is None or result.is_lost:
            result.contradiction = 0.0 if abs(claim + value) <= 4 * doubt else claim + value
            result.step = three[2].t
            result.is_lost = bool((result.moved & ~three[2].changed).any())
            result.is_lost |= not three[2].changed.any()
            result.is_abrupt = _is_abrupt(value, limit * scale, gaps[:k])
            result.is_near = any(abs(gap.value) <= 0.1 * scale for gap in gaps[:k])


def _note_match(result, share, is_weak, sudden, limit):
    if result.match is None:
        result.is_sudden = sudden and result.kink is None
    is_weak |= result.is_sudden
    if share <= limit and (result.match is None or result.is_weak >= is_weak):
        result.match, result.is_weak = share, is_weak


def _are_slopes(three, gaps):
    """Whether the terms of a gradient of 0 belong to a slope, not to a curve.

    Either both sides of each step are alike, or the terms vanish with the step.
    """
    alike = all(abs(gap.left - gap.right) <= 0.5 * gap.terms for gap in three)
    return alike or gaps[-1].terms + 4 * gaps[-1].noise <= 1e-6 * gaps[0].terms


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


def _agree(value, scale, smaller, slack=0.0):
    """Whether all smaller steps that can see it show the same gap."""
    return all(
        abs(gap.value - value) <= 0.1 * scale + 4 * gap.noise + slack / gap.t
        for gap in smaller
        if gap.noise <= 0.1 * scale
    )


def _is_kink(three, least):
    """Whether the slopes on the two sides differ, and each holds for steps of three sizes."""
    left, right = [gap.left for gap in three], [gap.right for gap in three]
    apart = abs(left[2] - right[2])
    spread = max(np.ptp(left), np.ptp(right)) + 4 * three[2].noise
    return apart > least and spread <= 0.1 * apart


def _is_abrupt(value, least, larger):
    """Whether the two next larger steps do not approach the plateau, as smooth ones would."""
    away = [abs(gap.value - value) for gap in larger[-2:]]
    return len(away) == 2 and away[0] > least and not away[1] <= 0.5 * away[0]
