"""The gradient checker: is this backward pass the derivative of that forward pass?

    y = f(x), a random dy, and L = Σ dy·y. The backward pass claims dx = ∂L/∂x. Then for any
    direction d, moving x by h·d must change L by h·Σ dx·d:

    projection   one random d per input, (L(x + h d) - L(x - h d)) / 2h against Σ dx·d:
                 two forwards per input, however large; a wrong element cannot hide, because
                 d weighs all of them at random
    full         d = each unit vector in turn: every element, two forwards each
    complex      d random and h imaginary, Im L(x + i h d) / h: nothing is subtracted, so h can
                 be 1e-30 and the answer is exact to the last digits; f must be analytic

dy is random because a gradient of ones hides every mistake that sums to nothing. All is done in
float64: in float32 the difference of two L's has about one correct digit left.

source   central differences: Griewank & Walther 2008, chapter 1; complex step: Squire & Trapp
         1998, SIAM Review 40(1); projection: the check of autograd and PyTorch's fast mode
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .differences import Difference, KinkError
from .engine import observe
from .errors import DtypeError
from .ops import TABLE, Operation
from .tensor import Tensor, apply

__all__ = ["GradientError", "KinkError", "Report", "gradcheck"]

MODES = ("projection", "full", "complex")
TOLERANCE = {"projection": 1e-7, "full": 1e-7, "complex": 1e-11}


class GradientError(AssertionError):
    """A gradient that is not the derivative; the message names where, expected and found."""


@dataclass
class Report:
    """What was checked: one (argument, expected, found) per comparison, and remarks in words.

    Printed, it shows the widest pair of each argument.
    """

    name: str
    mode: str
    compared: list[tuple[str, float, float]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def __str__(self):
        lines = [f"{self.name}: {self.mode} check passed, {len(self.compared)} comparisons"]
        for argument in dict.fromkeys(argument for argument, _, _ in self.compared):
            pairs = [(e, f) for a, e, f in self.compared if a == argument]
            e, f = max(pairs, key=lambda pair: abs(pair[0] - pair[1]))
            lines.append(f"  {argument}: expected {e:.9g}, found {f:.9g} (the widest apart)")
        return "\n".join(lines + [f"  {remark}" for remark in self.remarks])


def gradcheck(
    f: Operation | str | Callable[..., Tensor],
    *inputs,
    mode: str = "projection",
    seed: int = 0,
    tolerance: float | None = None,
    **options,
) -> Report:
    """Check the backward pass of `f` at `inputs`; a GradientError locates the fault.

    Args:
        f: an Operation, the name of one in the table, or any function of Tensors.
        inputs: float64 arrays or Tensors to differentiate by (a leaf Tensor is used itself,
            so a model's own parameters can be checked; it is left as it was), and integer
            arrays, which are passed on.
        mode: "projection", "full" or "complex": see this page.
        seed: of the random dy and directions; another seed is another check.
        tolerance: largest relative error; by default 1e-7, for complex 1e-11.
        options: passed to f.

    Raises:
        GradientError: a gradient is wrong: its value, its shape or its dtype.
        KinkError: an input is on a kink, where no derivative exists to compare with.
        DtypeError: an input is not float64.

    Example:
        >>> report = gradcheck("rms_norm", np.array([[3.0, -4.0]]), np.array([0.5, 2.0]))
        >>> [argument for argument, _, _ in report.compared]
        ['x', 'w']
    """
    if mode not in MODES:
        raise ValueError(f"gradcheck: mode is {mode!r}, expected one of {MODES}")
    f = TABLE[f] if isinstance(f, str) else f
    name, arguments = _names(f, inputs)
    values = [
        _input(argument, value) for argument, value in zip(arguments, inputs, strict=True)
    ]
    rng = np.random.default_rng(seed)
    function = (
        (lambda *xs: apply(f, *xs, **options))
        if isinstance(f, Operation)
        else (lambda *xs: f(*xs, **options))
    )
    difference = Difference(function, values)
    dy, gradients = _backward(name, difference, rng)
    report = Report(name, mode, remarks=difference.surrogates_in_words())
    compare = _Comparison(report, difference, dy, tolerance or TOLERANCE[mode], rng)
    for position, argument in enumerate(arguments):
        if isinstance(values[position], Tensor):
            compare.argument(position, argument, gradients[position])
    return report


def _backward(name, difference, rng):
    """A random dy for f's output, and the gradient of each input, under watch."""
    leaves = [value for value in difference.values if isinstance(value, Tensor)]
    wanted = [leaf.requires_grad for leaf in leaves]
    watch = _Watch()
    try:
        for leaf in leaves:
            leaf.requires_grad = True
            watch.set_aside(leaf)
        with observe(watch):
            y = difference.record()
            if y.node is None:
                raise GradientError(f"{name}: the output does not depend on any input")
            dy = rng.standard_normal(y.shape)
            dy.flags.writeable = False
            y.backward(dy)
        return dy, [getattr(value, "grad", None) for value in difference.values]
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise GradientError(
            f"{name}: an operation writes into its inputs, into dy or into what it saved; "
            "write only into arrays that it made itself"
        ) from error
    finally:
        watch.restore()
        for leaf, requires_grad in zip(leaves, wanted, strict=True):
            leaf.requires_grad = requires_grad


class _Comparison:
    """Compares one argument's gradient with differences of the forward pass."""

    def __init__(self, report, difference, dy, tolerance, rng):
        self.report, self.difference, self.dy = report, difference, dy
        self.tolerance, self.rng = tolerance, rng

    def argument(self, position, argument, gradient):
        shape = self.difference.values[position].shape
        gradient = np.zeros(shape) if gradient is None else gradient
        if self.report.mode == "full":
            for index in np.ndindex(shape):
                direction = np.zeros(shape)
                direction[index] = 1.0
                self._compare(position, argument, gradient, direction)
        else:
            direction = self.rng.standard_normal(shape)
            self._compare(position, argument, gradient, direction)

    def _compare(self, position, argument, gradient, direction):
        expected, found, error = self._error(position, gradient, direction)
        if error > 1:
            index = self._locate(position, gradient, direction)
            unit = np.zeros_like(direction)
            unit[index] = 1.0
            expected, found, _ = self._error(position, gradient, unit)
            raise GradientError(
                f"{self.report.name}: the gradient of {argument} is wrong at index {index}: "
                f"expected {expected:.9g}, found {found:.9g} "
                f"({self.report.mode} check, random dy)"
                + "".join(f"; {remark}" for remark in self.report.remarks)
            )
        self.report.compared.append((argument, expected, found))

    def _error(self, position, gradient, direction):
        """Expected and found derivative along a direction; their gap, 1 being allowed."""
        where = position, direction, self.dy
        moving = direction != 0  # a NaN that does not move is another direction's fault
        found = float(np.vdot(gradient[moving], direction[moving]))
        finite = gradient[np.isfinite(gradient)]
        typical = np.linalg.norm(finite) / max(1, gradient.size) ** 0.5
        size = max(abs(found), typical * np.linalg.norm(direction))

        def error(expected, doubt):
            gap = abs(expected - found)
            allowed = self.tolerance * max(size, abs(expected)) + doubt
            if gap == 0:
                return 0.0
            return gap / allowed if np.isfinite(gap) and allowed else np.inf

        if self.report.mode == "complex":
            estimate = self.difference.along_imaginary(*where)
        else:
            estimate = self.difference.along(*where)
            if error(*estimate) > 1:
                estimate = self.difference.along_refined(*where)
        return estimate[0], found, error(*estimate)

    def _locate(self, position, gradient, direction):
        """Halve the direction, keeping the worse half, until one element is left."""
        indices = np.flatnonzero(direction)
        while len(indices) > 1:
            halves = np.array_split(indices, 2)
            indices = max(
                halves, key=lambda half: self._gap(position, gradient, direction, half)
            )
        return tuple(int(i) for i in np.unravel_index(indices[0], direction.shape))

    def _gap(self, position, gradient, direction, indices):
        part = np.zeros_like(direction)
        part.flat[indices] = direction.flat[indices]
        expected, found, _ = self._error(position, gradient, part)
        return abs(expected - found) if np.isfinite(expected - found) else np.inf


class _Watch:
    """Holds operations to the rules: gradients fit their inputs, nothing is overwritten.

    What it must change for that, the leaves' gradients and the arrays' locks, it restores.
    """

    def __init__(self):
        self.inputs, self.leaves, self.locked = {}, {}, []

    def set_aside(self, leaf):
        """Give the leaf no gradient for now, and lock its data."""
        if id(leaf) not in self.leaves:
            self.leaves[id(leaf)] = leaf, leaf.grad
            leaf.grad = None
            self.lock(leaf.data)

    def lock(self, array):
        if array.flags.writeable:
            array.flags.writeable = False
            self.locked.append(array)

    def restore(self):
        for leaf, grad in self.leaves.values():
            leaf.grad = grad
        for array in sorted(self.locked, key=lambda array: array.base is not None):
            array.flags.writeable = True  # owners first: a view follows its owner

    def forward(self, operation, arrays, options, y, node, seconds):
        if node is not None:
            self.inputs[node] = [(a.shape, a.dtype) for a in arrays]
            for parent in node.parents:
                if isinstance(parent, Tensor):
                    self.set_aside(parent)
            for array in (*arrays, *_arrays_in(y), *_arrays_in(node.saved)):
                self.lock(array)

    def backward(self, node, dy, gradients, seconds):
        if node not in self.inputs:
            return  # recorded before the check began
        name, inputs = node.operation.name, self.inputs.pop(node)
        if len(gradients) != len(inputs):
            raise GradientError(
                f"{name}: backward returns {len(gradients)} gradients, expected {len(inputs)}, "
                "one per input (None for integers)"
            )
        names = _argument_names(node.operation.forward, len(inputs))
        for argument, gradient, (shape, dtype) in zip(names, gradients, inputs, strict=True):
            if gradient is not None and (gradient.shape, gradient.dtype) != (shape, dtype):
                raise GradientError(
                    f"{name}: the gradient of {argument} has shape {gradient.shape} and dtype "
                    f"{gradient.dtype}, expected {shape} and {dtype}"
                )


def _arrays_in(saved):
    items = saved if isinstance(saved, (tuple, list)) else (saved,)
    return [item for item in items if isinstance(item, np.ndarray)]


def _input(argument, value):
    """A leaf tensor for numbers, the array itself for integers; anything else is refused."""
    array = value.data if isinstance(value, Tensor) else np.asarray(value)
    if array.dtype.kind in "iu":
        return array
    if array.dtype != np.float64:
        raise DtypeError(
            f"gradcheck: {argument} is {array.dtype}, expected float64: the difference of two "
            "nearly equal float32 numbers has about one correct digit; use .astype(np.float64)"
        )
    is_leaf = isinstance(value, Tensor) and value.node is None
    return value if is_leaf else Tensor(array.copy(), requires_grad=True)


def _names(f, inputs):
    """The name of f and of each of its inputs."""
    if isinstance(f, Operation):
        return f.name, _argument_names(f.forward, len(inputs))
    names = _argument_names(f, len(inputs))
    named = [getattr(value, "name", None) or n for value, n in zip(inputs, names, strict=True)]
    return getattr(f, "__name__", type(f).__name__), named


def _argument_names(function, count):
    names = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            return names + [f"{parameter.name}[{i}]" for i in range(count - len(names))]
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
    if len(names) < count:
        raise TypeError(f"gradcheck: f takes {len(names)} inputs {names}, {count} were given")
    return names[:count]
