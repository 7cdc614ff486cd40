"""Functions with kinks, jumps, poles or steps, mostly close by; see hard_gradients.py."""

import numpy as np
from hard_pairs import a_shape, hard, of_one_number, signed, spread

ones, zeros = np.ones_like, np.zeros_like


def between_integers(rng):
    return np.trunc(spread(rng, a_shape(rng), 0, 4)) + rng.uniform(0.1, 0.9)


def elu(x):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


# name: (y, derivative, points, and y for numbers that are not floats). None is analytic: they
# take absolute values, compare, or drop the imaginary part of a complex step.
NOT_ANALYTIC = {
    "abs": (np.abs, np.sign, signed()),
    "x times its sign": (lambda x: x * np.sign(x), np.sign, signed(), np.abs),
    "root of x conj(x)": (
        lambda x: np.sqrt((x * np.conj(x)).real),
        np.sign,
        signed(),
        np.abs,
    ),
    "real part squared": (
        lambda x: np.real(x) ** 2,
        lambda x: 2 * x,
        signed(),
        lambda x: x * x,
    ),
    "x |x|": (lambda x: x * np.abs(x), lambda x: 2 * np.abs(x), signed(zeros=0.2)),
    "|x| to the 1.5": (
        lambda x: np.abs(x) ** 1.5,
        lambda x: 1.5 * np.sign(x) * np.abs(x) ** 0.5,
        signed(zeros=0.2),
    ),
    "maximum with 0": (lambda x: np.maximum(x, 0), lambda x: x > 0, signed()),
    "leaky": (
        lambda x: np.where(x > 0, x, 0.01 * x),
        lambda x: np.where(x > 0, 1, 0.01),
        signed(),
    ),
    "clip": (
        lambda x: np.minimum(np.maximum(x, -1), 1),
        lambda x: np.abs(x) < 1,
        signed(-3, 3),
    ),
    "elu": (
        elu,
        lambda x: np.exp(np.minimum(x, 0)),
        signed(-8, 2),
        lambda x: np.where(x > 0, x, np.exp(x) - 1),
    ),
    "huber": (
        lambda x: np.where(np.abs(x) < 1, x * x / 2, np.abs(x) - 0.5),
        lambda x: np.clip(x, -1, 1),
        signed(-8, 4, 0.1),
    ),
    "x over |x| + 1e-6": (
        lambda x: x / (np.abs(x) + 1e-6),
        lambda x: 1e-6 / (np.abs(x) + 1e-6) ** 2,
        signed(-8, -3),
    ),
    "floor": (lambda x: np.floor(x) + 0.0, zeros, between_integers),
    "x minus floor": (lambda x: x - np.floor(x), ones, between_integers),
}
for name, parts in NOT_ANALYTIC.items():
    of_one_number(name, *parts)


# -- at a known distance -------------------------------------------------------------------

# name: (y of x and a, derivative) at points that lie 1e-12 to 1e-3, as shares of a, beside a
BESIDE = {
    "the kink of |x - a|": (lambda x, a: np.abs(x - a), lambda x, a: np.sign(x - a)),
    "the kink of a maximum": (np.maximum, lambda x, a: x > a),
    "a change of slope": (
        lambda x, a: np.where(x > a, 3 * x - 2 * a, x),
        lambda x, a: np.where(x > a, 3, 1),
    ),
    "a jump": (lambda x, a: np.where(x > a, x + 1, x), lambda x, a: ones(x)),
    "a small jump": (lambda x, a: np.where(x > a, x + 1e-6, x), lambda x, a: ones(x)),
    "a pole": (lambda x, a: 1 / (x - a), lambda x, a: -1 / (x - a) ** 2),
    "a vertical tangent": (
        lambda x, a: np.sqrt(np.abs(x - a)),
        lambda x, a: np.sign(x - a) / (2 * np.sqrt(np.abs(x - a))),
    ),
}


def beside(name, y, slope):
    @hard(f"beside {name}")
    def _(rng):
        shape = a_shape(rng)
        a = np.asarray(rng.standard_normal(shape) * 10 ** rng.uniform(-3, 3))
        distance = np.abs(a) * 10 ** np.asarray(rng.uniform(-12, -3, shape))
        x = np.asarray(a + distance * rng.choice([-1.0, 1.0], shape))
        right = slope(x, a)
        return lambda x: (np.asarray(y(x, a)), ()), lambda dy, _: (dy * right,), (x,)


for name, parts in BESIDE.items():
    beside(name, *parts)


# -- not functions of real numbers ---------------------------------------------------------


def in_float32(x):
    return (x * x).astype(np.float32).astype(np.float64) if x.dtype == np.float64 else x * x


noise = np.random.default_rng(0)
of_one_number("float32 inside", in_float32, lambda x: 2 * x, signed(-4, 4), kind="rounded")
of_one_number(
    "rounded to 1e-6",
    lambda x: np.round(x * 1e6) / 1e6,
    zeros,
    signed(-2, 2),
    zeros,
    kind="hidden",
)
of_one_number(
    "times random numbers",
    lambda x: x * noise.random(x.shape),
    lambda x: 0.5 + 0 * x,
    signed(),
    lambda x: x / 2,
    kind="random",
)
