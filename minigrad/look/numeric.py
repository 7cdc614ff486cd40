"""A gradient by differences: move one number, run what comes after it again, see the loss move.

In float64, whatever the loss was computed in. An operation with a surrogate is replaced by it,
since its gradient is the one that is promised.
"""

from __future__ import annotations

import numpy as np

from ..gradcheck.declarations import side_of, surrogate_of
from ..gradcheck.differences import STEP
from .graph import Graph
from .tables import number

FEW = 300  # numbers in a graph of which each is checked; in a larger one, one per value


class Numeric:
    """∂loss/∂value for the values of a graph, at the point where its leaves are."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.arrays = [
            v.array.astype(np.float64) if v.array.dtype.kind == "f" else v.array
            for v in graph.values
        ]
        self.functions = []
        for a in graph.applications:
            arrays = [self.arrays[i] for i in a.inputs]
            self.arrays[a.output] = np.asarray(a.operation.forward(*arrays, **a.options)[0])
            self.functions.append(_function(a, arrays))

    def derivative(self, position, index, shorten: float = 1) -> float | None:
        """∂loss/∂value[index] of the value at `position`; None if a kink is within a step.

        A step that is shortened fits a function that bends, as relu² does at 0.
        """
        step = STEP * max(1.0, abs(float(self.arrays[position][index]))) / shorten
        up, down = (self._loss(position, index, sign * step) for sign in (1, -1))
        return None if up[1] != down[1] else (up[0] - down[0]) / (2 * step)

    def _loss(self, position, index, step):
        """The loss with one number moved, and the sides of all kinks that it then meets."""
        moved = self.arrays[position].copy()
        moved[index] += step
        changed, sides = {position: moved}, []
        for a, function in zip(self.graph.applications, self.functions, strict=True):
            if changed.keys() & set(a.inputs):
                arrays = [changed.get(i, self.arrays[i]) for i in a.inputs]
                changed[a.output] = function(*arrays)
                if side := side_of(a.operation):
                    sides.append(side(*arrays, **a.options).tobytes())
        return float(changed[self.graph.applications[-1].output].sum()), sides


def _function(application, arrays):
    """The function to differentiate: the forward, or its surrogate at these arrays."""
    operation, options = application.operation, application.options
    if surrogate := surrogate_of(operation):
        return surrogate(*arrays, **options)
    return lambda *moved: operation.forward(*moved, **options)[0]


def checks(graph: Graph, totals: list[np.ndarray | None]) -> list[list[dict]]:
    """Gradients by differences beside the given ones, a list per value.

    Of a small graph every number, of a larger one the largest gradient of each value.
    """
    numeric = Numeric(graph)
    few = sum(t.size for t in totals if t is not None) <= FEW
    found: list[list[dict]] = [[] for _ in totals]
    for i, total in enumerate(totals):
        if total is None or not total.size:
            continue
        largest = np.unravel_index(np.argmax(np.abs(total)), total.shape)
        for index in np.ndindex(total.shape) if few else [largest]:
            check = _checked(index, total[index], numeric.derivative(i, index))
            if not check["agree"]:
                check = _checked(index, total[index], numeric.derivative(i, index, 256))
            found[i].append(check)
    return found


def _checked(index, found, expected):
    at = f"[{', '.join(str(int(k)) for k in index)}]" if index else ""
    if expected is None:
        return {"at": at, "found": number(found), "expected": "a kink is near", "agree": True}
    gap, size = abs(found - expected), max(abs(found), abs(expected))
    return {
        "at": at,
        "found": f"{found:.6g}",
        "expected": f"{expected:.6g}",
        "agree": bool(gap <= 1e-3 * size + 1e-7),
    }
