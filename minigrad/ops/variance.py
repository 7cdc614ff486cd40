"""Variance: the mean squared distance from the mean, over all axes or over some.

    forward    over the n elements i along `axis` (None: all; an int, or several):
               c_i = x_i - mean(x)
               y = Σ_i c_i² / (n - ddof)
    backward   given dy: ∂c_i/∂x_j = [i = j] - 1/n, where [i = j] is 1 if i is j, else 0. So
               ∂y/∂x_j = 2/(n - ddof) · (c_j - 1/n Σ_i c_i), and Σ_i c_i = 0:
               dx = dy 2 c / (n - ddof)
    saved      c      4 bytes per element of x in float32
    source     ddof = 1 is Bessel's correction: the mean of y over many samples is then the
               variance of what they were drawn from

ddof means "delta degrees of freedom". It is 0 by default, as in NumPy. PyTorch calls it
correction, and its default is 1.
"""

import math

import numpy as np

from ..errors import expect_axes, expect_number


def var_forward(x, *, axis=None, ddof=0, keepdims=False):
    axes = expect_axes("var", "x", x, axis)
    n = math.prod(x.shape[a] for a in axes)
    expect_number("var", "ddof", ddof)
    if not n > ddof:
        raise ValueError(
            f"var: x has shape {x.shape}, which gives n = {n} over axis {axis}, and ddof is "
            f"{ddof}; expected n > ddof, because y is divided by n - ddof"
        )
    c = x - x.mean(axis=axes, keepdims=True)  # x's shape
    y = (c * c).sum(axis=axes, keepdims=keepdims) / (n - ddof)
    return np.asarray(y), (c, axes, n - ddof)


def var_backward(dy, saved):
    c, axes, divisor = saved
    kept = tuple(1 if a in axes else size for a, size in enumerate(c.shape))
    return (dy.reshape(kept) * c * (2 / divisor),)
