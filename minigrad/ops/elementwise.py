"""Arithmetic, element by element, with NumPy's broadcasting.

forward    y = a + b, a - b, a b, a / b   shapes a, b broadcast to the shape of y
           y = aᵖ                         p is a number, an option, never differentiated
backward   add       da = dy              db = dy
           subtract  da = dy              db = -dy
           multiply  da = dy b            db = dy a
           divide    da = dy / b          db = -dy a / b²
           power     da = dy p a^(p-1)
           An input that was stretched to the shape of y was used once per copy, and its
           gradient is the sum over the copies: `sum_to_shape`.
saved      add, subtract: two shapes, no array; multiply, divide: a and b; power: a
source     NumPy's broadcasting rules; the sum over copies is the chain rule: if b_j was used
           in every y_ij, then db_j = Σ_i dy_ij ∂y_ij/∂b_j
"""

import numpy as np

from ..errors import ShapeError, expect_broadcast


def sum_to_shape(dy, shape):
    """Sum `dy` over the axes along which `shape` was broadcast.

    Example:
        >>> sum_to_shape(np.ones((2, 3, 5)), (3, 1))
        array([[10.],
               [10.],
               [10.]])
    """
    if dy.shape == shape:  # the usual case: nothing was broadcast
        return dy
    # Broadcasting adds axes on the left and stretches axes of size 1.
    added = dy.ndim - len(shape)
    stretched = [
        axis + added
        for axis, size in enumerate(shape)
        if size == 1 and dy.shape[axis + added] != 1
    ]
    return dy.sum(axis=(*range(added), *stretched)).reshape(shape)


def add_forward(a, b):
    _expect_broadcast("add", a, b)
    return a + b, (a.shape, b.shape)  # the gradients depend on no value, so none is kept


def add_backward(dy, saved):
    a_shape, b_shape = saved
    # Both may be the same array dy. So nobody may change a returned gradient in place.
    return sum_to_shape(dy, a_shape), sum_to_shape(dy, b_shape)


def subtract_forward(a, b):
    _expect_broadcast("subtract", a, b)
    return a - b, (a.shape, b.shape)  # as for add


def subtract_backward(dy, saved):
    a_shape, b_shape = saved
    return sum_to_shape(dy, a_shape), sum_to_shape(-dy, b_shape)


def multiply_forward(a, b):
    _expect_broadcast("multiply", a, b)
    return a * b, (a, b)  # each is the derivative with respect to the other


def multiply_backward(dy, saved):
    a, b = saved
    # First the product, then the sum: each copy of a met its own element of b.
    return sum_to_shape(dy * b, a.shape), sum_to_shape(dy * a, b.shape)


def divide_forward(a, b):
    _expect_broadcast("divide", a, b)
    return a / b, (a, b)


def divide_backward(dy, saved):
    a, b = saved
    da = dy / b  # also a factor of db
    db = -da * a / b  # divided by b twice: b² may overflow where a / b² does not
    return sum_to_shape(da, a.shape), sum_to_shape(db, b.shape)


def power_forward(a, *, p):
    if np.ndim(p) != 0:
        raise ShapeError(f"power: p has shape {np.shape(p)}, expected one number")
    return a**p, (a, p)  # not y: the gradient dy p y / a would be NaN where a is 0


def power_backward(dy, saved):
    a, p = saved
    # For p = 0, y is constant, but the formula would give 0 · 0⁻¹ = NaN where a is 0.
    return (dy * p * a ** (p - 1) if p != 0 else np.zeros_like(dy),)


def _expect_broadcast(name, a, b):
    if a.shape != b.shape and b.shape:  # equal shapes or a number always fit
        expect_broadcast(name, a=a, b=b)
