"""Is the gradient of one input right? Group by group, and where that is not clear by element.

A group whose gap is not small and certain is halved, down to single elements, which get every
test that there is.
"""

import numpy as np

from .answers import GradientError, InconclusiveError, Report
from .element import NOT_ANALYTIC, Element
from .groups import Groups
from .point import Point
from .slopes import Slopes

RESOLUTION = 1e-4  # a relative error of this size in any element would be noticed
MOST_RUNS = 3000  # of the function, for one input


class Comparison:
    """Compares the gradient of one input of a point with the slopes of its function."""

    def __init__(
        self, report: Report, argument: str, point: Point, position: int, rng, tolerance: float
    ):
        self.report, self.argument, self.point = report, argument, point
        self.tolerance, self.limit = tolerance, max(RESOLUTION, tolerance) / 2
        self.slopes = Slopes(point, position)
        self.gradient = self.slopes.gradient.reshape(-1)
        self.groups = Groups(self.slopes, rng, tolerance, self.limit)
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
        if self.complex_leads and not self.undecided and self.groups.show_another_slope():
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
            found = self.groups.compare(group, self.complex_leads)
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
