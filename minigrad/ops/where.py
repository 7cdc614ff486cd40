"""where: take each element from one of two arrays. masked_fill: put one number at some places.

    forward    where         y = a where condition, else b      all three broadcast to y's shape
               masked_fill   y = value where mask, else x       mask broadcasts to x's shape
    backward   An element of y is a copy of one element, and does not depend on the other:
               where         da = dy where condition, else 0 ;  db = 0 where condition, else dy
               da and db are summed over the axes along which a and b were broadcast
               masked_fill   dx = 0 where mask, else dy
    saved      condition or mask      1 byte per element of it
    source     y = m a + (1 - m) b, with a mask m of ones and zeros

condition and mask hold booleans, or integers, of which only 0 is false. They have no gradient.
value is a number, an option.

The code selects and does not multiply, because 0 · inf is NaN. So an infinity or a NaN at a
place that was not chosen reaches neither y nor a gradient. And value may be -inf: attention
masks its scores so before the softmax.

One step earlier, a product can still make NaN. where(x > 0, log(x), 0) sends dy = 0 to log, and
at x = 0 log makes 0 / 0 of it. Choose before that: log(where(x > 0, x, 1)).
"""

import numpy as np

from ..errors import DtypeError, ShapeError, expect_broadcast, expect_number
from .elementwise import sum_to_shape


def where_forward(condition, a, b):
    condition = _booleans("where", "condition", condition)
    expect_broadcast("where", condition=condition, a=a, b=b)
    return np.where(condition, a, b), (condition, a.shape, b.shape)


def where_backward(dy, saved):
    condition, a_shape, b_shape = saved
    da, db = np.where(condition, dy, 0), np.where(condition, 0, dy)
    return None, sum_to_shape(da, a_shape), sum_to_shape(db, b_shape)


def masked_fill_forward(x, mask, *, value):
    mask = _booleans("masked_fill", "mask", mask)
    if np.ndim(value) != 0:
        raise ShapeError(
            f"masked_fill: value has shape {np.shape(value)}, expected one number; "
            "use where(mask, values, x) for an array"
        )
    expect_number("masked_fill", "value", value, finite=False)
    pairs = zip(mask.shape[::-1], x.shape[::-1], strict=False)
    if mask.ndim > x.ndim or any(m not in (1, n) for m, n in pairs):
        raise ShapeError(
            f"masked_fill: mask has shape {mask.shape}, which does not broadcast to x "
            f"{x.shape}; counted from the right, each size of the mask must be x's or 1"
        )
    return np.where(mask, value, x), (mask,)


def masked_fill_backward(dy, saved):
    (mask,) = saved
    return np.where(mask, 0, dy), None


def _booleans(where, name, condition):
    """The condition as booleans; numbers with a fraction are refused."""
    if condition.dtype.kind not in "biu":
        raise DtypeError(
            f"{where}: {name} has dtype {condition.dtype}, expected booleans or integers; "
            f"compare first, as in {name} > 0"
        )
    return condition.astype(bool, copy=False)
