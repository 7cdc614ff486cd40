"""A graph, run a second time in float64: forward, backward, and with a number changed.

With a number changed, an operation with a surrogate is replaced by its surrogate, because its
backward returns the surrogate's gradient.
"""

from dataclasses import dataclass

import numpy as np

from ..gradcheck.declarations import SIDES, SURROGATES, side_of
from ..ops import RowGradient
from .graph import Graph

DOMAIN, REPEATED = "the domain ends here", "a second run differs"


class UndecidedError(Exception):
    """Differences do not show this gradient; the text gives the reason."""


@dataclass
class Changed:
    """All that becomes different in a run with one number changed.

    arrays: the values that the change reaches. sides: of each kink, where its inputs lie.
    used: the values that the operations on the way compute from, and their results.
    """

    arrays: dict[int, np.ndarray]
    sides: list[bytes]
    used: set[int]


class SecondRun:
    """The values of a graph and their gradients in float64, and the functions between them.

    `firsts` are the gradients of the first run. They tell which differences matter to the loss.
    """

    def __init__(self, graph: Graph, firsts: list[np.ndarray | None]):
        self.graph, self.last = graph, graph.applications[-1].output
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
        self.gradients = self._backward(saved)

    def _backward(self, saved):
        """The gradient of each value; None for constants."""
        totals: list[np.ndarray | None] = [None] * len(self.arrays)
        totals[self.last] = np.ones_like(self.arrays[self.last])
        for a, kept in reversed(list(zip(self.graph.applications, saved, strict=True))):
            dy = totals[a.output]
            gradients = [None] * len(a.inputs) if dy is None else a.operation.backward(dy, kept)
            for i, gradient in zip(a.inputs, gradients, strict=True):
                if gradient is not None and self.graph.values[i].kind != "constant":
                    if isinstance(gradient, RowGradient):
                        gradient = gradient.dense()
                    totals[i] = gradient if totals[i] is None else totals[i] + gradient
        return totals

    def loss_of(self, arrays) -> float:
        """The loss, from `arrays` by the index of their values."""
        return float(arrays[self.last].sum())

    def changed(self, value: int, index: tuple, step: float) -> Changed:
        """Run all operations again that use a value, with one of its numbers changed.

        Raises:
            UndecidedError: the changed number is out of a domain, or an operation on the way
                gives another result in each run.
        """
        moved = self.arrays[value].copy()
        moved[index] += step
        run = Changed({value: moved}, [], set())
        operations = zip(self.graph.applications, self.functions, self.repeats, strict=True)
        for a, function, repeats in operations:
            if run.arrays.keys() & set(a.inputs):
                if not repeats:
                    raise UndecidedError(REPEATED)
                self._apply(run, a, function)
        if not np.isfinite(self.loss_of(run.arrays)):
            raise UndecidedError(DOMAIN)
        return run

    def _apply(self, run, a, function):
        arrays = [run.arrays.get(i, self.arrays[i]) for i in a.inputs]
        try:
            run.arrays[a.output] = function(*arrays)
        except (ValueError, ArithmeticError):  # the operation refuses the changed number
            raise UndecidedError(DOMAIN) from None
        run.used |= {*a.inputs, a.output}
        if a.operation.forward in SIDES:
            run.sides.append(side_of(a.operation, arrays, a.options).tobytes())


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
    change = np.where(same, 0, again - first)
    return bool(np.isfinite(change).all()) and weight(dy, change) <= 1e-3 * weight(dy, first)
