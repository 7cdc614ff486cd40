"""Sums and means over axes.

    forward    y = Σ x   or   y = (1/n) Σ x   over `axis` (None: all; an int, or several)
    backward   every summed element entered with weight 1 (or 1/n), so each receives the
               whole dy (or dy/n): dx is dy, copied back along the summed axes
    saved      the shape of x and the axes; no array
    source     ∂(Σ_i x_i)/∂x_j = 1

`keepdims=True` leaves the summed axes in place with size 1, as in NumPy.
"""

import math

import numpy as np

from ..errors import expect_axes


def sum_forward(x, *, axis=None, keepdims=False):
    axes = expect_axes("sum", "x", x, axis)
    return np.asarray(x.sum(axis=axes, keepdims=keepdims)), (x.shape, axes)


def sum_backward(dy, saved):
    shape, axes = saved
    return (_copy_back(dy, shape, axes),)


def mean_forward(x, *, axis=None, keepdims=False):
    axes = expect_axes("mean", "x", x, axis)
    return np.asarray(x.mean(axis=axes, keepdims=keepdims)), (x.shape, axes)


def mean_backward(dy, saved):
    shape, axes = saved
    n = math.prod(shape) // max(1, dy.size)
    return (_copy_back(dy / n, shape, axes),)


def _copy_back(dy, shape, axes):
    kept = tuple(1 if a in axes else size for a, size in enumerate(shape))
    return np.broadcast_to(dy.reshape(kept), shape).copy()  # a gradient may be written to later
