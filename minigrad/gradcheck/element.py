"""One element of a gradient: right, wrong or undecided, by every test that there is."""

from dataclasses import dataclass

import numpy as np

from .answers import GradientError, InconclusiveError, KinkError
from .slopes import EPS, Slopes
from .sweep import ROUNDING_ZERO, Sweep, sweep

NOT_ANALYTIC = (
    "a complex step and differences show different slopes, so the forward is not analytic (it "
    "uses abs, max or a comparison of complex numbers); use mode 'auto'"
)
MOVES = (2.0**-51, 1e-9, 1e-6)  # of the inputs, as shares, to see the errors of rounding


@dataclass
class ComplexStep:
    """What a complex step shows about one element: `match` or `contradiction` as in Sweep."""

    match: float | None = None
    contradiction: float | None = None


class Element:
    """The element at `index` of the gradient of one input."""

    def __init__(self, slopes: Slopes, index: tuple, tolerance: float, limit: float):
        self.slopes, self.index, self.limit = slopes, index, limit
        self.tolerance = tolerance
        self.claim = float(slopes.gradient[index])
        self.unit = np.zeros_like(slopes.x)
        self.unit[index] = 1.0

    def decide(self, complex_leads: bool, demands_analytic: bool) -> float:
        """The relative error that would have been noticed, if the element is right.

        Raises:
            GradientError: it is wrong. InconclusiveError: undecided, with the reason.
        """
        if not np.isfinite(self.claim):
            return self._not_finite()
        seen = sweep(self.slopes, self.index, max(self.tolerance, 1e-7), self.limit)
        step = self.complex_step()
        if not complex_leads or step == ComplexStep():
            return self._by_differences(seen, step)
        if self._is_below_rounding(seen, step):
            return EPS
        if self._opposed(seen, step):
            if demands_analytic:
                raise InconclusiveError(NOT_ANALYTIC)
            return self._by_differences(seen, step)
        return self._wrong(step.contradiction) if step.match is None else step.match

    def _opposed(self, seen: Sweep, step: ComplexStep) -> bool:
        """Whether the differences clearly show another slope than the complex step."""
        clearly_other = seen.contradiction is not None and not seen.is_lost
        if step.match is not None:
            return clearly_other and seen.match is None
        if seen.match is None or clearly_other:
            return False
        largest = max(abs(self.claim), abs(step.contradiction))
        return abs(step.contradiction - self.claim) > (4 * seen.match + 1e-6) * largest

    def _is_below_rounding(self, seen: Sweep, step: ComplexStep) -> bool:
        """Whether the slope is so small that no step changes any digit of the output."""
        if not seen.is_still or step.contradiction is None:
            return False
        point, size = self.slopes.point, max(abs(float(self.slopes.x[self.index])), 1.0)
        scale = float(np.linalg.norm((point.dy * point.y)[np.isfinite(point.y)]))
        return max(abs(step.contradiction), abs(self.claim)) * size <= 8 * EPS * scale

    def _not_finite(self):
        """Raise a GradientError with the slope, if there is one: NaN never passes."""
        self.slopes.gradient = self.slopes.gradient.copy()
        claim, self.slopes.gradient[self.index] = self.claim, 0.0
        self.claim = 0.0
        step = self.complex_step()
        seen = sweep(self.slopes, self.index, max(self.tolerance, 1e-7), self.limit)
        self.claim = self.slopes.gradient[self.index] = claim
        for found in (step, seen):
            if found.match is not None or found.contradiction is not None:
                slope = 0.0 if found.contradiction is None else found.contradiction
                raise GradientError(f"expected {slope:.9g}, found {claim}")
        raise InconclusiveError(f"no steps show a slope, and {claim} can be compared with none")

    def complex_step(self) -> ComplexStep:
        a, b = (self.slopes.complex_step(self.unit, h) for h in (1e-60, 1e-40))
        if a is None or b is None or not np.isfinite(self.claim):
            return ComplexStep()
        is_zero = abs(self.claim) <= ROUNDING_ZERO * a.terms
        scale = a.terms if is_zero else max(abs(self.claim), abs(self.claim + a.value))
        if abs(a.value - b.value) > a.noise + b.noise + 1e-9 * scale:
            return ComplexStep()  # it depends on the size of the step: not analytic here
        if abs(a.value) > max(a.noise, self.tolerance * scale):
            return ComplexStep(contradiction=self.claim + a.value)
        share = (abs(a.value) + a.noise) / scale if scale else 0.0
        return ComplexStep(match=share) if share <= self.limit else ComplexStep()

    def _by_differences(self, seen: Sweep, step: ComplexStep) -> float:
        if seen.is_still and not self._really_still():
            raise InconclusiveError(
                "no step changes more than the rounding of the output, which is large beside "
                "the input; take the large constant out of the forward, or rescale the input"
            )
        if seen.match is not None and (
            seen.contradiction is None or (seen.is_lost and step.contradiction is None)
        ):
            return seen.match
        if seen.match is not None:
            raise InconclusiveError(
                "large and small steps show different slopes, such as "
                f"{seen.contradiction:.9g}: a kink is near, or the forward loses digits by "
                "rounding; choose another input, or rescale it"
            )
        if seen.contradiction is not None and (
            not seen.is_lost or self._same(step.contradiction, seen.contradiction)
        ):
            return self._wrong(seen.contradiction)
        if seen.kink is not None:
            raise KinkError(
                f"the function has a kink here: its slope is {seen.kink[0]:.6g} to the left "
                f"and {seen.kink[1]:.6g} to the right, so it has no derivative to compare "
                "with; move that input away from it"
            )
        raise InconclusiveError(_no_plateau(step))

    def _really_still(self):
        """Whether an output that does not move does not depend on the element."""
        gap, point = self.slopes.complex_step(self.unit), self.slopes.point
        if gap is None:  # would a slope of 1 show, in a step of a tenth of the element?
            size = max(abs(float(self.slopes.x[self.index])), 1.0)
            largest = np.abs(point.y[np.isfinite(point.y)]).max(initial=0.0)
            return EPS * largest <= 1e-6 * size
        return gap.terms == 0 or gap.terms <= 8 * self._rounding()

    def _same(self, a, b):
        return a is not None and abs(a - b) <= 1e-3 * max(abs(a), abs(b))

    def _wrong(self, expected: float) -> float:
        """Raise a GradientError, unless rounding may have made the difference."""
        noise = 8 * self._rounding()
        if abs(expected - self.claim) > noise:
            raise GradientError(f"expected {expected:.9g}, found {self.claim:.9g}")
        share = (abs(expected - self.claim) + noise) / max(abs(expected), abs(self.claim))
        if (
            share <= self.limit or abs(self.claim) <= noise
        ):  # a sum of terms that cancel: a zero
            return min(share, self.limit)
        raise InconclusiveError(
            "it changes by one part in "
            f"{1 / share:.0f} when the inputs change in their last digits, because large terms "
            "cancel; rescale the input, or choose a smaller one"
        )

    def _rounding(self) -> float:
        """The change of the gap, and of the gradient's last digits, as the inputs change."""
        point, position, rng = self.slopes.point, self.slopes.position, np.random.default_rng(0)
        gap, changes = self.slopes.complex_step(self.unit), []
        for by in MOVES:
            with point.moved(by, rng) as near:
                slopes = Slopes(near, position)
                again = slopes.complex_step(self.unit)
                if gap is not None and again is not None:
                    changes.append(abs(again.value - gap.value))
                if by == MOVES[0]:
                    changes.append(abs(float(slopes.gradient[self.index]) - self.claim))
        return max(changes)


def _no_plateau(step):
    text = (
        "no range of steps shows one slope: the forward loses digits by rounding, or it bends "
        "sharply or jumps near this input; rescale the input, choose a larger one, or use mode "
        "'complex' if the forward is analytic"
    )
    if step.match is not None:
        text += " (a complex step agrees with it: declare(operation, analytic=True) says so)"
    return text
