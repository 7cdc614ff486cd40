"""Smooth functions of one number whose gradients are hard to check; see hard_gradients.py."""

import math

import numpy as np
from hard_pairs import a_shape, hard, of_one_number, positive, signed, spread

ROOT = math.sqrt(2 / math.pi)
ones = np.ones_like


def sigmoid(x):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def bell(x):
    """sigmoid'(x) without cancellation."""
    return np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))) ** 2


def erf(x):
    x = np.asarray(x)
    if x.dtype == object:
        return np.vectorize(lambda number: number.erf(), [object])(x)
    return np.vectorize(math.erf, [float])(x)


def phi(x):
    """The distribution function of the normal distribution."""
    return (1 + erf(x / math.sqrt(2))) / 2


def density(x):
    return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def sech2(x):
    """tanh'(x) without cancellation or overflow."""
    return np.where(np.abs(x) < 340, 1 / np.cosh(np.clip(x, -340, 340)) ** 2, 0)


def gelu_slope(x):
    t = np.tanh(ROOT * (x + 0.044715 * x**3))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * ROOT * (1 + 3 * 0.044715 * x * x)


def some_at_zero(rng):
    return np.abs(spread(rng, a_shape(rng), zeros=0.3))


# name: (y, derivative, points)
ANALYTIC = {
    "square": (lambda x: x * x, lambda x: 2 * x, signed(zeros=0.1)),
    "cube": (lambda x: x**3, lambda x: 3 * x * x, signed(zeros=0.1)),
    "x to the 7th": (lambda x: x**7, lambda x: 7 * x**6, signed(zeros=0.1)),
    "square root": (np.sqrt, lambda x: 0.5 / np.sqrt(x), positive()),
    "square root near 0": (np.sqrt, lambda x: 0.5 / np.sqrt(x), positive(-14, -6)),
    "x to the 1.5": (lambda x: x**1.5, lambda x: 1.5 * np.sqrt(x), positive()),
    "x to the 1.5 at 0": (lambda x: x**1.5, lambda x: 1.5 * np.sqrt(x), some_at_zero),
    "one over x": (lambda x: 1 / x, lambda x: -1 / x**2, signed()),
    "one over x squared": (lambda x: x**-2.0, lambda x: -2 / x**3, signed()),
    "log": (np.log, lambda x: 1 / x, positive()),
    "log near 0": (np.log, lambda x: 1 / x, positive(-14, -7)),
    "log1p": (np.log1p, lambda x: 1 / (1 + x), positive()),
    "x log x": (lambda x: x * np.log(x), lambda x: 1 + np.log(x), positive()),
    "exp": (np.exp, np.exp, signed(-8, 2.5)),
    "expm1": (np.expm1, np.exp, signed(-8, 2.5)),
    "exp minus 1": (lambda x: np.exp(x) - 1, np.exp, signed(-8, 1)),
    "sine": (np.sin, np.cos, signed(-8, 5)),
    "steep sine": (lambda x: np.sin(1e4 * x), lambda x: 1e4 * np.cos(1e4 * x), signed(-8, 2)),
    "1 minus cosine": (lambda x: 1 - np.cos(x), np.sin, signed(-4, 1)),
    "saturated sigmoid": (sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x)), signed(-8, 1.6)),
    "sigmoid": (sigmoid, bell, signed(-8, 1.6)),
    "tanh": (np.tanh, sech2, signed(-8, 1.2)),
    "steep tanh": (lambda x: np.tanh(1e6 * x), lambda x: 1e6 * sech2(1e6 * x), signed(-8, -5)),
    "narrow tanh": (lambda x: np.tanh(1e6 * x), lambda x: 1e6 * sech2(1e6 * x), signed()),
    "narrow peak": (
        lambda x: np.exp(-1e8 * x * x),
        lambda x: -2e8 * x * np.exp(-1e8 * x * x),
        signed(-6, -3.5),
    ),
    "naive softplus": (lambda x: np.log(1 + np.exp(x)), sigmoid, signed(-8, 1.4)),
    "silu": (
        lambda x: x * sigmoid(x),
        lambda x: sigmoid(x) + x * bell(x),
        signed(-8, 2, 0.1),
    ),
    "gelu by tanh": (
        lambda x: 0.5 * x * (1 + np.tanh(ROOT * (x + 0.044715 * x**3))),
        gelu_slope,
        signed(-8, 1, 0.1),
    ),
    "times 1e-200": (lambda x: 1e-200 * x, lambda x: 1e-200 * ones(x), signed(zeros=0.2)),
    "times 1e200": (lambda x: 1e200 * x, lambda x: 1e200 * ones(x), signed(zeros=0.2)),
    # The derivative is plain, but a difference of the forward loses digits.
    "plus 1e12": (lambda x: x + 1e12, ones, signed(zeros=0.1)),
    "plus 1e8, minus 1e8": (lambda x: (x + 1e8) - 1e8, ones, signed(zeros=0.1)),
    "1 plus x, minus 1": (lambda x: (1 + x) - 1, ones, signed(zeros=0.1)),
    "expanded (x - 1)²": (
        lambda x: x * x - 2 * x + 1,
        lambda x: 2 * (x - 1),
        lambda rng: 1 + signed(-5, 1)(rng),
    ),
    "x² + 1e10": (lambda x: x * x + 1e10, lambda x: 2 * x, signed(-2, 6)),
    "root of x² + 1e16": (
        lambda x: np.sqrt(x * x + 1e16),
        lambda x: x / np.sqrt(x * x + 1e16),
        signed(-2, 9),
    ),
}
for name, parts in ANALYTIC.items():
    of_one_number(name, *parts, analytic=True)

of_one_number("plus 1e30", lambda x: x + 1e30, ones, signed(), analytic=True, kind="hidden")
of_one_number(
    "softplus",
    lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    sigmoid,
    signed(-8, 2.5),
    lambda x: np.log(1 + np.exp(x)),
)
of_one_number(
    "gelu", lambda x: x * phi(x), lambda x: phi(x) + x * density(x), signed(-8, 1, 0.1)
)


@hard("half of it swallowed", analytic=True)
def _(rng):
    """(x + far) - far + x: tiny steps are lost in the first term. They show half the slope."""
    far = 10 ** rng.uniform(3, 13)
    x = np.asarray(rng.standard_normal(a_shape(rng)) * 10 ** rng.uniform(-3, 3))
    return lambda x: ((x + far) - far + x, ()), lambda dy, _: (2 * dy,), (x,)


@hard("ripple", analytic=True)
def _(rng):
    """x + s sin(x / s): from far away the slope is 1, but it lies between 0 and 2."""
    s = 10 ** rng.uniform(-8, -2)
    x = np.asarray(rng.standard_normal(a_shape(rng)))
    return (
        lambda x: (x + s * np.sin(x / s), (x,)),
        lambda dy, saved: (dy * (1 + np.cos(saved[0] / s)),),
        (x,),
    )
