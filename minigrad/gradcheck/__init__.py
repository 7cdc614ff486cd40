"""The gradient checker: is this backward pass the derivative of that forward pass?

    y = f(x), a random dy, and L = Σ dy·y. The backward pass claims dx = ∂L/∂x. Then for any
    direction d, moving x by h·d must change L by h·Σ dx·d:

    projection   one random d per input, (L(x + h d) - L(x - h d)) / 2h against Σ dx·d:
                 two forwards per input, however large; a wrong element cannot hide, because
                 d weighs all of them at random
    full         d = each unit vector in turn: every element, two forwards each
    complex      d random and h imaginary, Im L(x + i h d) / h: nothing is subtracted, so h can
                 be 1e-30 and the answer is exact to the last digits; f must be analytic

dy is random because a gradient of ones hides every mistake that sums to 0. All is computed in
float64: in float32 the difference of two values of L has about one correct digit left.

source   central differences: Griewank & Walther 2008, chapter 1; complex step: Squire & Trapp
         1998, SIAM Review 40(1); projection: the check of autograd and PyTorch's fast mode
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ..engine import observe
from ..errors import DtypeError
from ..ops import TABLE, Operation
from ..tensor import Tensor, apply
from .comparison import TOLERANCE, Comparison
from .declarations import declare
from .differences import Difference, KinkError
from .rules import GradientError, RulesObserver, argument_names

__all__ = ["GradientError", "KinkError", "Report", "declare", "gradcheck"]

# A stream of the checker's own: dy must not equal inputs drawn from default_rng(seed).
OWN_STREAM = int.from_bytes(b"dy", "big")


@dataclass
class Report:
    """The comparisons that were made, as (argument, expected, found), and remarks.

    Its text shows, for each argument, the pair that lies furthest apart.
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
    if mode not in TOLERANCE:
        raise ValueError(f"gradcheck: mode is {mode!r}, expected one of {tuple(TOLERANCE)}")
    f = TABLE[f] if isinstance(f, str) else f
    name, arguments = _names(f, inputs)
    values = [_input(*pair) for pair in zip(arguments, inputs, strict=True)]
    rng = np.random.default_rng([seed, OWN_STREAM])
    function = partial(apply, f) if isinstance(f, Operation) else f
    difference = Difference(partial(function, **options), values)
    dy, gradients = _backward(name, difference, rng)
    report = Report(name, mode, remarks=difference.remarks())
    around = report, difference, dy, tolerance or TOLERANCE[mode]
    for position, (argument, gradient) in enumerate(zip(arguments, gradients, strict=True)):
        if gradient is not None:
            Comparison(*around, position, gradient).run(argument, rng)
    return report


def _backward(name, difference, rng):
    """A random dy for f's output, and the gradient of each input, None for integers."""
    leaves = [value for value in difference.values if isinstance(value, Tensor)]
    rules = RulesObserver()
    try:
        for leaf in leaves:
            rules.set_aside(leaf)
            leaf.requires_grad = True
            leaf.grad = np.zeros_like(leaf.data)  # the gradient if f does not use it
        with observe(rules):
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
        rules.restore()


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
        return f.name, argument_names(f.forward, len(inputs))
    names = argument_names(f, len(inputs))
    named = [getattr(value, "name", None) or n for value, n in zip(inputs, names, strict=True)]
    return getattr(f, "__name__", type(f).__name__), named
