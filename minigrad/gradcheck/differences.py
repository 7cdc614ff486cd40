"""Numerical derivatives of a function of Tensors, for the gradient checker.

Two things make this more than a difference quotient. An operation with a *surrogate* (ternary
linear) is replaced, while differences are taken, by the surrogate made where the backward pass
ran: what is then compared is the gradient that the operation promises. And an operation with
*kinks* (relu) tells on which side of them its inputs lie: where the two ends of a difference
disagree there is no derivative to compare with, and a KinkError says so.
"""

from __future__ import annotations

import numpy as np

from ..engine import no_grad, observe, replace_forwards
from ..tensor import Tensor

STEP = np.finfo(np.float64).eps ** (1 / 3)  # 6e-6: truncation and rounding errors are equal
IMAGINARY_STEP = 1e-30


class KinkError(ValueError):
    """A point where the function has a corner, and so no derivative."""


class Difference:
    """`function` around the point `values`, which holds Tensors and integer arrays."""

    def __init__(self, function, values):
        self.function, self.values = function, values
        self.surrogates: list[tuple] = []  # (operation, its smooth twin) in order of use

    def record(self) -> Tensor:
        """Run the function, recorded, at the point itself; remember surrogates and kinks."""
        witness = _Witness()
        with observe(witness):
            y = self.function(*self.values)
        if not isinstance(y, Tensor):
            raise TypeError(
                f"gradcheck: the function returned {type(y).__name__}, not a Tensor"
            )
        for operation, side in witness.sides:
            _expect_no_kink(operation, side == 0)
        self.surrogates = [
            (operation, operation.surrogate(*arrays, **options))
            for operation, arrays, options in witness.surrogate_calls
        ]
        return y

    def surrogates_in_words(self) -> list[str]:
        operations = {operation.name: operation for operation, _ in self.surrogates}
        return [
            f"{name} is a staircase, whose derivative teaches nothing; its gradient was "
            f"compared with its surrogate's: {_first_line(operation.surrogate)}"
            for name, operation in operations.items()
        ]

    def along_imaginary(self, position, direction, dy):
        """As `along`, by an imaginary step: exact but for the last digits."""
        x = self.values[position].data
        y, _ = self._evaluate(position, x + 1j * IMAGINARY_STEP * direction)
        slope = float((dy * y.imag).sum()) / IMAGINARY_STEP
        return slope, 1e-14 * float(np.abs(dy * y.imag).sum()) / IMAGINARY_STEP

    def along_refined(self, position, direction, dy):
        """As `along`, by shorter steps, for a function that bends within the usual one.

        So do relu² at 0, and a norm whose input is tiny. Shortening a step by 16 shrinks the
        error of bending 16 or 256 times; a quarter of the change is a safe bound on the rest.
        The rounding error grows instead, so the most certain of the estimates is returned.
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
        """The output, and the sides of all kinks, with one input's data exchanged."""
        tensor, waiting = self.values[position], iter(self.surrogates)
        data, witness = tensor.data, _Witness()

        def replace(operation):
            if operation.surrogate is None:
                return operation.forward
            _, smooth = next(waiting)
            return lambda *arrays, **options: (smooth(*arrays), None)

        try:
            tensor.data = array
            with no_grad(), observe(witness), replace_forwards(replace):
                return self.function(*self.values).data, witness.sides
        finally:
            tensor.data = data


class _Witness:
    """Notes the calls of operations with a surrogate, and the sides of those with kinks."""

    def __init__(self):
        self.sides, self.surrogate_calls = [], []

    def forward(self, operation, arrays, options, y, node, seconds):
        if operation.surrogate is not None:
            self.surrogate_calls.append((operation, arrays, options))
        if operation.side is not None:
            self.sides.append((operation, operation.side(*arrays, **options)))

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
