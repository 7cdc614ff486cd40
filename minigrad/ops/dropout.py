"""Dropout: set random elements to 0 while training, and enlarge the others to make up for it.

    forward    k is 1 with probability 1 - p, else 0, drawn for each element
               y = x k / (1 - p)                                          x's shape
    backward   y depends on x through a factor alone:  dx = dy k / (1 - p)
    saved      k, and p       1 byte per element
    source     Srivastava et al. 2014, JMLR 15(56); the factor 1/(1 - p) keeps the mean of y at
               x, so that evaluation needs no dropout and no factor

p = 0 is the identity. The numbers come from the np.random.Generator that is passed in, and each
forward draws new ones. So two runs give different y, and a difference of two runs is not a
derivative. For a gradient check each run must draw the same k. gradcheck copies a generator
among its options for each run. A function of several operations makes its own each time:

    gradcheck("dropout", x, p=0.5, rng=np.random.default_rng(3))
    gradcheck(lambda x: F.dropout(x * x, p=0.5, rng=np.random.default_rng(3)), x)
"""

import numpy as np


def dropout_forward(x, *, p, rng=None):
    if not 0 <= p < 1:
        raise ValueError(f"dropout: p is {p}, expected 0 or more and less than 1")
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"dropout: rng is {rng!r}, expected a np.random.Generator; make one with "
            "np.random.default_rng(seed) before the first step and pass it to every call"
        )
    k = np.asarray(rng.random(x.shape) >= p)  # the same k in float32 and in float64
    return x * k / (1 - p), (k, p)


def dropout_backward(dy, saved):
    k, p = saved
    return (dy * k / (1 - p),)
