# A wrong backward pass, found

import numpy as np

from minigrad.gradcheck import check_pair

# y = x · sigmoid(x). Its derivative is s + x s (1 - s). Which factor is missing below?


def silu(x):
    s = 1 / (1 + np.exp(-x))
    return x * s, (x, s)


def silu_backward(dy, saved):
    x, s = saved
    return (dy * (s + x * s),)


print(check_pair(silu, silu_backward, [np.array([0.5, -1.0, 2.0])]))
