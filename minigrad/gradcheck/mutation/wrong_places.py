"""Mistakes of place and shape: transposed, shifted, not summed, or summed incompletely."""

import math

import numpy as np

from ...ops import RowGradient
from .calls import NotApplicable
from .mistakes import SHAPES, of_one_gradient
from .results import arrays_in, items


@of_one_gradient(
    "transposed",
    check="Compare the numbers for a random dy; a gradient of ones is symmetric.",
    input="Use a matrix with more than one row and column, and a random dy.",
)
def _(g, call, i):
    if g.ndim < 2:
        raise NotApplicable("it has fewer than two axes")
    return np.swapaxes(g, -1, -2).reshape(g.shape).copy()


@of_one_gradient(
    "one position late",
    check="Compare each position for a random dy; a gradient of ones is the same everywhere.",
    input="Use more than one position, and a dy that differs between them.",
)
def _(g, call, i):
    if g.ndim == 0:
        raise NotApplicable("it has no axis")
    return np.roll(g, 1, axis=max(0, g.ndim - 2))  # (B, T, D): along T


@of_one_gradient("not summed over the broadcast axes", check=SHAPES)
def _(g, call, i):
    shape = np.shape(call.dy)
    try:
        is_broadcast = np.broadcast_shapes(g.shape, shape) == shape and g.shape != shape
    except ValueError:
        is_broadcast = False
    if not is_broadcast or not g.size:
        raise NotApplicable("your test does not broadcast it; if the operation can, test that")
    return np.broadcast_to(g * (g.size / math.prod(shape)), shape).astype(g.dtype)


@of_one_gradient("an axis of size 1 too many", check=SHAPES)
def _(g, call, i):
    if isinstance(items(call.result)[i], RowGradient):
        raise NotApplicable("it is given by rows, which have one shape only")
    return g[None]


ROWS = "Use more rows, and a dy without zeros: one contribution was the whole gradient."


@of_one_gradient(
    "only the first of the contributions", check="Use more rows and a random dy.", input=ROWS
)
def _(g, call, i):
    return _one_contribution(call, i, backwards=True)


@of_one_gradient(
    "only the last: = instead of +=", check="Use more rows and a random dy.", input=ROWS
)
def _(g, call, i):
    return _one_contribution(call, i)


@of_one_gradient(
    "an id that repeats counts once",
    check="Use an id twice, and compare the numbers for a random dy.",
    input="Use an id twice.",
)
def _(g, call, i):
    used = (*call.forward.arrays, call.forward.options, call.saved) if call.forward else ()
    ids = [a for a in arrays_in((used, call.saved)) if a.dtype.kind in "iu" and a.ndim]
    if not ids:
        raise NotApplicable("no array of ids was used")
    if np.ndim(call.dy) == 0:
        raise NotApplicable("y is one number, so the ids cannot be told apart by dy")
    if all(np.unique(a).size == a.size for a in ids):
        return g
    return _one_contribution(call, i)


def _one_contribution(call, i, backwards=False):
    """The last contribution to each element, as if = stood where += belongs."""
    wrong = np.zeros_like(call.gradients[i])
    counts = np.zeros(wrong.shape, int)
    for mask, part in call.contributions(i, backwards):
        counts += mask
        wrong = np.where(mask, part, wrong)
    if np.max(counts, initial=0) < 2:
        raise NotApplicable("on your inputs, each element has one contribution; add rows")
    return wrong
