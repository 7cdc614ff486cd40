"""Dropout: set random elements to 0 while training, and enlarge the others to make up for it.

    forward    k is 1 with probability 1 - p, else 0, drawn for each element
               y = x k / (1 - p)                                          x's shape
    backward   y depends on x through a factor alone:  dx = dy k / (1 - p)
    saved      k, and p       1 byte per element
    source     Srivastava et al. 2014, JMLR 15(56); the factor 1/(1 - p) keeps the mean of y at
               x, so that evaluation needs no dropout and no factor

p = 0 is the identity. The forward draws from a copy of `rng`. So it gives the same y for the
same arguments, as every operation does, also when a check or a viewer runs it again.
functional.dropout takes the generator of the whole training and makes a new one from it for
each call, so each call drops other elements. A gradient check runs a function several times,
and each run must drop the same ones. So the function makes its generator itself:

    gradcheck(lambda x: F.dropout(x * x, p=0.5, rng=np.random.default_rng(3)), x)
"""

from copy import deepcopy

import numpy as np

from ..errors import expect_number


def dropout_forward(x, *, p, rng=None):
    expect_number("dropout", "p", p, least=0, below=1)
    _expect_generator(rng)
    k = np.asarray(deepcopy(rng).random(x.shape) >= p)  # the same in float32 and in float64
    return x * k / (1 - p), (k, p)


def dropout_backward(dy, saved):
    k, p = saved
    return (dy * k / (1 - p),)


def generator_of_one_call(rng):
    """A new generator, whose seed is the next number of `rng`."""
    _expect_generator(rng)
    return np.random.default_rng(rng.integers(2**63))


def _expect_generator(rng):
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"dropout: rng is {rng!r}, expected a np.random.Generator; make one with "
            "np.random.default_rng(seed) before the first step and pass it to every call"
        )
