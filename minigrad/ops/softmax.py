"""Softmax: any numbers become probabilities, positive, with sum 1. Log-softmax: ln of it.

    forward    over the entries i along `axis` (an int, or several):
               softmax       y_i = e^(x_i) / Σ_j e^(x_j)
               log_softmax   y_i = x_i - ln Σ_j e^(x_j)
    backward   given dy. With p = softmax(x), [i = j] = 1 where i is j, else 0:
               ∂p_i/∂x_j = p_i ([i = j] - p_j), and Σ_i dy_i ∂p_i/∂x_j gives
               softmax       dx = y (dy - Σ_i dy_i y_i)
               ∂ln p_i/∂x_j = [i = j] - p_j, and with p = e^y
               log_softmax   dx = dy - e^y Σ_i dy_i
    saved      y      4 bytes per element in float32
    source     Bridle 1990, "Probabilistic interpretation of feedforward classification network
               outputs", in Neurocomputing, Springer, pages 227-236

The largest entry of a row is subtracted from the row first. No probability changes, and e^x
cannot overflow.

An entry of -inf is masked. Its softmax is exactly 0, and so is its gradient. Its log-softmax
is -inf. A row without an entry above -inf has no probabilities: this is an error. A row with a
NaN or with +inf becomes NaN, as in PyTorch.
"""

import numpy as np

from ..errors import expect_axes


def softmax_forward(x, *, axis=-1):
    axes = expect_axes("softmax", "x", x, axis)
    e = np.exp(x - _top("softmax", x, axes))  # between 0 and 1, and 0 where x is -inf
    y = e / e.sum(axis=axes, keepdims=True)
    return y, (y, axes)


def softmax_backward(dy, saved):
    y, axes = saved
    # The mean of dy, weighted by y, goes: a number added to all of x changes no probability.
    return (y * (dy - (dy * y).sum(axis=axes, keepdims=True)),)


def log_softmax_forward(x, *, axis=-1):
    axes = expect_axes("log_softmax", "x", x, axis)
    x = x - _top("log_softmax", x, axes)
    # Not the logarithm of the softmax: that is -inf where a small probability is rounded to 0.
    y = x - np.log(np.exp(x).sum(axis=axes, keepdims=True))
    return y, (y, axes)


def log_softmax_backward(dy, saved):
    y, axes = saved
    return (dy - np.exp(y) * dy.sum(axis=axes, keepdims=True),)


def _top(where, x, axes):
    """The largest entry of each row; raises if a row has no entry above -inf."""
    # real: the complex step's x is complex. initial: a row of length 0 has a top, too.
    top = x.real.max(axis=axes, keepdims=True, initial=-np.inf)
    if (top == -np.inf).any():
        first = np.argwhere(top == -np.inf)[0]
        row = ", ".join(":" if a in axes else str(i) for a, i in enumerate(first))
        raise ValueError(
            f"{where}: x[{row}] has no entry above -inf, so it has no probabilities; "
            "leave at least one entry of each row unmasked"
        )
    return top
