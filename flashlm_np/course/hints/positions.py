"""Hints for right numbers in a wrong place or shape, and for numbers wrong in some places."""

import itertools

import numpy as np

from minigrad.ops.causal_conv import causal_conv_forward

from ..comparing import close, is_float, wrong_elements
from . import WrongResult


def transposed_shape(wrong: WrongResult) -> str:
    if wrong.expected.ndim < 2 or wrong.found.ndim < 2:
        return ""
    if close(wrong.expected, wrong.found.T):
        return f"{wrong.symbol} is transposed."
    if close(wrong.expected, np.swapaxes(wrong.found, -1, -2)):
        return f"the last two axes of {wrong.symbol} are exchanged."
    return ""


def other_shape(wrong: WrongResult) -> str:
    want, have = wrong.expected, wrong.found
    if have.size == want.size and close(want, have.reshape(want.shape)):
        return "the numbers are right, but in another shape (reshape, or keepdims)."
    return ""


def transposed(wrong: WrongResult) -> str:
    """Of a square matrix, or with the numbers of the transpose in the right shape."""
    if wrong.expected.ndim < 2:
        return ""
    for turn in (np.transpose, lambda m: np.swapaxes(m, -1, -2)):
        if wrong.explained_by(lambda _, m, t=turn: t(m).reshape(m.shape) if m.ndim > 1 else m):
            return f"{wrong.symbol} is transposed."
    return ""


def exchanged(wrong: WrongResult) -> str:
    """The gradient of another input."""
    for other in wrong.rows[0][1]:
        if other != wrong.name and all(
            close(expected.get(other), found.get(wrong.name))
            for _, expected, found in wrong.rows
        ):
            symbol = wrong.test.symbol.format(other)
            return f"this is {symbol}: the gradients are in the wrong order."
    return ""


def shifted(wrong: WrongResult) -> str:
    """Reversed along an axis, or shifted by one."""
    for axis in (-1, -2, 0, 1):
        place = f"along axis {axis % wrong.expected.ndim}" if wrong.expected.ndim else ""
        if wrong.explained_by(lambda _, want, a=axis: _moved(want, a, np.flip)):
            return f"{wrong.symbol} is reversed {place}."
        for step, move in itertools.product((1, -1), (np.roll, _shift)):
            if wrong.explained_by(
                lambda _, want, a=axis, m=move, s=step: _moved(want, a, m, s)
            ):
                where = "high" if step > 0 else "low"
                return f"{wrong.symbol} is one index too {where} {place}."
    return ""


def _moved(want, axis, move, *step):
    return move(want, *step, axis=axis) if -want.ndim <= axis < want.ndim else want


def _shift(array, step, axis):
    """Shifted by one, with zeros in the free place."""
    shifted = np.roll(array, step, axis=axis)
    shifted[(slice(None),) * (axis % array.ndim) + (0 if step > 0 else -1,)] = 0
    return shifted


def wrong_only_where(wrong: WrongResult) -> str:
    """Wrong only for inputs of one sign, or only at one end of an axis."""
    masks = [(case, wrong_elements(w, h, 1e-6)) for case, w, h in wrong.comparable()]
    signs = {"= 0": lambda x: x == 0, "< 0": lambda x: x < 0, "> 0": lambda x: x > 0}
    for name in wrong.case:
        arrays = [(case.get(name), mask) for case, mask in masks]
        if name == "dy" or not all(is_float(x) and x.shape == m.shape for x, m in arrays):
            continue
        for text, has_sign in signs.items():
            if _confined([(has_sign(x), mask) for x, mask in arrays]):
                return f"{wrong.symbol} is wrong only where {name} {text}."
    for text, index in (("first", 0), ("last", -1)):
        for axis in range(wrong.expected.ndim):
            if _confined([(_end(mask, axis, index), mask) for _, mask in masks]):
                return f"only the {text} index along axis {axis} of {wrong.symbol} is wrong."
    return ""


def _confined(pairs):
    """Whether all wrong elements lie in a region that is not the whole array."""
    return all((region | ~wrong).all() for region, wrong in pairs) and any(
        not region.all() for region, wrong in pairs if wrong.any()
    )


def _end(wrong, axis, index):
    region = np.zeros(wrong.shape, bool)
    if axis < wrong.ndim:
        region[(slice(None),) * axis + (index,)] = True
    return region


def future(wrong: WrongResult) -> str:
    """An output of a causal function that depends on a later input."""
    if wrong.test.forward is not causal_conv_forward or wrong.name == "w":
        return ""
    find = _future_of_dx if wrong.test.is_backward else _future_of_y
    hints = (find(wrong, case) for case in (wrong.case, *wrong.test.cases))
    return next(filter(None, hints), "")


def _future_of_y(wrong, case):
    last = case["x"].shape[1] - 1
    for t in _changed_positions(wrong, case, "x", last):
        if t < last:
            return (
                f"future leak: y at position {t} changes with x at the later position {last}. "
                "The last tap sees the present, all others the past."
            )
    return ""


def _future_of_dx(wrong, case):
    last = case["x"].shape[1] - 1
    reach = (case["w"].shape[2] - 1) * case.get("dilation", 1)
    for t in _changed_positions(wrong, case, "dy", 0):
        if t > 0:
            return (
                f"the gradient flows from the past to the future: dx at position {t} changes "
                "with dy at position 0. Only its own and later outputs see x."
            )
    for t in _changed_positions(wrong, case, "dy", last):
        if t < last - reach:
            return (
                f"dx at position {t} changes with dy at position {last}, but no tap reaches "
                f"that far: (K-1)·dilation is {reach}."
            )
    return ""


def _changed_positions(wrong, case, name, position):
    """The positions of the result that change with one position of an input."""
    changed = case[name].copy()
    changed[:, position] += 1
    before, after = wrong.call(case), wrong.call(case | {name: changed})
    if not isinstance(before, np.ndarray) or not isinstance(after, np.ndarray):
        return []
    steps = range(min(case["x"].shape[1], before.shape[1], after.shape[1]))
    return [t for t in steps if not close(before[:, t], after[:, t])]
