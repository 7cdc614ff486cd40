"""Mistakes of value: each number of a gradient stands in its place, but it is wrong."""

import math

import numpy as np

from .mistakes import of_one_gradient


@of_one_gradient("wrong sign")
def _(g, call, i):
    return -g


@of_one_gradient("twice too large")
def _(g, call, i):
    return g + g


@of_one_gradient("half as large")
def _(g, call, i):
    return (g / 2).astype(g.dtype)


@of_one_gradient(
    "the divisor of a mean is missing",
    input="Use inputs with more than one row: the divisor was 1.",
)
def _(g, call, i):
    ratio = max(g.size, np.size(call.dy)) // max(1, min(g.size, np.size(call.dy)))
    n = ratio if ratio > 1 else math.prod(g.shape[:1])
    return (g * n).astype(g.dtype)


@of_one_gradient(
    "wrong sign where the input is negative",
    check="Use inputs of both signs, and compare the numbers.",
    input="Use inputs of both signs; no negative one had a gradient that is not 0.",
)
def _(g, call, i):
    return np.where(call.input(i) < 0, -g, g)


@of_one_gradient(
    "one element is wrong by a thousandth",
    check="Compare every element, with a tolerance of 1e-4 or less.",
)
def _(g, call, i):
    wrong = np.array(g)
    if g.size:
        wrong.flat[np.abs(g).argmax()] *= 1.001
    return wrong


@of_one_gradient(
    "one element is NaN",
    check="Write assert error < tolerance: NaN > tolerance is false, and NaN would pass.",
    input="Use an input that has an element.",
)
def _(g, call, i):
    wrong = np.array(g)
    if g.size:
        wrong.flat[-1] = np.nan
    return wrong


@of_one_gradient("zeros")
def _(g, call, i):
    return np.zeros_like(g)


@of_one_gradient("None", check="Check that each input has a gradient.")
def _(g, call, i):
    return None


@of_one_gradient(
    "the other precision",
    check="Compare the dtypes: assert dx.dtype == x.dtype, for float32 and for float64.",
)
def _(g, call, i):
    return g.astype(np.float32 if g.dtype == np.float64 else np.float64)
