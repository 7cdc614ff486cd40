"""Numerical slopes of L = Σ dy·y, as gaps: the measured slope minus the slope that is claimed.

    differences      (L(x + t d) - L(x - t d)) / 2t - Σ dx·d
    complex step     Im L(x + i h d) / h - Σ dx·d

Gaps are compared with 0, so the rounding of x + t d does no harm: both terms use the step that
was really taken. A gap comes with the noise that rounding may have added to it.
"""

from typing import NamedTuple

import numpy as np

from .point import Point

EPS = float(np.finfo(np.float64).eps)
TINY_STEP = 1e-60  # imaginary: nothing is subtracted, so no digit is lost


class Gap(NamedTuple):
    """A measured slope minus the claimed one, by a step of size t.

    noise: a bound on the rounding error. terms: Σ |dy·dy/dt|, the size of the summed terms.
    changed: which outputs the step changed. left, right: the one-sided gaps. bends: per
    output, their difference, which vanishes with t unless there is a kink. slopes: per output,
    dy·dy/dt, of a complex step.
    """

    t: float
    value: float
    noise: float
    terms: float
    changed: np.ndarray
    left: float = np.nan
    right: float = np.nan
    bends: np.ndarray | None = None
    slopes: np.ndarray | None = None


class Slopes:
    """The gaps of one input of a point, along directions."""

    def __init__(self, point: Point, position: int):
        self.point, self.position = point, position
        self.x = point.values[position].data
        self.gradient = point.gradients[position]

    def unit(self, index: tuple) -> np.ndarray:
        """The direction of one element."""
        unit = np.zeros(self.x.shape)
        unit[index] = 1.0
        return unit

    def differences(self, direction: np.ndarray, t: float) -> Gap | None:
        """The gap by a central difference.

        None across a declared kink, out of the domain, or if an element swallows its step.
        """
        up_x, down_x = self.x + t * direction, self.x - t * direction
        forward, backward = minus(up_x, self.x), minus(self.x, down_x)
        if any(self._is_swallowed(step, t * direction) for step in (forward, backward)):
            return None
        up, up_sides = self.point.evaluate(self.position, up_x)
        down, down_sides = self.point.evaluate(self.position, down_x)
        if _sides_differ(up_sides, down_sides):
            return None
        y, dy = self.point.y, self.point.dy
        up, down = _within_domain(up, y), _within_domain(down, y)
        rise, fall = dy * minus(up, y), dy * minus(y, down)  # 0 where nothing changed
        step, length = forward + backward, norm(direction)
        right = (rise.sum() - self._claimed(forward)) * (length / norm(forward))
        left = (fall.sum() - self._claimed(backward)) * (length / norm(backward))
        changed = (rise != 0) | (fall != 0)
        size = np.where(changed, np.abs(dy) * np.fmax(np.abs(up), np.abs(down)), 0)
        noise = 4 * EPS * (norm(size) / t + abs(self._claimed(direction)))
        value = (rise.sum() + fall.sum() - self._claimed(step)) * (length / norm(step))
        terms = float((np.abs(rise) + np.abs(fall)).sum()) / (2 * t)
        bends = np.maximum(np.abs(rise - fall) - 4 * EPS * size, 0) / t
        return Gap(t, float(value), noise, terms, changed, float(left), float(right), bends)

    def _is_swallowed(self, step, wanted):
        """Whether the numbers of x are so large that they did not move as they should."""
        off = np.abs(step - wanted)[np.isfinite(self.x)]
        return not step.any() or bool((off > 0.5 * np.abs(wanted)[np.isfinite(self.x)]).any())

    def rounding(self, outputs: np.ndarray) -> float:
        """The rounding error of Σ dy·y over some of the outputs."""
        finite = outputs & np.isfinite(self.point.y)
        return 4 * EPS * norm((self.point.dy * self.point.y)[finite])

    def _claimed(self, step):
        """Σ dx·step, over the elements that move: a NaN elsewhere is another one's fault."""
        moving = step != 0
        return float(np.vdot(self.gradient[moving], step[moving]))

    def complex_step(self, direction: np.ndarray, h: float = TINY_STEP) -> Gap | None:
        """The gap by an imaginary step; None if the function does not allow one."""
        if not self.point.allows_complex:
            return None
        try:
            y, _ = self.point.evaluate(self.position, self.x + 1j * h * direction)
        except (TypeError, ValueError, np.linalg.LinAlgError):
            return None
        if y.dtype.kind != "c" and not self.point.is_analytic:
            return None  # a forward that drops the imaginary part, as abs does
        changed = y.imag != 0
        slopes = np.where(changed, self.point.dy * y.imag / h, 0)
        if not np.isfinite(slopes).all():
            return None
        terms = float(np.abs(slopes).sum())
        value = float(slopes.sum()) - self._claimed(direction)
        return Gap(h, value, 64 * EPS * terms, terms, changed, slopes=slopes)


def norm(array: np.ndarray) -> float:
    """The root of the sum of squares, also where the squares would overflow."""
    largest = float(np.abs(array).max(initial=0.0))
    if largest == 0 or not np.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm(array / largest))


def _within_domain(moved, y):
    """The moved outputs, NaN where a finite output became infinite."""
    return np.where(np.isinf(moved) & np.isfinite(y), np.nan, moved)


def minus(a, b):
    """a - b, and 0 where both are the same, infinities included."""
    return np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0, a - b)


def _sides_differ(up, down):
    pairs = zip(up, down, strict=True)
    return any(not np.array_equal(a, b, equal_nan=True) for (_, a), (_, b) in pairs)
