"""Gradients by differences: change one number of a value and compute the loss again.

All is computed in float64. An operation with a surrogate is replaced by its surrogate, because
its backward returns the surrogate's gradient.
"""

import numpy as np

from ..gradcheck.declarations import SIDES, SURROGATES
from .graph import Graph

STEP = np.finfo(np.float64).eps ** (1 / 3)  # 6e-6: truncation and rounding errors are equal
ALL_CHECKED = 300  # numbers; of a larger graph, the largest gradient of each value is checked


def numeric_checks(graph: Graph, totals: list[np.ndarray | None]) -> list[list[dict]]:
    """For each value, its gradients in `totals` beside those by differences."""
    numeric = NumericGradients(graph)
    check_all = sum(t.size for t in totals if t is not None) <= ALL_CHECKED
    checks: list[list[dict]] = [[] for _ in totals]
    for i, total in enumerate(totals):
        if total is not None and total.size:
            largest = np.unravel_index(np.argmax(np.abs(total)), total.shape)
            indices = np.ndindex(total.shape) if check_all else [largest]
            checks[i] = [numeric.check(i, index, total[index]) for index in indices]
    return checks


class NumericGradients:
    """∂loss/∂value for the values of a graph, by central differences."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.arrays = [
            v.array.astype(np.float64) if v.array.dtype.kind == "f" else v.array
            for v in graph.values
        ]
        self.functions = []  # of each application: the forward, or its surrogate here
        for a in graph.applications:
            arrays = [self.arrays[i] for i in a.inputs]
            self.arrays[a.output] = a.forward(*arrays)
            surrogate = SURROGATES.get(a.operation.forward)
            self.functions.append(surrogate(*arrays, **a.options) if surrogate else a.forward)

    def check(self, value: int, index: tuple, found: float) -> dict:
        """A gradient beside the one by differences, as data for the page."""
        at = f"[{', '.join(map(str, index))}]" if index else ""
        about = {"at": at, "found": f"{found:.6g}"}
        for shorten in (1, 256):  # the function may bend within a step, as relu² does at 0
            expected = self.derivative(value, index, shorten)
            if expected is None:
                return about | {"expected": "a kink is near", "agree": True}
            allowed = 1e-3 * max(abs(found), abs(expected)) + 1e-7
            if agree := bool(abs(found - expected) <= allowed):
                break
        return about | {"expected": f"{expected:.6g}", "agree": agree}

    def derivative(self, value: int, index: tuple, shorten: float = 1) -> float | None:
        """The derivative of the loss by one number of a value; None near a kink."""
        step = STEP * max(1.0, abs(float(self.arrays[value][index]))) / shorten
        up, up_sides = self._loss(value, index, step)
        down, down_sides = self._loss(value, index, -step)
        return None if up_sides != down_sides else (up - down) / (2 * step)

    def _loss(self, value, index, step):
        """The loss with one number changed, and the sides of the kinks on which inputs lie."""
        moved = self.arrays[value].copy()
        moved[index] += step
        changed, sides = {value: moved}, []
        for a, function in zip(self.graph.applications, self.functions, strict=True):
            if changed.keys() & set(a.inputs):
                arrays = [changed.get(i, self.arrays[i]) for i in a.inputs]
                changed[a.output] = function(*arrays)
                if side := SIDES.get(a.operation.forward):
                    sides.append(side(*arrays, **a.options).tobytes())
        return float(changed[self.graph.applications[-1].output].sum()), sides
