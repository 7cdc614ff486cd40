"""Functions that are linear between their kinks: abs, clip, maximum, minimum.

    forward    abs       y = |x|
               clip      y = min(max(x, low), high)    low and high are numbers, options
               maximum   y = max(a, b)                 a and b broadcast to the shape of y
               minimum   y = min(a, b)
    backward   abs       dx = dy where x > 0, -dy where x < 0, else 0
               clip      dx = dy where low < x < high, else 0
               maximum   da = dy ([a > b] + ½[a = b]) ;  db = dy ([b > a] + ½[a = b])
               minimum   da = dy ([a < b] + ½[a = b]) ;  db = dy ([b < a] + ½[a = b])
               [a > b] is 1 where a > b, else 0. da and db are summed over the axes along which
               a and b were broadcast.
    saved      abs: x; clip: where dx = dy, 1 byte per element of x;
               maximum, minimum: where y = a and where y = b, 2 bytes per element of y
    kinks      At a kink any number between the two slopes is a subgradient.
               abs at 0: 0, the middle of -1 and 1, as in PyTorch.
               maximum and minimum at a = b: half to each. No input comes first, and the sum is
               dy. max_min.py shares by the same rule, and so does PyTorch.
               clip at low and high: 0. So clip(x, low=0) has relu's values and gradients, also
               at 0. (PyTorch's clamp passes dy there.)
    source     Boyd & Vandenberghe, "Subgradients", notes for the course EE364b

A NaN makes y NaN, as in NumPy. maximum and minimum give the gradient to an input that is NaN.
"""

import numpy as np

from ..errors import expect_broadcast, expect_number
from .elementwise import sum_to_shape


def abs_forward(x):
    # Not np.abs: the complex step needs an analytic y. Not -x: |-0| would be -0.
    return np.where(x.real > 0, x, 0 - x), (x,)


def abs_backward(dy, saved):
    (x,) = saved
    return (dy * np.sign(x),)


def clip_forward(x, *, low=-np.inf, high=np.inf):
    for name, limit in (("low", low), ("high", high)):
        expect_number("clip", name, limit, finite=False)
    if not low <= high:  # false for a NaN, too
        raise ValueError(
            f"clip: low is {low} and high is {high}, expected two numbers, low <= high; "
            "leave out a limit that does not exist"
        )
    is_inside = (low < x.real) & (x.real < high)
    return np.clip(x, low, high), (is_inside,)


def clip_backward(dy, saved):
    (is_inside,) = saved
    return (np.where(is_inside, dy, 0),)


def maximum_forward(a, b):
    expect_broadcast("maximum", a=a, b=b)
    # Complex numbers (of the complex step) are ordered by their real parts first.
    y = np.maximum(a, b)
    return y, (_equals(a, y), _equals(b, y), a.shape, b.shape)


def maximum_backward(dy, saved):
    is_a, is_b, a_shape, b_shape = saved
    part = np.where(is_a & is_b, dy / 2, dy)  # half at a tie
    da, db = np.where(is_a, part, 0), np.where(is_b, part, 0)
    return sum_to_shape(da, a_shape), sum_to_shape(db, b_shape)


def minimum_forward(a, b):
    expect_broadcast("minimum", a=a, b=b)
    y = np.minimum(a, b)
    return y, (_equals(a, y), _equals(b, y), a.shape, b.shape)


def minimum_backward(dy, saved):
    return maximum_backward(dy, saved)  # the saved places tell all


def clip_side(x, *, low=-np.inf, high=np.inf):
    """For a checker: 1 between low and high, -1 outside, 0 on one of them."""
    x = x.real
    if low == high:
        return np.full(x.shape, -1)  # y is constant, without a kink
    return np.where((x == low) | (x == high), 0, np.where((low < x) & (x < high), 1, -1))


def larger_side(a, b):
    """For a checker: 1 where a > b, -1 where a < b, 0 at a tie."""
    return (a.real > b.real).astype(int) - (a.real < b.real)


def _equals(x, y):
    return (x == y) | np.isnan(x)  # an x that is NaN makes y NaN, which equals nothing
