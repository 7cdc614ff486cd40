"""The slope by one element, by two imaginary steps of very different size."""

from dataclasses import dataclass

import numpy as np

from .plateaus import ROUNDING_ZERO
from .slopes import EPS, Slopes


@dataclass
class ComplexStep:
    """What a complex step shows about one element: `match` or `contradiction` as in Sweep."""

    match: float | None = None
    contradiction: float | None = None
    slopes: np.ndarray | None = None  # per output

    @property
    def is_empty(self) -> bool:
        return self.match is None and self.contradiction is None


def complex_step(slopes: Slopes, index: tuple, tolerance: float, limit: float) -> ComplexStep:
    """Measure the slope by the element at `index`; `limit` is the largest relative doubt."""
    claim, unit = float(slopes.gradient[index]), slopes.unit(index)
    a, b = (slopes.complex_step(unit, h) for h in (1e-60, 1e-40))
    if a is None or b is None or not np.isfinite(claim):
        return ComplexStep()
    if claim == 0 and a.terms <= 1e-3 * b.terms:
        return ComplexStep(match=EPS, slopes=a.slopes)  # it vanishes with the step
    is_zero = abs(claim) <= ROUNDING_ZERO * a.terms
    scale = a.terms if is_zero else max(abs(claim), abs(claim + a.value))
    noise = a.noise + abs(a.value - b.value)
    if not noise <= limit * scale:
        return ComplexStep()  # it depends on the size of the step: not analytic here
    if abs(a.value) > max(4 * noise, tolerance * scale):
        return ComplexStep(contradiction=claim + a.value, slopes=a.slopes)
    share = (abs(a.value) + noise) / scale if scale else EPS
    return ComplexStep(match=share if share <= limit else None, slopes=a.slopes)
