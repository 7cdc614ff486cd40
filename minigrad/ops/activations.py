"""Functions of one number, applied to every element.

    forward    exp           y = eˣ                   relu          y = max(x, 0)
               log           y = ln x                 relu_squared  y = max(x, 0)²
               tanh          y = tanh x               sigmoid       y = σ(x) = 1 / (1 + e⁻ˣ)
               sqrt          y = √x
    backward   given dy:
               exp           dx = dy y                relu          dx = dy where x > 0, else 0
               log           dx = dy / x              relu_squared  dx = 2 dy max(x, 0)
               tanh          dx = dy (1 - y²)         sigmoid       dx = dy y (1 - y)
               sqrt          dx = dy / 2y
    saved      exp, tanh, sigmoid, sqrt: y; log: x; relu, relu_squared: max(x, 0)
    kinks      relu has no derivative at 0; backward returns 0 there, as PyTorch does.
               relu_squared is smooth at 0: both one-sided derivatives are 0.
               sqrt has an infinite slope at 0: dx is dy / 0 there, infinite, and NaN if dy = 0.
               A small ε under the root prevents this, as in rms_norm.py.
    source     relu²: So et al. 2021, "Primer", arXiv:2109.08668

Each keeps one array: x or y, whichever makes its derivative cheapest.
"""

import numpy as np


def exp_forward(x):
    y = np.exp(x)
    return y, (y,)


def exp_backward(dy, saved):
    (y,) = saved
    return (dy * y,)


def log_forward(x):
    return np.log(x), (x,)


def log_backward(dy, saved):
    (x,) = saved
    return (dy / x,)


def sqrt_forward(x):
    y = np.sqrt(x)
    return y, (y,)


def sqrt_backward(dy, saved):
    (y,) = saved
    return (dy / (2 * y),)


def tanh_forward(x):
    y = np.tanh(x)
    return y, (y,)


def tanh_backward(dy, saved):
    (y,) = saved
    return (dy * (1 - y * y),)


def sigmoid(x):
    """σ(x). For very negative x, e⁻ˣ overflows to infinity, and σ is 0, which is right."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def sigmoid_forward(x):
    y = sigmoid(x)
    return y, (y,)


def sigmoid_backward(dy, saved):
    (y,) = saved
    return (dy * y * (1 - y),)


def relu(x):
    """max(x, 0). The sign of a complex x (of the complex step) is the sign of its real part."""
    return np.maximum(x, 0) if x.dtype.kind == "f" else np.where(x.real > 0, x, 0)


def relu_forward(x):
    y = relu(x)
    return y, (y,)


def relu_backward(dy, saved):
    (y,) = saved
    return (np.where(y > 0, dy, 0),)


def relu_squared_forward(x):
    r = relu(x)
    return r * r, (r,)


def relu_squared_backward(dy, saved):
    (r,) = saved
    return (2 * dy * r,)
