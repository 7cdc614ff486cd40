"""Operations of one number whose gradients are hard to check, with a right backward each.

HARD maps a name to build(rng), which draws a Pair: a forward, its right backward, and arrays.
These forwards are plain NumPy, as a user writes them: steep, flat, cancelling, with kinks or
jumps close by, with elements from 1e-8 to 1e8 in one array. hard_rows.py adds operations of
whole rows. benchmarks/gradcheck.py holds each right backward against 120 digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

SHAPES = ((), (1,), (2,), (3,), (5,), (2, 3), (3, 5), (2, 3, 2), (7, 1), (0, 3))


@dataclass(frozen=True)
class Pair:
    """A forward and a right backward at a point.

    analytic: the complex step is right for this forward.
    exact: the forward for numbers that are not floats; `build` fills in the forward itself.
    kind: "plain"; "hidden" where float64 shows nothing of the derivative; "rounded" where the
        forward rounds far more than float64 does, so that its steps have the derivative 0;
        "random" where two runs differ.
    """

    name: str
    forward: Callable
    backward: Callable
    arrays: tuple
    analytic: bool = False
    exact: Callable | None = None
    kind: str = "plain"


HARD: dict[str, Callable[[np.random.Generator], Pair]] = {}


def build(rng: np.random.Generator, name: str) -> Pair:
    """Draw a pair by its name; its results have the dtype of what they are given."""
    pair = HARD[name](rng)

    def forward(*arrays):
        y, saved = pair.forward(*arrays)
        return in_dtype_of(arrays[0], y), saved

    def backward(dy, saved):
        return tuple(in_dtype_of(dy, g) for g in pair.backward(dy, saved))

    return replace(pair, forward=forward, backward=backward, exact=pair.exact or pair.forward)


def in_dtype_of(x, y):
    """y in float32 if x is; a float64 among the numbers of a function makes it float64."""
    return np.asarray(y, np.float32) if x.dtype == np.float32 else np.asarray(y)


# -- points --------------------------------------------------------------------------------


def a_shape(rng):
    return SHAPES[rng.integers(len(SHAPES))]


def sizes(rng, shape, low=-8.0, high=8.0):
    """Positive numbers: normal ones, of one random size, of many sizes, or one far smaller."""
    style = rng.integers(4)
    x = np.asarray(np.abs(rng.standard_normal(shape)) + 0.1)
    if style == 0 and low <= -1 and high >= 1:
        return x
    if style == 1:
        return x * 10 ** rng.uniform(low + 1, high - 1)
    exponents = np.asarray(rng.uniform(low, high, shape))
    if style == 2 and x.size > 1:
        exponents = rng.uniform((low + high) / 2, high) + rng.uniform(-0.1, 0, shape)
        exponents.flat[rng.integers(x.size)] = low + rng.uniform(0, (high - low) / 4)
    return np.asarray(10**exponents)


def spread(rng, shape, low=-8.0, high=8.0, zeros=0.0):
    """Numbers of both signs and many sizes; each is 0 with the probability `zeros`."""
    x = sizes(rng, shape, low, high) * rng.choice([-1.0, 1.0], shape)
    return np.asarray(np.where(rng.random(shape) < zeros, 0.0, x))


def signed(low=-8.0, high=8.0, zeros=0.0):
    return lambda rng: spread(rng, a_shape(rng), low, high, zeros)


def positive(low=-8.0, high=8.0):
    return lambda rng: sizes(rng, a_shape(rng), low, high)


# -- functions of one number ---------------------------------------------------------------


def of_one_number(name, y, slope, draw, analytic=True, exact=None, kind="plain"):
    """Add y(x) with the derivative slope(x) at points of `draw`."""

    def build(rng):
        return Pair(
            name,
            lambda x: (np.asarray(y(x)), (x,)),
            lambda dy, saved: (np.asarray(dy * slope(*saved)),),
            (draw(rng),),
            analytic,
            exact and (lambda x: (exact(x), ())),
            kind,
        )

    HARD[name] = build


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


def normal_density(x):
    return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def sech_squared(x):
    return np.where(np.abs(x) < 340, 1 / np.cosh(np.clip(x, -340, 340)) ** 2, 0)


ROOT = float(np.sqrt(2 / np.pi))
WAVE = 1e4


def gelu_slope(x):
    t = np.tanh(ROOT * (x + 0.044715 * x**3))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * ROOT * (1 + 3 * 0.044715 * x * x)


add = of_one_number
add("square", lambda x: x * x, lambda x: 2 * x, signed(zeros=0.1))
add("cube", lambda x: x**3, lambda x: 3 * x * x, signed(zeros=0.1))
add("x to the 7th", lambda x: x**7, lambda x: 7 * x**6, signed(zeros=0.1))
add("square root", np.sqrt, lambda x: 0.5 / np.sqrt(x), positive())
add("square root near 0", np.sqrt, lambda x: 0.5 / np.sqrt(x), positive(-14, -6))
add("x to the 1.5", lambda x: x**1.5, lambda x: 1.5 * np.sqrt(x), positive())
add(
    *("x to the 1.5, some at 0", lambda x: x**1.5, lambda x: 1.5 * np.sqrt(x)),
    lambda rng: np.abs(spread(rng, a_shape(rng), zeros=0.3)),
)
add("one over x", lambda x: 1 / x, lambda x: -1 / x**2, signed())
add("one over x squared", lambda x: x**-2.0, lambda x: -2 / x**3, signed())
add("log", np.log, lambda x: 1 / x, positive())
add("log near 0", np.log, lambda x: 1 / x, positive(-14, -7))
add("log1p", np.log1p, lambda x: 1 / (1 + x), positive())
add("expm1", np.expm1, np.exp, signed(-8, 2.5))
add("exp", np.exp, np.exp, signed(-8, 2.5))
add("exp minus 1", lambda x: np.exp(x) - 1, np.exp, signed(-8, 1))
add("sine", np.sin, np.cos, signed(-8, 5))
add(
    "sine of 1e4 x",
    lambda x: np.sin(WAVE * x),
    lambda x: WAVE * np.cos(WAVE * x),
    signed(-8, 2),
)
add("1 minus cosine", lambda x: 1 - np.cos(x), np.sin, signed(-4, 1))
add("sigmoid, saturated", sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x)), signed(-8, 1.6))
add("sigmoid, stable slope", sigmoid, bell, signed(-8, 1.6))
add(
    "tanh, steep",
    lambda x: np.tanh(1e6 * x),
    lambda x: 1e6 * sech_squared(1e6 * x),
    signed(-8, -5),
)
add(
    "tanh, narrow",
    lambda x: np.tanh(1e6 * x),
    lambda x: 1e6 * sech_squared(1e6 * x),
    signed(-8, 8),
)
add("tanh", np.tanh, sech_squared, signed(-8, 1.2))
add(
    *("peak of width 1e-4", lambda x: np.exp(-1e8 * x * x)),
    *(lambda x: -2e8 * x * np.exp(-1e8 * x * x), signed(-6, -3.5)),
)
add("softplus, naive", lambda x: np.log(1 + np.exp(x)), sigmoid, signed(-8, 1.4))
add(
    *("softplus", lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))),
    *(sigmoid, signed(-8, 2.5), False, lambda x: np.log(1 + np.exp(x))),
)
add("silu", lambda x: x * sigmoid(x), lambda x: sigmoid(x) + x * bell(x), signed(-8, 2, 0.1))
add(
    *("gelu by tanh", lambda x: 0.5 * x * (1 + np.tanh(ROOT * (x + 0.044715 * x**3)))),
    *(gelu_slope, signed(-8, 1, 0.1)),
)
add(
    *("gelu", lambda x: x * (1 + erf(x / math.sqrt(2))) / 2),
    *(
        lambda x: (1 + erf(x / math.sqrt(2))) / 2 + x * normal_density(x),
        signed(-8, 1, 0.1),
        False,
    ),
)
add("times 1e-200", lambda x: 1e-200 * x, lambda x: 1e-200 * np.ones_like(x), signed(zeros=0.2))
add("times 1e200", lambda x: 1e200 * x, lambda x: 1e200 * np.ones_like(x), signed(zeros=0.2))

# Cancellation: the derivative is plain, but a difference of the forward loses digits.
ones = np.ones_like
add("plus 1e12", lambda x: x + 1e12, ones, signed(zeros=0.1))
add("plus 1e30", lambda x: x + 1e30, ones, signed(), kind="hidden")
add("plus 1e8, minus 1e8", lambda x: (x + 1e8) - 1e8, ones, signed(zeros=0.1))
add("1 plus x, minus 1", lambda x: (1 + x) - 1, ones, signed(zeros=0.1))
add(
    "expanded (x - 1)²",
    lambda x: x * x - 2 * x + 1,
    lambda x: 2 * (x - 1),
    lambda rng: 1 + signed(-5, 1)(rng),
)
add("x² + 1e10", lambda x: x * x + 1e10, lambda x: 2 * x, signed(-2, 6))
add(
    "root of x² + 1e16",
    lambda x: np.sqrt(x * x + 1e16),
    lambda x: x / np.sqrt(x * x + 1e16),
    signed(-2, 9),
)

# Not analytic: the complex step is wrong or impossible, or there is a kink, maybe close by.
add("abs", np.abs, np.sign, signed(), False, np.abs)
add("x times its sign", lambda x: x * np.sign(x), np.sign, signed(), False, np.abs)
add(
    "root of x conj(x)",
    lambda x: np.sqrt((x * np.conj(x)).real),
    np.sign,
    signed(),
    False,
    np.abs,
)
add(
    "real part squared",
    lambda x: np.real(x) ** 2,
    lambda x: 2 * x,
    signed(),
    False,
    lambda x: x * x,
)
add("x |x|", lambda x: x * np.abs(x), lambda x: 2 * np.abs(x), signed(zeros=0.2), False)
add(
    "|x| to the 1.5",
    lambda x: np.abs(x) ** 1.5,
    lambda x: 1.5 * np.sign(x) * np.abs(x) ** 0.5,
    signed(zeros=0.2),
    False,
)
add("maximum with 0", lambda x: np.maximum(x, 0), lambda x: x > 0, signed(), False)
add(
    "leaky",
    lambda x: np.where(x > 0, x, 0.01 * x),
    lambda x: np.where(x > 0, 1, 0.01),
    signed(),
    False,
)
add(
    "clip",
    lambda x: np.minimum(np.maximum(x, -1), 1),
    lambda x: np.abs(x) < 1,
    signed(-3, 3),
    False,
)
add(
    "elu",
    lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    lambda x: np.exp(np.minimum(x, 0)),
    signed(-8, 2),
    False,
    lambda x: np.where(x > 0, x, np.exp(x) - 1),
)
add(
    "huber",
    lambda x: np.where(abs(x) < 1, x * x / 2, abs(x) - 0.5),
    lambda x: np.clip(x, -1, 1),
    signed(-8, 4, 0.1),
    False,
)
add(
    "x over |x| + 1e-6",
    lambda x: x / (np.abs(x) + 1e-6),
    lambda x: 1e-6 / (np.abs(x) + 1e-6) ** 2,
    signed(-8, -3),
    False,
)
add(
    "floor",
    lambda x: np.floor(x) + 0.0,
    np.zeros_like,
    lambda rng: spread(rng, a_shape(rng), 0, 4) + 0.5,
    False,
)
add(
    "x minus floor",
    lambda x: x - np.floor(x),
    ones,
    lambda rng: spread(rng, a_shape(rng), 0, 4),
    False,
)


# Coarse: the forward rounds. These have steps, as every float has, but wide ones.
add(
    *(
        "rounded to 1e-6",
        lambda x: np.round(x * 1e6) / 1e6,
        np.zeros_like,
        signed(-2, 2),
        False,
    ),
    *(np.zeros_like, "hidden"),
)


def in_float32(x):
    return (x * x).astype(np.float32).astype(np.float64) if x.dtype == np.float64 else x * x


add("float32 inside", in_float32, lambda x: 2 * x, signed(-4, 4), False, kind="rounded")
noise = np.random.default_rng(0)
add(
    *(
        "multiplied by random numbers",
        lambda x: x * noise.random(x.shape),
        lambda x: 0.5 + 0 * x,
    ),
    *(signed(), False, lambda x: x / 2, "random"),
)


def ripple(rng):
    """x + s sin(x / s): from far away the slope is 1, but it lies between 0 and 2."""
    s = 10 ** rng.uniform(-8, -2)
    x = np.asarray(rng.standard_normal(a_shape(rng)))
    return Pair(
        "ripple",
        lambda x: (x + s * np.sin(x / s), (x,)),
        lambda dy, saved: (dy * (1 + np.cos(saved[0] / s)),),
        (x,),
        analytic=True,
    )


HARD["ripple"] = ripple


# -- kinks and jumps at a known distance ---------------------------------------------------


def beside(name, y, slope):
    """Add y(x, a) at points x that lie 1e-12 to 1e-3 beside the kink or jump a."""

    def build(rng):
        shape = a_shape(rng)
        a = np.asarray(rng.standard_normal(shape) * 10 ** rng.uniform(-3, 3))
        distance = np.abs(a) * 10 ** np.asarray(rng.uniform(-12, -3, shape))
        x = np.asarray(a + distance * rng.choice([-1.0, 1.0], shape))
        right = slope(x, a)
        return Pair(
            name,
            lambda x: (np.asarray(y(x, a)), ()),
            lambda dy, saved: (np.asarray(dy * right),),
            (x,),
        )

    HARD[name] = build


beside("beside the kink of |x - a|", lambda x, a: np.abs(x - a), lambda x, a: np.sign(x - a))
beside("beside the kink of a maximum", lambda x, a: np.maximum(x, a), lambda x, a: x > a)
beside(
    "beside a change of slope",
    lambda x, a: np.where(x > a, 3 * x - 2 * a, x),
    lambda x, a: np.where(x > a, 3, 1),
)
beside("beside a jump", lambda x, a: np.where(x > a, x + 1, x), lambda x, a: np.ones_like(x))
beside(
    "beside a small jump",
    lambda x, a: np.where(x > a, x + 1e-6, x),
    lambda x, a: np.ones_like(x),
)
beside("beside a pole", lambda x, a: 1 / (x - a), lambda x, a: -1 / (x - a) ** 2)
beside(
    "beside a vertical tangent",
    lambda x, a: np.sqrt(np.abs(x - a)),
    lambda x, a: np.sign(x - a) / (2 * np.sqrt(np.abs(x - a))),
)
