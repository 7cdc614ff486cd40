"""Gradients by differences: change one number v of a value and compute the loss L again.

    slope     (L(v + t) - L(v - t)) / 2t
    noise     8 ε Σ |dy · y| / 2t over the values y that are used on the way: rounding moves y
              by about ε |y|, and dy tells how far this moves L. Behind a result stand numbers
              that are not seen: it counts as its largest input, but this at most as 1
    terms     Σ |dy · Δy| / 2t at the value y where it is largest: terms that add to the slope

All is computed in float64, the backward pass, too. A gradient agrees if it is within a
thousandth of the slope, or within 1e-7 of the terms, which may cancel. It differs only if two
step lengths give the same slope. Both need a noise that is smaller than that. Else the next
step length is tried, and at last the check says that it decides nothing, and why: a right
gradient is never called wrong.

The noise is computed with gradients that are under test themselves. A wrong one is noticed
where the backward pass first computes it: all gradients between it and the loss are right.
"""

from typing import NamedTuple

import numpy as np

from .array_tables import number_text
from .graph import Graph
from .second_run import SecondRun, UndecidedError, weight

EPS = float(np.finfo(np.float64).eps)
STEP = EPS ** (1 / 3)  # 6e-6: truncation and rounding errors are equal
NOT_FINITE, NO_LOSS = "the number is not finite", "the loss is not finite"
KINK, ROUNDING = "a kink is near", "rounding hides it"


class Slope(NamedTuple):
    """A slope by differences; `bend` is the slope on the right minus that on the left."""

    value: float
    noise: float
    terms: float
    bend: float


class NumericGradients:
    """The gradients of a graph, `totals`, beside slopes of its loss by central differences."""

    def __init__(self, graph: Graph, totals: list[np.ndarray | None], to_loss: bool):
        self.totals, self.run = totals, SecondRun(graph, totals, to_loss)
        pairs = zip(self.run.gradients, self.run.arrays, strict=True)
        self.of_inputs = [weight(dy, array) for dy, array in pairs]
        self.of_results = {}
        sizes = [_largest(array) for array in self.run.arrays]
        for a in graph.applications:
            dy, y = self.run.gradients[a.output], self.run.arrays[a.output]
            inner = min(1.0, max(sizes[i] for i in a.inputs))
            self.of_results[a.output] = weight(dy, np.maximum(np.abs(y), inner))

    def check(self, value: int, index: tuple) -> dict:
        """One gradient beside its slope, as data for the page."""
        found, at = self.totals[value][index], ", ".join(map(str, index))
        about = {"at": f"[{at}]" if index else "", "found": _text(found)}
        try:
            agree, slope = self._compare(value, index)
            if agree:
                self._expect_precise(slope, found, self.run.gradients[value][index])
        except UndecidedError as error:
            return about | {"expected": str(error), "agree": None}
        return about | {"expected": _text(slope.value), "agree": agree}

    def _compare(self, value, index):
        x, reasons = abs(float(self.run.arrays[value][index])), []
        if not np.isfinite(x):
            raise UndecidedError(NOT_FINITE)
        if not np.isfinite(self.run.loss).all():
            raise UndecidedError(NO_LOSS)
        step = STEP * max(1.0, x)
        for t in filter(None, (step, step / 256, STEP * x, 256 * step)):
            try:
                return self._judge(value, index, t)
            except UndecidedError as error:
                reasons.append(error)
        raise reasons[0]

    def _judge(self, value, index, t):
        """Whether the gradient agrees with the slope by a step t, and the slope."""
        dx, slope = float(self.run.gradients[value][index]), self._slope(value, index, t)
        allowed = _allowed(slope, dx)
        if slope.noise <= allowed and abs(dx - slope.value) <= allowed:
            return True, slope
        if dx == 0 and abs(slope.value) <= slope.noise <= 1e-6:
            return True, slope  # no term reaches the loss
        half = self._slope(value, index, t / 2)
        # The bend of a smooth function halves with the step.
        if abs(half.bend) > max(_allowed(half, dx), 0.75 * abs(slope.bend), 8 * half.noise):
            raise UndecidedError(KINK)
        error = max(4 * half.noise, 2 * abs(slope.value - half.value))
        for precision in (_allowed(half, 0.0), 1e-7):
            gap = abs(dx - half.value) - 2 * max(_allowed(half, dx), precision)
            if error <= precision and not gap <= 0:  # "not": dx may be NaN
                return False, half
        raise UndecidedError(ROUNDING)

    def _expect_precise(self, slope, found, dx):
        """Raise if the recorded backward, in float32 perhaps, lost too many digits."""
        allowed = _allowed(slope, dx) + 16 * np.finfo(found.dtype).eps * slope.terms
        if not abs(float(found) - dx) <= allowed:
            raise UndecidedError(f"{found.dtype} rounds it")

    def _slope(self, value, index, t):
        up, down = self.run.changed(value, index, t), self.run.changed(value, index, -t)
        if up.sides != down.sides:
            raise UndecidedError(KINK)
        rise, fall = up.loss, -down.loss
        width = float(up.arrays[value][index] - down.arrays[value][index])
        moved = up.arrays.keys() - {value}
        terms = [weight(self.run.gradients[i], up.arrays[i] - down.arrays[i]) for i in moved]
        rounded = [self.of_results[i] if i in moved else self.of_inputs[i] for i in up.used]
        noise, bend = 8 * EPS * sum(rounded), 2 * (rise - fall)
        numbers = (rise + fall, noise, max(terms, default=0.0), bend)
        return Slope(*(number / width for number in numbers))


def _allowed(slope, dx):
    size = max(abs(slope.value), abs(dx) if np.isfinite(dx) else 0.0)
    return 1e-3 * size + 1e-7 * slope.terms


def _largest(array):
    return float(np.abs(array).max(initial=0.0)) if array.dtype.kind == "f" else 0.0


def _text(number):
    return number_text(number, digits=6)
