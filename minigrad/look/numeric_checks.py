"""The numbers of a graph whose gradients are checked, and how.

In a small graph, one number is changed and the loss is computed again: numeric_gradients.py.
In a large graph, that would take a run of the whole graph for each number. There a change is
followed only through the operations that use the number. Σ dy Δy over their results tells how
far the loss moves. If each gradient is right, given those behind it, all are right. This takes
a time proportional to the graph.
"""

from typing import NamedTuple

import numpy as np

from .graph import Graph
from .numeric_gradients import NumericGradients

ALL_NUMBERS = 300  # of a graph with more, the largest gradient of each value is checked
TO_LOSS = 100  # operations; in a larger graph, a change is followed through one operation only
MANY_INPUTS = 16  # for each input that is checked, the whole operation runs again


class Extent(NamedTuple):
    """Which numbers of a graph are checked, and how far a change is followed."""

    every_number: bool
    to_loss: bool
    skips: set[int]  # values that are not checked

    @classmethod
    def of(cls, graph: Graph, totals: list[np.ndarray | None]) -> "Extent":
        """All of a small graph; of a large one what takes a time proportional to its size."""
        every_number = sum(t.size for t in totals if t is not None) <= ALL_NUMBERS
        to_loss = len(graph.applications) <= TO_LOSS
        late = {i for a in graph.applications for i in a.inputs[MANY_INPUTS:]}
        return cls(every_number, to_loss, set() if every_number and to_loss else late)

    def text(self) -> str:
        """The explanation on the page."""
        again = (
            "the loss is computed again"
            if self.to_loss
            else "each operation that uses it runs again alone. This graph is large: the "
            "gradients of their results, which are checked in the same way, tell how far the "
            "loss moves"
        )
        which = (
            "Every number is checked."
            if self.every_number
            else "Of each value, the number with the largest gradient is checked."
        )
        skipped = (
            f" Of an operation with more than {MANY_INPUTS} inputs, only the first "
            f"{MANY_INPUTS} are checked."
        )
        return (
            "By differences: one number is increased and decreased a little, in float64, and "
            f"{again}. {which}{skipped if self.skips else ''} Where this does not show the "
            "gradient, the reason stands instead."
        )


def numeric_checks(
    graph: Graph, totals: list[np.ndarray | None], extent: Extent
) -> list[list[dict]]:
    """For each value, its gradients in `totals` beside those by differences, for the page.

    `agree` is True, False or None: not decided. Then `expected` gives the reason.
    """
    checks: list[list[dict]] = [[] for _ in totals]
    with np.errstate(all="ignore"):  # a changed number may leave the domain
        numeric = NumericGradients(graph, totals, extent.to_loss)
        for i, total in enumerate(totals):
            if total is not None and total.size and i not in extent.skips:
                largest = np.unravel_index(np.argmax(np.abs(total)), total.shape)
                indices = np.ndindex(total.shape) if extent.every_number else [largest]
                checks[i] = [numeric.check(i, index) for index in indices]
    return checks
