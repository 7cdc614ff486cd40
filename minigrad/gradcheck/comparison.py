"""Is the gradient of one input right? Group by group, and where that is not clear by element.

A direction d weighs each element so that all terms dx·d of the group have about the same size.
Then an error of any one element changes the sum by its own relative size, however large the
other elements are. Random signs keep two errors from cancelling. A group whose gap is not
small and certain is halved, down to single elements, which get every test there is.
"""

import numpy as np

from .answers import GradientError, InconclusiveError, Report
from .element import NOT_ANALYTIC, Element
from .point import Point
from .slopes import EPS, Gap, Slopes

RESOLUTION = 1e-4  # a relative error of this size in any element would be noticed
FAR, NEAR = 2.0**-10, 2.0**-16  # steps, as shares of an element's size
MOST_RUNS = 3000  # of the function, for one input


class Comparison:
    """Compares the gradient of one input of a point with the slopes of its function."""

    def __init__(
        self, report: Report, argument: str, point: Point, position: int, rng, tolerance: float
    ):
        self.report, self.argument, self.point, self.rng = report, argument, point, rng
        self.tolerance, self.limit = tolerance, max(RESOLUTION, tolerance) / 2
        self.slopes = Slopes(point, position)
        self.gradient = self.slopes.gradient.reshape(-1)
        x = self.slopes.x.reshape(-1)
        self.size = np.where(np.isfinite(x), np.abs(x), 0.0)
        self.complex_leads = report.mode == "complex" or (
            report.mode != "projection" and point.is_analytic
        )
        self.undecided: list[InconclusiveError] = []

    def run(self) -> None:
        """Compare all elements.

        Raises:
            GradientError: an element is wrong. Undecided ones are kept in `undecided`.
        """
        self.report.resolution.setdefault(self.argument, 0.0)
        for group in self._groups():
            self._decide(group)
        if self.complex_leads and not self.undecided and self._clearly_not_analytic():
            if self.report.mode == "complex":
                self.undecided.append(
                    InconclusiveError(f"{self.report.name}: {self.argument}: {NOT_ANALYTIC}")
                )
                return
            self.complex_leads = False
            for group in self._groups():
                self._decide(group)

    def _groups(self):
        """Elements with the gradient 0 apart from the others, which have a size."""
        if self.report.mode == "full":
            return [np.array([i]) for i in range(self.gradient.size)]
        nonzero = np.flatnonzero(self.gradient)
        nonzero = nonzero[np.argsort(np.abs(self.gradient[nonzero]), kind="stable")]
        groups = nonzero, np.flatnonzero(self.gradient == 0)
        return [group for group in groups if group.size]

    def _decide(self, group):
        last_run = self.point.runs + MOST_RUNS
        waiting = [group]
        while waiting:
            group = waiting.pop()
            found = self._compare(group)
            if found is not None:
                self.report.add(self.argument, *found)
            elif self.point.runs > last_run:
                self._note(group[0], InconclusiveError(f"it takes more than {MOST_RUNS} runs"))
            elif len(group) > 1:
                waiting += np.array_split(group, 2)
            else:
                self._decide_element(group[0])

    def _decide_element(self, i):
        element = Element(self.slopes, self._index(i), self.tolerance, self.limit)
        try:
            resolution = element.decide(self.complex_leads, self.report.mode == "complex")
            self.report.add(self.argument, element.claim, element.claim, resolution)
        except GradientError as error:
            remarks = "".join(f"; {remark}" for remark in self.report.remarks)
            raise GradientError(
                f"{self._where()} is wrong at index {element.index}: {error} "
                f"({self.report.mode} check, random dy){remarks}"
            ) from None
        except InconclusiveError as error:
            self._note(i, error)

    def _note(self, i, error):
        """Keep an undecided element, because a wrong one may follow."""
        text = f"{self._where()} at index {self._index(i)} is {self.gradient[i]:.9g}, undecided"
        self.undecided.append(type(error)(f"{text}: {error}"))

    def _where(self):
        return f"{self.report.name}: the gradient of {self.argument}"

    def _index(self, i):
        return tuple(int(k) for k in np.unravel_index(i, self.slopes.x.shape))

    def _compare(self, group):
        """(expected, found, resolution) if the whole group is right, else None."""
        if not np.isfinite(self.gradient[group]).all():
            return None
        if self.complex_leads:
            return self._by_complex_step(group)
        return self._by_differences(group, np.maximum(self.size, 1.0)) or self._by_differences(
            group, np.where(self.size > 0, self.size, 1.0)
        )

    def _by_complex_step(self, group):
        direction, smallest = self._direction(group, np.ones_like(self.size))
        gap = self.slopes.complex_step(direction)
        if gap is None:
            return None
        if smallest == gap.terms == 0:
            return 0.0, 0.0, EPS
        return self._judged(gap, direction, smallest or gap.terms / len(group), gap.noise)

    def _by_differences(self, group, size):
        direction, smallest = self._direction(group, size)
        far = self.slopes.differences(direction, FAR)
        near = self.slopes.differences(direction, NEAR)
        if far is None or near is None:
            return None
        if smallest == 0:
            if self._is_constant(direction, far, near):
                return 0.0, 0.0, EPS
            smallest = near.terms / len(group)
        # A bend that does not shrink with the step is a kink.
        kink = np.max(near.bends - 8 * NEAR / FAR * far.bends, initial=0.0)
        doubt = near.noise + abs(far.value - near.value) + kink
        found = self._judged(near, direction, smallest, doubt)
        return found if found and self._holds_closely(direction, near, smallest) else None

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

    def _clearly_not_analytic(self):
        """Whether differences contradict what the complex steps showed."""
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

    def _moves_nothing(self, direction, *gaps):
        """Whether no output depends on the group, as far as steps of any size can show."""
        wide, step = (
            self.slopes.differences(direction, 0.125),
            self.slopes.complex_step(direction),
        )
        return all(gap is not None and gap.terms == 0 for gap in (*gaps, wide, step))

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
        weights = self.rng.uniform(0.5, 1.0, len(group)) * self.rng.choice(
            [-1.0, 1.0], len(group)
        )
        terms = np.abs(self.gradient[group]) * size[group]
        if terms.min() > 0:
            weights *= terms.min() / terms  # all terms get the size of the smallest
        direction = np.zeros(self.slopes.x.shape)
        direction.reshape(-1)[group] = weights * size[group]
        return direction, 0.5 * terms.min()
