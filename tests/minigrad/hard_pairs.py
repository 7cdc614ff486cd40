"""A forward with its right backward at a random point, for gradients that are hard to check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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


HARD: dict[str, Callable[[np.random.Generator], Pair]] = {}  # name: draw a pair


def hard(name, **facts):
    """Add the decorated function: it draws forward, backward and arrays."""

    def add(draw):
        HARD[name] = lambda rng: Pair(name, *draw(rng), **facts)

    return add


def of_one_number(name, y, slope, draw, exact=None, **facts):
    """Add y(x), element by element, with the derivative slope(x) at points of `draw`."""

    @hard(name, exact=exact and (lambda x: (exact(x), ())), **facts)
    def _(rng):
        return (
            lambda x: (np.asarray(y(x)), (x,)),
            lambda dy, saved: (np.asarray(dy * slope(*saved)),),
            (draw(rng),),
        )


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
