"""Arithmetic, element by element, with NumPy's broadcasting.

    forward    y = a ∘ b                      shapes a, b broadcast to the shape of y
    backward   add       da = dy              db = dy
               subtract  da = dy              db = -dy
               multiply  da = dy b            db = dy a
               divide    da = dy / b          db = -dy a / b²
               power     da = dy p a^(p-1)    p is a number, an option, never differentiated
               An input that was stretched to y's shape was used once per copy, and its
               gradient is the sum over the copies: `sum_to_shape`.
    saved      add, subtract: two shapes, no array; multiply, divide: a and b; power: a
    source     NumPy's broadcasting rules; the sum over copies is the chain rule with
               ∂y_ij/∂b_j = 1 for every i

Inputs that do not broadcast are a ShapeError that names both shapes.
"""

from __future__ import annotations

import numpy as np

from ..errors import ShapeError


def sum_to_shape(dy, shape):
    """Sum `dy` over the axes along which `shape` was broadcast.

    Example:
        >>> sum_to_shape(np.ones((2, 3, 5)), (3, 1))
        array([[10.],
               [10.],
               [10.]])
    """
    if dy.shape == shape:
        return dy
    added = dy.ndim - len(shape)
    stretched = [
        axis + added
        for axis, size in enumerate(shape)
        if size == 1 and dy.shape[axis + added] != 1
    ]
    return dy.sum(axis=(*range(added), *stretched), keepdims=True).reshape(shape)


def add_forward(a, b):
    _expect_broadcast("add", a, b)
    return a + b, (a.shape, b.shape)


def add_backward(dy, saved):
    a_shape, b_shape = saved
    return sum_to_shape(dy, a_shape), sum_to_shape(dy, b_shape)


def subtract_forward(a, b):
    _expect_broadcast("subtract", a, b)
    return a - b, (a.shape, b.shape)


def subtract_backward(dy, saved):
    a_shape, b_shape = saved
    return sum_to_shape(dy, a_shape), sum_to_shape(-dy, b_shape)


def multiply_forward(a, b):
    _expect_broadcast("multiply", a, b)
    return a * b, (a, b)


def multiply_backward(dy, saved):
    a, b = saved
    return sum_to_shape(dy * b, a.shape), sum_to_shape(dy * a, b.shape)


def divide_forward(a, b):
    _expect_broadcast("divide", a, b)
    return a / b, (a, b)


def divide_backward(dy, saved):
    a, b = saved
    da = dy / b
    return sum_to_shape(da, a.shape), sum_to_shape(-da * a / b, b.shape)


def power_forward(a, *, p):
    if np.ndim(p) != 0:
        raise ShapeError(f"power: p has shape {np.shape(p)}, expected one number")
    return a**p, (a, p)


def power_backward(dy, saved):
    a, p = saved
    return (dy * p * a ** (p - 1) if p != 0 else np.zeros_like(dy),)


def _expect_broadcast(name, a, b):
    if a.shape == b.shape or not b.shape:
        return
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        raise ShapeError(
            f"{name}: a has shape {a.shape} and b has shape {b.shape}, which do not broadcast; "
            f"counted from the right, each pair of sizes must be equal or hold a 1"
        ) from None
