"""The gradient checker: is this backward pass the derivative of that forward pass?

    y = f(x), a random dy, and L = Σ dy·y. The backward pass claims dx = ∂L/∂x. Then for any
    direction d, moving x by h·d must change L by h·Σ dx·d. There are three answers:

    right               a Report. An error of 1e-4 in any element, as a share of that element's
                        own size, would have been noticed.
    GradientError       wrong: the message has the index, the expected and the found number
    InconclusiveError   undecided: the message says why, and what to change

    Modes:

    auto         complex steps if all operations are known to allow them, else differences; one
                 direction moves all elements whose gradient has about the same effect
    projection   the same by differences alone, (L(x + h d) - L(x - h d)) / 2h
    full         every element by itself
    complex      complex steps alone, Im L(x + i h d) / h: nothing is subtracted, so h can be
                 1e-60 and the answer is exact to the last digits; f must be analytic

    dy is random because a gradient of ones hides every mistake that sums to 0. All is computed
    in float64: in float32 the difference of two values of L has about one correct digit left.

files    point, calls, outputs: the function; slopes: one step; comparison, groups: all
         elements, a few runs for many; element, sweep, plateaus, complex_step, rounding: one
         element, by steps of all sizes; rules, operation_rules: writes, shapes, dtypes
beside   mutation: does your own test notice a wrong backward? pytest_plugin, cases, contract:
         tests in one line; torch_functions: PyTorch's autograd.Function
source   central differences: Griewank & Walther 2008, chapter 1; complex step: Squire & Trapp
         1998, SIAM Review 40(1); extrapolation: Richardson 1911; projection: the check of
         autograd and PyTorch's fast mode
"""

from collections.abc import Callable, Sequence

import numpy as np

from ..ops import Operation
from ..tensor import Tensor, apply
from .answers import GradientError, InconclusiveError, KinkError, Report
from .comparison import Comparison
from .declarations import declare
from .inputs import as_function, as_inputs, expect_settings, fresh, name_of
from .mutation import mutate
from .operation_rules import expect_float32, expect_forward
from .point import Point

__all__ = [
    "GradientError",
    "InconclusiveError",
    "KinkError",
    "Report",
    "check_pair",
    "declare",
    "gradcheck",
    "mutate",
]

# A stream of the checker's own: dy must not equal inputs drawn from default_rng(seed).
OWN_STREAM = int.from_bytes(b"dy", "big")
TOLERANCE = 1e-7  # relative


@np.errstate(all="ignore")  # steps may leave the domain
def gradcheck(
    f: Operation | str | Callable[..., Tensor],
    *inputs,
    mode: str = "auto",
    seed: int = 0,
    tolerance: float | None = None,
    options: dict | None = None,
    **more_options,
) -> Report:
    """Check the backward pass of `f` at `inputs`.

    Args:
        f: an Operation, the name of one in the table, or any function of Tensors that returns
            a Tensor or a tuple of Tensors.
        inputs: float64 arrays, lists or Tensors to differentiate by (a leaf Tensor is used
            itself, so a model's own parameters can be checked; it is left as it was), and
            arrays of integers or booleans, which are passed on.
        mode: "auto", "projection", "full" or "complex": see this page.
        seed: of the random dy and directions; another seed is another check.
        tolerance: largest relative error that passes; by default 1e-7.
        options, more_options: passed to f; a dict can hold names such as `mode` and `seed`. A
            random generator among them is copied for each run, so all runs draw the same.

    Raises:
        GradientError: a gradient is wrong, or an operation breaks a rule.
        InconclusiveError: neither right nor wrong can be shown; a KinkError if the point is
            on a kink, where no derivative exists.
        DtypeError: an input is not float64.

    Example:
        >>> report = gradcheck("rms_norm", np.array([[3.0, -4.0]]), np.array([0.5, 2.0]))
        >>> [argument for argument, _, _ in report.compared]
        ['x', 'w']
    """
    expect_settings(mode, seed, tolerance)
    f, options = as_function(f), {**(options or {}), **more_options}
    names, values = as_inputs(f, inputs)
    if isinstance(f, Operation):
        expect_forward(f, values, options)
    tolerance = TOLERANCE if tolerance is None else tolerance
    rng = np.random.default_rng([seed, OWN_STREAM])
    point = Point(name_of(f), _with_options(f, options), values)
    point.run_backward(rng.standard_normal)
    point.expect_same_again()
    report = Report(point.name, mode, remarks=point.remarks())
    _compare(report, point, names, rng, tolerance)
    return report


def _with_options(f, options):
    def function(*arguments):
        if isinstance(f, Operation):
            return apply(f, *arguments, **fresh(options))
        return f(*arguments, **fresh(options))

    return function


def _compare(report, point, names, rng, tolerance):
    """Compare the gradient of each input; raise what is wrong, else what is undecided."""
    undecided = []
    for position, argument in enumerate(names):
        if isinstance(point.values[position], Tensor):
            comparison = Comparison(report, argument, point, position, rng, tolerance)
            comparison.run()
            undecided += comparison.undecided
    for call in point.calls:
        expect_float32(*call)
    if undecided:  # last, because a wrong gradient says more
        more = f" ({len(undecided)} elements are undecided)" if undecided[1:] else ""
        raise type(undecided[0])(f"{undecided[0]}{more}")


def check_pair(
    forward: Callable, backward: Callable, arrays: Sequence, **settings_and_options
) -> Report:
    """Check two plain functions on arrays, without a Tensor; the rest is as for gradcheck.

    The functions have the form of an operation: forward(*arrays, **options) returns (y, saved),
    and backward(dy, saved) a tuple with one gradient per array, None for arrays of integers.

    Example:
        >>> def square(x):
        ...     return x * x, (x,)
        >>> def square_backward(dy, saved):
        ...     return (2 * dy * saved[0],)
        >>> check_pair(square, square_backward, [np.array([3.0, -1.5])]).name
        'square'
    """
    ids = tuple(i for i, a in enumerate(arrays) if np.asarray(a).dtype.kind in "iub")
    name = getattr(forward, "__name__", "forward").removesuffix("_forward")
    operation = Operation(name, forward, backward, integer_inputs=ids)
    return gradcheck(operation, *arrays, **settings_and_options)
