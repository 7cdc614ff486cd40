"""A graph, run a second time in float64: forward, backward, and with a number changed.

With a number changed, an operation with a surrogate is replaced by its surrogate, because its
backward returns the surrogate's gradient.

The change is followed to the loss, or in a large graph only through the operations that use the
number. The gradients of their results then tell how far the loss moves: Σ dy Δy.
"""

from dataclasses import dataclass

import numpy as np

from ..gradcheck.declarations import SIDES, SURROGATES, side_of
from .graph import Graph

DOMAIN, REPEATED = "the domain ends here", "a second run differs"
BEHIND = "a gradient behind it is not finite"


class UndecidedError(Exception):
    """Differences do not show this gradient; the text gives the reason."""


@dataclass
class Changed:
    """All that becomes different in a run with one number changed.

    arrays: the values that the change reaches. sides: of each kink, where its inputs lie.
    used: the values that the operations on the way compute from, and their results.
    ends: the values at which the change is no longer followed. loss: how far the loss moves.
    """

    arrays: dict[int, np.ndarray]
    sides: list[bytes]
    used: set[int]
    ends: list[int]
    loss: float = 0.0


class SecondRun:
    """The values of a graph and their gradients in float64, and the functions between them.

    `firsts` are the gradients of the first run. They tell which differences matter to the loss.
    `to_loss`: follow a change to the loss, else through one operation.
    """

    def __init__(self, graph: Graph, firsts: list[np.ndarray | None], to_loss: bool):
        self.graph, self.to_loss = graph, to_loss
        self.arrays = [_as_float64(value.array) for value in graph.values]
        self.functions = []  # of each operation: its forward, or its surrogate here
        self.repeats = []  # whether each operation gave the same result again
        saved = []
        for a in graph.applications:
            again = a.forward(*(graph.values[i].array for i in a.inputs))
            dy, first = firsts[a.output], graph.values[a.output].array
            self.repeats.append(_is_same(first, again, dy))
            arrays, kept = [self.arrays[i] for i in a.inputs], a.saved
            if self.repeats[-1]:  # else its values and its backward stay those of the first run
                y, kept = a.operation.forward(*arrays, **a.options)
                self.arrays[a.output] = np.asarray(y)
            saved.append(kept)
            surrogate = SURROGATES.get(a.operation.forward)
            self.functions.append(surrogate(*arrays, **a.options) if surrogate else a.forward)
        self.loss = self.arrays[graph.last]
        self.gradients = graph.gradients(self.loss, saved)

    def changed(self, value: int, index: tuple, step: float) -> Changed:
        """Run operations again that use a value, with one of its numbers changed.

        Raises:
            UndecidedError: the changed number is out of a domain, or an operation on the way
                gives another result in each run.
        """
        moved = self.arrays[value].copy()
        moved[index] += step
        run = Changed({value: moved}, [], set(), [self.graph.last])
        users = self.graph.users[value]
        if self.to_loss:
            for i in range(min(users, default=0), len(self.functions)):
                if run.arrays.keys() & set(self.graph.applications[i].inputs):
                    self._apply(run, i, run.arrays)
        elif users:  # each one alone: a user may compute from the result of another one
            run.ends = [self._apply(run, i, {value: moved}) for i in users]
        run.loss = sum(self._moved(i, run.arrays[i]) for i in run.ends)
        return run

    def _apply(self, run, i, changed):
        """Run an operation on changed values; returns the index of its result."""
        a = self.graph.applications[i]
        if not self.repeats[i]:
            raise UndecidedError(REPEATED)
        arrays = [changed.get(k, self.arrays[k]) for k in a.inputs]
        try:
            run.arrays[a.output] = self.functions[i](*arrays)
        except (ValueError, ArithmeticError):  # the operation refuses the changed number
            raise UndecidedError(DOMAIN) from None
        run.used |= {*a.inputs, a.output}
        if a.operation.forward in SIDES:
            run.sides.append(side_of(a.operation, arrays, a.options).tobytes())
        return a.output

    def _moved(self, value, array):
        """How far a changed value moves the loss: Σ dy Δy, where 0 · ∞ counts as 0."""
        dy = self.gradients[value]
        if dy is None:
            return 0.0
        if not np.isfinite(dy).all():
            raise UndecidedError(BEHIND)
        moved = float(np.where(dy == 0, 0, dy * (array - self.arrays[value])).sum())
        if not np.isfinite(moved):
            raise UndecidedError(DOMAIN)
        return moved


def weight(dy: np.ndarray | None, change: np.ndarray) -> float:
    """Σ |dy · change|: how far the change of a value moves the loss. 0 · ∞ counts as 0."""
    if dy is None or change.dtype.kind != "f":
        return 0.0
    products = np.abs(dy * change)
    return float(products[np.isfinite(products)].sum())


def _as_float64(array):
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _is_same(first, again, dy):
    """Whether two runs give the same loss; threads may add in another order."""
    if first.shape != again.shape:
        return False
    same = (first == again) | (np.isnan(first) & np.isnan(again))
    if same.all():
        return True
    change = np.where(same, 0, again - first)
    return bool(np.isfinite(change).all()) and weight(dy, change) <= 1e-3 * weight(dy, first)
