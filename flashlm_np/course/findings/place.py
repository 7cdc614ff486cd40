"""Right numbers in a wrong place, or wrong ones only in some places."""

from __future__ import annotations

import itertools

import numpy as np

from ..comparing import wrong_elements
from ..evidence import is_float


def transposed(e):
    """Of a square matrix, or with the numbers of the transposed in the right shape."""
    for turned in (np.transpose, lambda m: np.swapaxes(m, -1, -2)):
        if e.expected.ndim > 1 and e.everywhere(lambda _, m, t=turned: _turned(m, t)):
            return f"{e.symbol} is transposed."
    return ""


def _turned(matrix, turn):
    return turn(matrix).reshape(matrix.shape) if matrix.ndim > 1 else matrix


def moved(e):
    """Reversed along an axis, or shifted by one."""
    for axis in (-1, -2, 0, 1):
        if e.everywhere(lambda _, want, axis=axis: _along(want, axis, np.flip)):
            return f"{e.symbol} is reversed along axis {axis % e.expected.ndim}."
        for step, move in itertools.product((1, -1), (np.roll, _shifted)):
            if e.everywhere(lambda _, want, a=axis, m=move, s=step: _along(want, a, m, s)):
                where = "high" if step > 0 else "low"
                return (
                    f"{e.symbol} is one place too {where} along axis {axis % e.expected.ndim}."
                )
    return ""


def _along(want, axis, move, *step):
    return move(want, *step, axis=axis) if -want.ndim <= axis < want.ndim else want


def _shifted(array, step, axis):
    """Moved by one, with zeros coming in."""
    moved = np.roll(array, step, axis=axis)
    moved[(slice(None),) * (axis % array.ndim) + (0 if step > 0 else -1,)] = 0
    return moved


def only_where(e):
    """Wrong only for inputs of one sign, or only at one end."""
    wrongs = [(case, wrong_elements(want, have, 1e-6)) for case, want, have in e.alike()]
    tests = {"= 0": lambda x: x == 0, "< 0": lambda x: x < 0, "> 0": lambda x: x > 0}
    for name in e.case:
        arrays = [(case.get(name), wrong) for case, wrong in wrongs]
        if name == "dy" or not all(is_float(x) and x.shape == w.shape for x, w in arrays):
            continue
        for text, test in tests.items():
            if _explains([(test(x), wrong) for x, wrong in arrays]):
                return f"{e.symbol} is wrong only where {name} {text}."
    for text, place in (("first", 0), ("last", -1)):
        for axis in range(e.expected.ndim):
            if _explains([(_end(wrong, axis, place), wrong) for _, wrong in wrongs]):
                return f"only the {text} place along axis {axis} of {e.symbol} is wrong."
    return ""


def _explains(masks):
    """Whether all that is wrong is in the mask, and the mask leaves something out."""
    return all((mask | ~wrong).all() for mask, wrong in masks) and any(
        not mask.all() for mask, wrong in masks if wrong.any()
    )


def _end(wrong, axis, place):
    mask = np.zeros(wrong.shape, bool)
    if axis < wrong.ndim:
        mask[(slice(None),) * axis + (place,)] = True
    return mask
