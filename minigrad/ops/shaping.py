"""Moving elements without changing them: reshape, transpose, concatenate, index.

forward    each element of y is a copy of one element of x
backward   each element of x collects the gradient of all its copies: the inverse move.
           reshape: reshape back; transpose: the inverse permutation; concatenate: split at
           the borders; index: add into zeros, so that an element taken twice gets both
saved      shapes, axes, borders or the index; no array but an index array
source     y = P @ x with a matrix P of zeros and ones, so dx = Pᵀ @ dy
"""

import numpy as np

from ..errors import DtypeError, ShapeError, expect_axis


def reshape_forward(x, *, shape):
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    try:
        # -1 is the one size that may be left open. NumPy takes any negative number for it.
        y = x.reshape(shape) if min(shape, default=0) >= -1 else None
    except (TypeError, ValueError):
        y = None
    if y is None:
        raise ShapeError(
            f"reshape: x has shape {x.shape}, {x.size} elements, not fit for {shape}"
        )
    return y, (x.shape,)


def reshape_backward(dy, saved):
    (shape,) = saved
    return (dy.reshape(shape),)


def transpose_forward(x, *, axes=None):
    axes = range(x.ndim)[::-1] if axes is None else axes
    axes = (axes,) if isinstance(axes, int) else tuple(axes)
    try:
        return x.transpose(axes), (axes,)
    except (TypeError, ValueError):
        raise ShapeError(
            f"transpose: axes {axes} must name each axis of x {x.shape} exactly once"
        ) from None


def transpose_backward(dy, saved):
    (axes,) = saved
    inverse = np.argsort([a % dy.ndim for a in axes])
    return (dy.transpose(inverse),)


def concatenate_forward(*arrays, axis=0):
    if not arrays:
        raise ShapeError("concatenate: there is no array to join; pass at least one")
    expect_axis("concatenate", "the first array", arrays[0].ndim, axis)
    try:
        y = np.concatenate(arrays, axis=axis)
    except ValueError:
        shapes = ", ".join(str(a.shape) for a in arrays)
        raise ShapeError(
            f"concatenate: shapes {shapes} must agree everywhere but on axis {axis}"
        ) from None
    borders = np.cumsum([a.shape[axis] for a in arrays])[:-1].tolist()
    return y, (borders, axis)


def concatenate_backward(dy, saved):
    borders, axis = saved
    return tuple(np.split(dy, borders, axis=axis))


def index_forward(x, *, key):
    if any(hasattr(part, "filled") for part in (key if isinstance(key, tuple) else (key,))):
        raise DtypeError("index: key has a mask, which would be lost; use key.compressed()")
    try:
        return np.asarray(x[key]), (x.shape, key)
    except (IndexError, ValueError) as error:  # ValueError: a list with unequal rows
        raise ShapeError(f"index: x has shape {x.shape}, and {error}") from None


def index_backward(dy, saved):
    shape, key = saved
    dx = np.zeros(shape, dy.dtype)
    parts = key if isinstance(key, tuple) else (key,)
    if all(isinstance(part, (slice, int, np.integer, type(None), type(...))) for part in parts):
        dx[key] = dy  # each element was taken at most once
    else:
        np.add.at(dx, key, dy)  # not dx[key] += dy, which would count a repeated index once
    return (dx,)
