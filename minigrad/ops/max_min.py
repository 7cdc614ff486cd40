"""The largest or the smallest element, over all axes or over some.

    forward    over the elements i along `axis` (None: all; an int, or several):
               max   y = max_i x_i
               min   y = min_i x_i
    backward   given dy: y moves with the element that it equals, and with no other. If k
               elements equal y, each of them receives one part in k:
               max   dx = dy / k where x = y, else 0
               min   dx = dy / k where x = y, else 0
    saved      where x = y      1 byte per element of x
    kinks      At a tie, k > 1, no derivative exists. Equal parts depend on no order of the
               elements, and their sum is dy. PyTorch's amax and amin share in the same way.
    source     Boyd & Vandenberghe, "Subgradients", notes for the course EE364b: at a tie, any
               weighted mean of the gradients of the tied elements is a subgradient

A NaN makes y NaN, as in NumPy. The elements that are NaN then receive the gradient.
"""

import numpy as np

from ..errors import ShapeError, expect_axes


def max_forward(x, *, axis=None, keepdims=False):
    axes = _expect_elements("max", x, axis)
    # Complex numbers (of the complex step) are ordered by their real parts first.
    return _chosen(x, x.max(axis=axes, keepdims=True), axes, keepdims)


def max_backward(dy, saved):
    is_y, axes = saved
    k = is_y.sum(axis=axes, keepdims=True)  # 1 where there is no tie
    part = dy.reshape(k.shape) / k.astype(dy.dtype)  # an int64 k would make float64
    return (np.where(is_y, part, 0),)


def min_forward(x, *, axis=None, keepdims=False):
    axes = _expect_elements("min", x, axis)
    return _chosen(x, x.min(axis=axes, keepdims=True), axes, keepdims)


def min_backward(dy, saved):
    return max_backward(dy, saved)  # the saved places tell all


def max_side(x, *, axis=None, keepdims=False):
    """For a checker: 1 for the only largest element, 0 for each of several, -1 for others."""
    return _side(*max_forward(x.real, axis=axis)[1])


def min_side(x, *, axis=None, keepdims=False):
    """For a checker: 1 for the only smallest element, 0 for each of several, -1 for others."""
    return _side(*min_forward(x.real, axis=axis)[1])


def _chosen(x, y, axes, keepdims):
    is_y = (x == y) | np.isnan(x)  # an element that is NaN makes y NaN, which equals nothing
    return y if keepdims else np.asarray(y.squeeze(axes)), (is_y, axes)


def _side(is_y, axes):
    is_tied = is_y.sum(axis=axes, keepdims=True) > 1
    return np.where(is_y, np.where(is_tied, 0, 1), -1)


def _expect_elements(where, x, axis):
    axes = expect_axes(where, "x", x, axis)
    empty = [a for a in axes if x.shape[a] == 0]
    if empty:
        raise ShapeError(
            f"{where}: x has shape {x.shape} and no element along axis {empty[0]}, "
            "so there is nothing to choose from; reduce over axes with at least one element"
        )
    return axes
