"""Cumulative sum: each element becomes the sum of itself and of all elements before it.

forward    y[t] = Σ_(s ≤ t) x[s] along `axis`                             x's shape
backward   x[s] is part of y[s] and of all y[t] after it, so
           dx[s] = Σ_(t ≥ s) dy[t] :  the cumulative sum of dy from the end
saved      the axis; no array
source     y = A @ x with a triangle A of ones, A_ts = 1 for s ≤ t, so dx = Aᵀ @ dy
"""

import numpy as np

from ..errors import expect_axis


def cumulative_sum_forward(x, *, axis):
    axis = expect_axis("cumulative_sum", "x", x.ndim, axis)
    return np.cumsum(x, axis=axis), (axis,)


def cumulative_sum_backward(dy, saved):
    (axis,) = saved
    return (np.flip(np.cumsum(np.flip(dy, axis), axis=axis), axis),)
