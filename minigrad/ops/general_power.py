"""The general power: the exponent is an array, too.

forward    y = aᵇ                            shapes a, b broadcast to the shape of y
backward   da = dy b a^(b-1)
           db = dy y ln a                    because aᵇ = e^(b ln a)
           both summed over the axes along which a and b were broadcast
           where b = 0: y = 1 for every a, and da = 0
           where a = 0: y = 0 for every b > 0, and db = 0; also for b = 0, as in PyTorch
           where a < 0: y is real for whole b only, so no derivative in b exists; db is NaN
saved      a, b, y
source     the chain rule for e^u with u = b ln a

elementwise.py has the power whose exponent is one number.
"""

import numpy as np

from ..errors import expect_broadcast
from .elementwise import sum_to_shape


def general_power_forward(a, b):
    expect_broadcast("general_power", a=a, b=b)
    y = np.asarray(a**b)
    return y, (a, b, y)


def general_power_backward(dy, saved):
    a, b, y = saved
    with np.errstate(invalid="ignore", divide="ignore"):  # np.where computes both cases
        da = np.where(b == 0, 0, dy * b * a ** (b - 1))
        db = np.where((a == 0) & (b.real >= 0), 0, dy * y * np.log(a))
    return sum_to_shape(da, a.shape), sum_to_shape(db, b.shape)
