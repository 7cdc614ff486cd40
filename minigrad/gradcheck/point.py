"""A function of Tensors at one point, reduced to one number: L = Σ dy·y with a random dy.

While the function runs at a moved point, an operation with a *surrogate* runs the surrogate
that was made where the backward pass ran. So the gradient that the operation promises is
compared. An operation with *kinks* tells on which side of them its inputs lie.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from ..engine import no_grad, observe
from ..tensor import Tensor
from .answers import InconclusiveError
from .calls import Calls
from .declarations import SURROGATES, replaced_forwards
from .outputs import as_outputs, flat, gradient_of, walk_back
from .rules import RulesObserver, broken_forward


class Point:
    """`function` at `values`, a list of leaf Tensors and of arrays of integers.

    After `run_backward`: y and dy, flat, of all outputs together, and the gradient of each
    value, None for integers.
    """

    def __init__(self, name: str, function: Callable, values: list):
        self.name, self.function, self.values = name, function, values
        self.surrogates: list[tuple] = []  # (operation, its surrogate here) in order of use
        self.is_analytic = True  # all operations are known to allow a complex step
        self.allows_complex = True  # no operation is known not to
        self.runs = 0
        self.y = self.dy = np.zeros(0)
        self.gradients: list = []
        self.calls: list[tuple] = []  # (operation, arrays, options), not of the table's

    def run_backward(self, draw: Callable[[tuple], np.ndarray]) -> None:
        """Run the function and its backward pass from dy = draw(shape), held to the rules."""
        leaves = [value for value in self.values if isinstance(value, Tensor)]
        rules = RulesObserver()
        try:
            for leaf in leaves:
                rules.set_aside(leaf)
                leaf.requires_grad = True
            with observe(rules):
                outputs = self._record()
                self.y = flat(outputs)
                _expect_numbers(self.name, self.y)
                # An infinite output shows no change, so the loss must not use it.
                self.dy = np.where(np.isfinite(self.y), draw(self.y.shape), 0.0)
                walk_back(outputs, self.dy)
            self.gradients = [gradient_of(value) for value in self.values]
            self.calls = list(rules.calls.values())
        finally:
            rules.restore()

    def _record(self):
        calls = Calls()
        try:
            with observe(calls):
                outputs = as_outputs(self.function(*self.values))
        except (TypeError, ValueError) as error:
            raise broken_forward(error) from error
        calls.expect_no_kink()
        self.is_analytic, self.allows_complex = calls.are_analytic(), calls.allow_complex()
        self.surrogates = [
            (operation, SURROGATES[operation.forward](*arrays, **options))
            for operation, arrays, options in calls.with_surrogate
        ]
        return outputs

    def expect_same_again(self) -> None:
        """Raise an InconclusiveError if a second run gives another result."""
        again, _ = self.evaluate(0, getattr(self.values[0], "data", None))
        same = (again == self.y) | (np.isnan(again) & np.isnan(self.y))
        near = np.abs(again - self.y) <= 1e-9 * np.abs(self.y)  # a surrogate rounds otherwise
        if not (same | near).all():
            raise InconclusiveError(
                f"{self.name}: two runs at the same inputs differ, so no difference shows a "
                "derivative; draw the same random numbers in each run: pass the generator as "
                "an option (rng=np.random.default_rng(0)), which the checker copies for each "
                "run, make it inside the function, or call model.eval() first"
            )

    def evaluate(self, position: int, array: np.ndarray) -> tuple[np.ndarray, list]:
        """All outputs, flat, and the sides of all kinks, with one input replaced."""
        self.runs += 1
        tensor, calls = self.values[position], Calls()
        in_order = iter([function for _, function in self.surrogates])

        def surrogate(*arrays, **options):
            return next(in_order)(*arrays), None

        operations = {operation for operation, _ in self.surrogates}
        data = getattr(tensor, "data", None)
        try:
            if isinstance(tensor, Tensor):
                tensor.data = array
            replaced = replaced_forwards(operations, surrogate)
            with no_grad(), observe(calls), replaced:
                y = flat(as_outputs(self.function(*self.values)))
        finally:
            if isinstance(tensor, Tensor):
                tensor.data = data
        if y.shape != self.y.shape:
            raise InconclusiveError(
                f"{self.name}: the size of the output changes when the input moves by a small "
                "step, so there is no derivative to compare with; choose another input"
            )
        return y, calls.sides

    @contextmanager
    def moved(self, by: float, rng: np.random.Generator) -> Iterator["Point"]:
        """The same function and dy with every number changed by a small share of itself.

        The gap of a wrong gradient hardly changes with it, and one by rounding does.
        """
        leaves = {id(v): v for v in self.values if isinstance(v, Tensor)}.values()
        data = [leaf.data for leaf in leaves]
        try:
            for leaf in leaves:
                leaf.data = leaf.data * (1 + by * rng.uniform(-1.0, 1.0, leaf.shape))
            near = Point(self.name, self.function, self.values)
            near.run_backward(lambda shape: self.dy)
            yield near
        finally:
            for leaf, array in zip(leaves, data, strict=True):
                leaf.data = array

    def remarks(self) -> list[str]:
        """A sentence for each operation whose surrogate was compared."""
        surrogates = {o.name: SURROGATES[o.forward] for o, _ in self.surrogates}
        return [
            f"{name} is piecewise constant, with the derivative 0 almost everywhere; its "
            f"gradient was compared with its surrogate's: {_first_line(surrogate)}"
            for name, surrogate in surrogates.items()
        ]


def _expect_numbers(name, y):
    if np.isnan(y).any():
        raise InconclusiveError(
            f"{name}: output {int(np.isnan(y).argmax())} (flat) is NaN, so it has no slope; "
            "choose inputs within the domain of the function"
        )


def _first_line(function):
    name = getattr(function, "__name__", "a function")
    return (function.__doc__ or f"{name}, which has no docstring").splitlines()[0]
