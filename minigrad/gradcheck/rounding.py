"""The rounding errors around one element: what may hide its slope, or make a difference."""

import numpy as np

from .complex_step import ComplexStep
from .plateaus import Sweep
from .slopes import EPS, Slopes, minus, norm

MOVES = (2.0**-49, 1e-9, 1e-6, 1e-6)  # of the inputs, as shares of themselves
PLACES = np.array([-0.93, -0.71, -0.48, -0.22, 0.0, 0.19, 0.41, 0.67, 0.97])  # of a step


class Rounding:
    """Rounding around the element at `index` of the input of some slopes."""

    def __init__(self, slopes: Slopes, index: tuple):
        self.slopes, self.index, self.point = slopes, index, slopes.point
        self.claim = float(slopes.gradient[index])
        self.size = max(abs(float(slopes.x[index])), 1.0)
        self.unit = slopes.unit(index)

    def makes_zero(self, seen: Sweep, step: ComplexStep) -> bool:
        """Whether it is 0, and its slope too small to change a digit of any output."""
        if self.claim != 0 or step.contradiction is None:
            return False
        y = self.point.dy * self.point.y
        visible = np.abs(step.slopes) * self.size > 8 * EPS * np.abs(y)
        return not visible.any() and self.hides(step.contradiction, seen, step)

    def hides(self, slope: float, seen: Sweep, step: ComplexStep) -> bool:
        """Whether a slope is too small to change a digit of the outputs that it may reach."""
        reached = seen.moved if step.slopes is None else seen.moved | (step.slopes != 0)
        # A gradient of 0 may be the sum of terms that cancel, of outputs that do not move.
        reached = reached if self.claim != 0 and reached.any() else ~np.isnan(self.point.y)
        reached = reached & np.isfinite(self.point.y)
        y = np.minimum(np.abs(self.point.y[reached]), 1.0)
        return abs(slope) * self.size <= 8 * EPS * norm(self.point.dy[reached] * y)

    def conceals(self, slope: float, still: np.ndarray | None = None) -> bool:
        """Whether outputs that depend on the element may hide as large a slope.

        still: the outputs that a complex step did not change; only these may hide it then.
        """
        size = self.size if still is None else 1.0
        y = np.where(np.isfinite(self.point.y), np.minimum(np.abs(self.point.y), 1.0), 0.0)
        y = self.point.dy * y if still is None else np.where(still, self.point.dy * y, 0.0)
        if abs(slope) * size > 8 * EPS * norm(y):
            return False  # the usual case
        return abs(slope) * size <= 8 * EPS * norm(y[self._reached()])

    def change(self) -> float:
        """The change of the gap, and of the gradient's last digits, as the inputs change."""
        rng, position = np.random.default_rng(0), self.slopes.position
        gap, changes = self.slopes.complex_step(self.unit), []
        for by in MOVES:
            with self.point.moved(by, rng) as near:
                slopes = Slopes(near, position)
                again = slopes.complex_step(self.unit)
                if gap is not None and again is not None:
                    changes.append(abs(again.value - gap.value))
                if by == MOVES[0]:
                    changes.append(abs(float(slopes.gradient[self.index]) - self.claim))
        return max(changes)

    def noise(self, t: float) -> float:
        """The error of a slope measured with steps of t, by rounding inside the function."""
        return (self._scatter(t) + self.slopes.rounding(self._reached())) / t

    def _reached(self):
        """The outputs that depend on the element, as moves to far places show, or may do so."""
        step = self.slopes.complex_step(self.unit)
        if step is None:
            return np.ones(self.point.y.shape, bool)
        x, reached = float(self.slopes.x[self.index]), step.changed
        moves = [sign * t * self.size for t in (1, 10, 100, 1e4) for sign in (-1, 1)]
        for place in (0.0, -x, *(x + move for move in moves)):
            moved = self.slopes.x.copy()
            moved[self.index] = place
            reached = reached | (self._evaluate(moved) != self.point.y)
        return reached

    def _evaluate(self, x):
        return self.point.evaluate(self.slopes.position, x)[0]

    def _scatter(self, t):
        """How far L lies beside a smooth curve within a step of t."""
        values = []
        for place in PLACES:
            x = self.slopes.x + place * t * self.unit
            values.append(float((self.point.dy * minus(self._evaluate(x), self.point.y)).sum()))
        if not np.isfinite(values).all():
            return np.inf
        curve = np.polynomial.polynomial.polyfit(PLACES, values, 3)
        return norm(values - np.polynomial.polynomial.polyval(PLACES, curve))
