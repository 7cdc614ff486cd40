"""Numerical derivatives of a function of Tensors, for the gradient checker.

While differences are taken, an operation with a *surrogate* runs the surrogate that was made
where the backward pass ran. So the gradient that the operation promises is compared. An
operation with *kinks* tells on which side of them its inputs lie. If the two ends of a
difference lie on different sides, there is no derivative, and a KinkError says so.
"""

import numpy as np

from ..engine import no_grad, observe
from ..tensor import Tensor
from .declarations import SIDES, SURROGATES, replaced_forwards

STEP = np.finfo(np.float64).eps ** (1 / 3)  # 6e-6: truncation and rounding errors are equal
IMAGINARY_STEP = 1e-30


class KinkError(ValueError):
    """A point where the function has a kink, and so no derivative."""


class Difference:
    """`function` around the point `values`, a list of Tensors and integer arrays."""

    def __init__(self, function, values):
        self.function, self.values = function, values
        self.surrogates: list[tuple] = []  # (operation, its surrogate here) in order of use

    def record(self) -> Tensor:
        """Run the function, recorded, at the point itself; keep its surrogates."""
        with observe(_Calls()) as calls:
            y = self.function(*self.values)
        if not isinstance(y, Tensor):
            raise TypeError(
                f"gradcheck: the function returned {type(y).__name__}, not a Tensor"
            )
        for operation, side in calls.sides:
            _expect_no_kink(operation, side == 0)
        self.surrogates = [
            (operation, SURROGATES[operation.forward](*arrays, **options))
            for operation, arrays, options in calls.with_surrogate
        ]
        return y

    def remarks(self) -> list[str]:
        """A sentence for each operation whose surrogate was compared."""
        surrogates = {o.name: SURROGATES[o.forward] for o, _ in self.surrogates}
        return [
            f"{name} is piecewise constant, with the derivative 0 almost everywhere; its "
            f"gradient was compared with its surrogate's: {_first_line(surrogate)}"
            for name, surrogate in surrogates.items()
        ]

    def along_imaginary(self, position, direction, dy):
        """As `along`, by an imaginary step: exact except for the last digits."""
        x = self.values[position].data
        y, _ = self._evaluate(position, x + 1j * IMAGINARY_STEP * direction)
        slope = float((dy * y.imag).sum()) / IMAGINARY_STEP
        return slope, 1e-14 * float(np.abs(dy * y.imag).sum()) / IMAGINARY_STEP

    def along_refined(self, position, direction, dy):
        """As `along`, by shorter steps, for a function that bends within the usual one.

        relu² at 0 bends so, and a norm whose input is tiny. A step that is 16 times shorter
        makes the truncation error 16 or 256 times smaller; a quarter of the change is a safe
        bound on the rest. The rounding error grows, so the most certain estimate is returned.
        """
        slope, estimates = self.along(position, direction, dy)[0], []
        for shorten in (16, 256):
            coarse = slope
            slope, rounding = self.along(position, direction, dy, shorten)
            estimates.append((slope, rounding + abs(slope - coarse) / 4))
        return min(estimates, key=lambda estimate: estimate[1])

    def along(self, position, direction, dy, shorten=1):
        """d(Σ dy·y)/dh for inputs[position] + h·direction, and the rounding error to allow."""
        x = self.values[position].data
        step = STEP * max(1.0, float(np.abs(x[direction != 0]).max(initial=0.0))) / shorten
        up, up_sides = self._evaluate(position, x + step * direction)
        down, down_sides = self._evaluate(position, x - step * direction)
        for (operation, above), (_, below) in zip(up_sides, down_sides, strict=True):
            _expect_no_kink(operation, above != below)
        rounding = 4 * np.finfo(np.float64).eps * float(np.abs(dy * up).sum()) / step
        return float((dy * (up - down)).sum()) / (2 * step), rounding

    def _evaluate(self, position, array):
        """The output, and the sides of all kinks, with the data of one input replaced."""
        tensor, calls = self.values[position], _Calls()
        data, in_order = tensor.data, iter([function for _, function in self.surrogates])

        def surrogate(*arrays, **options):
            return next(in_order)(*arrays), None

        operations = {operation for operation, _ in self.surrogates}
        try:
            tensor.data = array
            with no_grad(), observe(calls), replaced_forwards(operations, surrogate):
                return self.function(*self.values).data, calls.sides
        finally:
            tensor.data = data


class _Calls:
    """Observes the calls of operations with a surrogate, and the sides of those with kinks."""

    def __init__(self):
        self.sides, self.with_surrogate = [], []

    def forward(self, operation, arrays, options, y, node, seconds):
        if operation.forward in SURROGATES:
            self.with_surrogate.append((operation, arrays, options))
        if operation.forward in SIDES:
            self.sides.append((operation, SIDES[operation.forward](*arrays, **options)))

    def backward(self, node, dy, gradients, seconds):
        pass


def _first_line(function):
    name = getattr(function, "__name__", "a function")
    return (function.__doc__ or f"{name}, which has no docstring").splitlines()[0]


def _expect_no_kink(operation, on_kink):
    if on_kink.any():
        index = tuple(int(i) for i in np.argwhere(on_kink)[0])
        raise KinkError(
            f"{operation.name}: its input at index {index} lies on a kink, or within the step "
            "of one, and there is no derivative to compare with; move that input away from it"
        )
