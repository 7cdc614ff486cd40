"""Right numbers in a wrong shape."""

from __future__ import annotations

import numpy as np

from minigrad.ops.elementwise import sum_to_shape

from ..comparing import close


def no_sum(e):
    want, have = e.expected.shape, e.found.shape
    try:
        stretched = np.broadcast_shapes(want, have) == have
    except ValueError:
        return ""
    if not stretched or not close(e.expected, sum_to_shape(e.found, want)):
        return ""
    added = len(have) - len(want)
    axes = [
        axis
        for axis, size in enumerate(have)
        if axis < added or (want[axis - added] == 1 and size != 1)
    ]
    over = f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"
    return (
        f"a sum over the broadcast axis is missing: {e.label} has shape {want} and was "
        f"stretched to {have}, so each element was used several times; sum over {over}."
    )


def transposed(e):
    if e.expected.ndim < 2 or e.found.ndim < 2:
        return ""
    if close(e.expected, e.found.T):
        return f"{e.symbol} is transposed."
    if close(e.expected, np.swapaxes(e.found, -1, -2)):
        return f"the last two axes of {e.symbol} are exchanged."
    return ""


def summed_too_far(e):
    last = e.expected.ndim - 1
    if last < 0 or not e.probe.is_backward or not close(e.expected.sum(axis=-1), e.found):
        return ""
    return (
        f"axis {last} of {e.symbol} was summed, too, and must stay: sum over the axes before "
        "it, however many there are."
    )


def other_shape(e):
    if e.found.size == e.expected.size and close(e.expected, e.found.reshape(e.expected.shape)):
        return "the numbers are right, in another shape (reshape, or keepdims)."
    return ""
