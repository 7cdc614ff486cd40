"""One element of a gradient: right, wrong or undecided, by every test that there is."""

import numpy as np

from .answers import GradientError, InconclusiveError, KinkError
from .complex_step import ComplexStep, complex_step
from .rounding import Rounding
from .slopes import EPS, Slopes
from .sweep import Sweep, sweep

NOT_ANALYTIC = (
    "a complex step and differences show different slopes, so the forward is not analytic (it "
    "uses abs, max or a comparison of complex numbers); use mode 'auto'"
)
HIDDEN = (
    "it is so small that the rounding error of an output that depends on it may hide a part of "
    "it; rescale the input"
)
NO_COMPLEX_STEP = (
    "a complex step shows no slope: the forward cannot be run with complex numbers, or it is "
    "not analytic here; use mode 'auto'"
)


class Element:
    """The element at `index` of the gradient of one input."""

    def __init__(self, slopes: Slopes, index: tuple, tolerance: float, limit: float):
        self.slopes, self.index, self.limit = slopes, index, limit
        self.tolerance = tolerance
        self.claim = float(slopes.gradient[index])
        self.rounding = Rounding(slopes, index)

    def decide(self, complex_leads: bool, demands_analytic: bool) -> float:
        """The relative error that would have been noticed, if the element is right.

        Raises:
            GradientError: it is wrong. InconclusiveError: undecided, with the reason.
        """
        if not np.isfinite(self.claim):
            return self._not_finite()
        seen, step = self._sweep(), self.complex_step()
        if demands_analytic and step.is_empty and not seen.is_constant:
            raise InconclusiveError(NO_COMPLEX_STEP)
        if not complex_leads or step.is_empty:
            return self._by_differences(seen, step)
        if self.rounding.makes_zero(seen, step):
            return EPS
        if self._opposed(seen, step):
            if demands_analytic:
                raise InconclusiveError(NOT_ANALYTIC)
            return self._by_differences(seen, step)
        if step.match is not None:
            self._expect_visible(step.slopes == 0)
            return step.match
        is_alone = not _are_alike(seen.contradiction, step.contradiction)
        if is_alone and not self.slopes.point.is_analytic:
            raise InconclusiveError(
                f"a complex step shows the slope {step.contradiction:.9g}, and differences do "
                "not confirm it: rounding, or a forward that is not analytic; use mode 'auto'"
            )
        return self._wrong(step.contradiction, seen, step)

    def _expect_visible(self, still: np.ndarray | None = None) -> None:
        """Raise unless a relative error of the limit would show in spite of rounding."""
        if self.claim != 0 and self.rounding.conceals(self.limit * self.claim, still):
            raise InconclusiveError(HIDDEN)

    def _opposed(self, seen: Sweep, step: ComplexStep) -> bool:
        """Whether the differences clearly show another slope than the complex step."""
        if step.match is not None:
            return seen.contradicts and seen.match is None
        if seen.match is None or seen.contradicts:
            return False
        if seen.is_weak and self.slopes.point.is_analytic:
            return False
        largest = max(abs(self.claim), abs(step.contradiction))
        return abs(step.contradiction - self.claim) > (4 * seen.match + 1e-6) * largest

    def _sweep(self) -> Sweep:
        return sweep(self.slopes, self.index, max(self.tolerance, 1e-7), self.limit)

    def _not_finite(self):
        """Raise a GradientError with the slope, if there is one: NaN never passes."""
        if not np.isfinite(self.slopes.point.y).all():
            raise InconclusiveError("the output is not finite here; choose another input")
        self.slopes.gradient = self.slopes.gradient.copy()
        claim, self.slopes.gradient[self.index], self.claim = self.claim, 0.0, 0.0
        found = [self.complex_step(), self._sweep()]
        self.claim = self.slopes.gradient[self.index] = claim
        for slope in found:
            if slope.match is not None or slope.contradiction is not None:
                expected = 0.0 if slope.contradiction is None else slope.contradiction
                raise GradientError(f"expected {expected:.9g}, found {claim}")
        raise InconclusiveError("no step shows a slope to compare it with")

    def complex_step(self) -> ComplexStep:
        return complex_step(self.slopes, self.index, self.tolerance, self.limit)

    def _by_differences(self, seen: Sweep, step: ComplexStep) -> float:
        is_zero = self.claim == 0 and seen.match is not None and step.contradiction is not None
        if is_zero and not self.rounding.makes_zero(seen, step):
            raise InconclusiveError(
                "small steps show no slope, and a complex step shows the slope "
                f"{step.contradiction:.3g}; take large constants out of the forward"
            )
        if seen.match is not None:
            shaken = seen.is_weak or seen.is_contested
            if seen.contradicts or (shaken and step.match is None):
                raise InconclusiveError(
                    "large and small steps show different slopes: a kink or a jump is near, or "
                    "the forward loses digits by rounding; choose another input, or rescale it"
                )
            if step.match is None:
                self._expect_visible()
            return seen.match
        if seen.contradiction is not None and self._is_blamed(seen, step):
            return self._wrong(seen.contradiction, seen, step, seen.step)
        if seen.kink is not None:
            raise KinkError(
                f"the function has a kink here: its slope is {seen.kink[0]:.6g} to the left "
                f"and {seen.kink[1]:.6g} to the right, so it has no derivative to compare "
                "with; move that input away from it"
            )
        raise InconclusiveError(_no_plateau(step, self.slopes.point.allows_complex))

    def _is_blamed(self, seen: Sweep, step: ComplexStep) -> bool:
        """Whether nothing speaks for the claim against the slope that the differences show."""
        agree = _are_alike(seen.contradiction, step.contradiction)
        if seen.is_lost:  # alone, they would show 0 where a sum swallows the steps
            return agree and not seen.is_near
        if seen.is_abrupt and not agree:
            return not seen.is_near and step.contradiction is None
        return step.match is None or not self.slopes.point.is_analytic

    def _wrong(self, expected, seen: Sweep, step: ComplexStep, t: float = 0.0) -> float:
        """Raise a GradientError, unless rounding may have made the difference.

        t is the real step that showed the expected slope; a complex one adds no rounding.
        """
        larger, error = max(abs(expected), abs(self.claim)), abs(expected - self.claim)
        jitter = noise = 8 * self.rounding.change()
        if t:
            noise = max(jitter, 8 * self.rounding.noise(t))
        is_hidden = self.rounding.hides(larger, seen, step)
        if error > noise and not is_hidden:
            raise GradientError(_difference(expected, self.claim))
        if error + noise <= self.limit * larger:
            return (error + noise) / larger
        if is_hidden and error <= jitter and abs(self.claim) <= jitter:
            return self.limit  # a sum of large terms that cancel: a zero
        raise InconclusiveError(
            f"a slope of {expected:.9g} was found, and rounding may have made the difference, "
            "because large terms cancel; rescale the input, or choose a smaller one"
        )


def _no_plateau(step, allows_complex):
    text = (
        "no range of steps shows one slope: the forward loses digits by rounding, or it bends "
        "sharply or jumps near this input; rescale the input, or choose a larger one"
    )
    if allows_complex:
        text += ", or use mode 'complex' if the forward is analytic"
    if step.match is not None:
        text += " (a complex step agrees with it: declare(operation, analytic=True) says so)"
    return text


def _difference(expected, found):
    """Both numbers, with as many digits as it takes to see the difference."""
    digits = 9 if f"{expected:.9g}" != f"{found:.9g}" else 17
    return f"expected {expected:.{digits}g}, found {found:.{digits}g}"


def _are_alike(a, b):
    return None not in (a, b) and abs(a - b) <= 1e-3 * max(abs(a), abs(b))
