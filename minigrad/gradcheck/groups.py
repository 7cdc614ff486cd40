"""Is a group of elements of a gradient right? A few runs of the function for all of them.

A direction d weighs each element so that all terms dx·d of the group have about the same size.
Then an error of any one element changes the sum by its own relative size, however large the
other elements are. Random signs keep two errors from cancelling.
"""

import numpy as np

from .slopes import EPS, Gap, Slopes, norm

WIDE, FAR, NEAR = 2.0**-3, 2.0**-10, 2.0**-16  # steps, as shares of an element's size
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # between a size of at least 1 and an element's own


class Groups:
    """Compares groups of elements, given by their flat indices, with measured slopes."""

    def __init__(self, slopes: Slopes, rng, tolerance: float, limit: float):
        self.slopes, self.rng, self.tolerance, self.limit = slopes, rng, tolerance, limit
        self.gradient = slopes.gradient.reshape(-1)
        x = slopes.x.reshape(-1)
        self.size = np.where(np.isfinite(x), np.abs(x), 0.0)

    def compare(self, group: np.ndarray, complex_leads: bool) -> tuple | None:
        """(expected, found, resolution) if the whole group is right, else None."""
        if not np.isfinite(self.gradient[group]).all():
            return None
        if complex_leads:
            return self._by_complex_step(group)
        if self._has_hidden(group):
            return None
        large, own = np.maximum(self.size, 1.0), np.where(self.size > 0, self.size, 1.0)
        ways = [(large, WIDE), (large, FAR)]
        found = self._by_differences(group, large, ways)
        if found is None and not np.array_equal(large[group], own[group]):
            between = [(large ** (1 - share) * own**share, NEAR) for share in SHARES]
            found = self._by_differences(group, own, [*ways, *between])
        return found

    def _has_hidden(self, group):
        """Whether a gradient is so small that the rounding of an output may hide its slope."""
        terms = np.abs(self.gradient[group]) * np.maximum(self.size[group], 1.0)
        return bool(((terms > 0) & (self.limit * terms <= self._hidden(slice(None)))).any())

    def _hidden(self, outputs):
        """The largest slope that the rounding of these outputs may hide."""
        y = np.where(np.isfinite(self.slopes.point.y), self.slopes.point.y, 0.0)
        return 8 * EPS * norm((self.slopes.point.dy * np.minimum(np.abs(y), 1.0))[outputs])

    def _by_complex_step(self, group):
        direction, smallest = self._direction(group, np.ones_like(self.size))
        gap = self.slopes.complex_step(direction)
        if gap is None:
            return None
        if smallest == gap.terms == 0:
            return 0.0, 0.0, EPS
        if 0 < 2 * smallest * self.limit <= self._hidden(gap.slopes == 0):
            return None
        return self._judged(gap, direction, smallest or gap.terms / len(group), gap.noise)

    def _by_differences(self, group, size, ways):
        direction, smallest = self._direction(group, size)
        far = self.slopes.differences(direction, FAR)
        near = self.slopes.differences(direction, NEAR)
        if far is None or near is None:
            return None
        if smallest == 0:
            if self._is_constant(direction, far, near):
                return 0.0, 0.0, EPS
            if near.bends.sum() > near.terms:  # a curve, not a slope: the sides are not alike
                return None
            smallest, ways = near.terms / len(group), []
        # A bend that does not shrink with the step is a kink.
        kink = np.max(near.bends - 8 * NEAR / FAR * far.bends, initial=0.0)
        doubt = near.noise + abs(far.value - near.value) + kink
        found = self._judged(near, direction, smallest, doubt)
        is_held = found and self._holds_closely(direction, near, smallest)
        return found if is_held and not self._jumps(group, ways) else None

    def _jumps(self, group, ways):
        """Whether the slope jumps to the claimed one, from a step to the next smaller one.

        A smooth function approaches it. A jump without a kink shows that a sum inside the
        function has begun to swallow the steps.
        """
        is_away = False
        for size, t in ways:
            direction, smallest = self._direction(group, size)
            gap = self.slopes.differences(direction, t)
            share = np.nan if gap is None else abs(gap.value) / smallest
            if is_away and share < 1e-5:
                return True
            is_away = share > 0.1 and gap.bends.sum() < abs(gap.value)
        return False

    def _holds_closely(self, direction, near, smallest):
        """Whether the smallest step that rounding allows shows nothing else."""
        t = max(4 * self.slopes.rounding(near.changed) / (self.limit * smallest), 2.0**-44)
        if t > NEAR / 8:
            return True
        gap = self.slopes.differences(direction, t)
        return gap is not None and abs(gap.value) <= 2 * self.limit * smallest

    def _is_constant(self, direction, far, near):
        """Whether no output depends on the group, which has the gradient 0."""
        if far.terms or near.terms:
            return False
        step = self.slopes.complex_step(direction)
        typical = np.abs(self.gradient[np.isfinite(self.gradient) & (self.gradient != 0)])
        hidden = self.slopes.rounding(~far.changed) / FAR
        is_seen = typical.size > 0 and hidden <= self.limit * float(np.median(typical))
        return is_seen and (step is None or step.terms == 0)

    def show_another_slope(self) -> bool:
        """Whether differences clearly contradict the gradient, with all elements in a group."""
        direction = self.rng.choice([-1.0, 1.0], self.slopes.x.shape)
        direction *= np.where(self.size > 0, self.size, 1.0).reshape(direction.shape)
        gap = self.slopes.differences(direction, FAR / 8)
        if gap is None:
            return False
        # An output that does not move may hide the step below its last digit.
        noise = gap.noise + self.slopes.rounding(~gap.changed) / (FAR / 8)
        if not abs(gap.value) > noise + 1e-5 * gap.terms:
            return False
        near = self.slopes.differences(direction, NEAR)
        if near is None or not np.isfinite(near.value):
            return False
        return abs(near.value) > 4 * (near.noise + abs(near.value - gap.value))

    def _judged(self, gap: Gap, direction, smallest, doubt):
        """The comparison, if the gap is small and certain for the smallest term."""
        found = float(np.vdot(self.slopes.gradient, direction))
        share = (abs(gap.value) + doubt) / smallest if smallest else np.inf
        allowed = max(doubt, self.tolerance * smallest)
        if abs(gap.value) <= allowed and share <= self.limit:
            return found + gap.value, found, share
        return None

    def _direction(self, group, size):
        """A direction with random signs, and the size of its smallest term dx·d."""
        signs = self.rng.choice([-1.0, 1.0], len(group))
        weights = signs * self.rng.uniform(0.5, 1.0, len(group))
        terms = np.abs(self.gradient[group]) * size[group]
        if terms.min() > 0:
            weights *= terms.min() / terms  # all terms get the size of the smallest
        direction = np.zeros(self.slopes.x.shape)
        direction.reshape(-1)[group] = weights * size[group]
        return direction, 0.5 * terms.min()
