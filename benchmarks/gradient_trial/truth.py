"""Whether a gradient is right or wrong, known from derivatives with 120 digits.

    right    every element is within 1e-6 of its own true value
    wrong    an element is off by 1e-3 of its own true value, where the right backward is good
    ill      rounding puts the right backward off by more than 1e-6

A true value of 0 is a sum of terms that cancel, or of none: an error counts against the size
of the terms, or where there is none against the gradient's largest element.
"""

import decimal

import numpy as np

from gradient_trial import exact
from gradient_trial.derivatives import derivatives
from gradient_trial.precise import PRECISE
from minigrad import Operation, Tensor

decimal.setcontext(PRECISE)
WRONG, RIGHT = 1e-3, 1e-6
NO_EFFECT = 1e-13  # a mistake that changes less leaves the gradient as it was


def find_truth(question):
    """The truth at the dy that the checker drew, or None where 120 digits give no number."""
    dy = question.heard[0]
    floats = [i for i, a in enumerate(question.arrays) if a.dtype.kind == "f"]
    inputs = [exact.exact_array(a) if i in floats else a for i, a in enumerate(question.arrays)]
    outputs = question.exact(*inputs, **question.options)
    truth = derivatives([inputs[i] for i in floats], outputs, dy)
    if not all(number.is_finite() for pair in truth for array in pair for number in array.flat):
        return None
    found, right = (
        gradients(target, question, dy) for target in (question.planted, question.right)
    )
    found, right = ([g[i] for i in floats] for g in (found, right))
    errors = [error(g, *of_one) for g, of_one in zip(found, truth, strict=True)]
    own = [error(g, *of_one) for g, of_one in zip(right, truth, strict=True)]
    for i, g, e, o in zip(floats, found, errors, own, strict=True):
        for index in map(tuple, np.argwhere((e >= WRONG) & (g == 0))):
            if not is_visible(question, i, index):
                o[index] = np.inf  # no float64 shows that it is not 0
    same = all(np.allclose(f, r, NO_EFFECT, 0) for f, r in zip(found, right, strict=True))
    errors, own = (np.concatenate([e.ravel() for e in es] or [[]]) for es in (errors, own))
    return {
        "truth": verdict(errors, own, same),
        "error": float(errors.max(initial=0)),
        "error_of_right": float(own.max(initial=0)),
        "dy": dy,
        "found": found,
        "true": [slope.astype(float) for slope, _ in truth],
        "terms": [size.astype(float) for _, size in truth],
    }


def verdict(errors, own, is_unchanged):
    good = own <= RIGHT
    if (errors[good] >= WRONG).any():
        return "wrong"
    if good.all():
        return "right" if is_unchanged else "between"
    return "ill, planted" if (errors >= np.maximum(WRONG, 2 * own)).any() else "ill"


def is_visible(question, which, index):
    """Whether the output moves in float64 if one element moves a little."""
    before = forward(question, question.arrays)
    for step in (0.1 * question.arrays[which][index], 1e-3, -1e-3):
        moved = [np.array(a) for a in question.arrays]
        moved[which][index] += step
        if not np.array_equal(forward(question, moved), before):
            return True
    return False


def forward(question, arrays):
    if isinstance(question.right, Operation):
        return question.right.forward(*arrays, **question.options)[0]
    return question.right(*(Tensor(a) for a in arrays)).data


def gradients(target, question, dy):
    if isinstance(target, Operation):
        _, saved = target.forward(*question.arrays, **question.options)
        given = target.backward(dy, saved)
        return [g.dense() if hasattr(g, "dense") else g for g in given]
    leaves = [Tensor(a.copy(), requires_grad=True) for a in question.arrays]
    target(*leaves).backward(dy)
    return [np.zeros_like(x.data) if x.grad is None else x.grad for x in leaves]


def error(found, slopes, sizes):
    """The relative error of each element; of an exact 0, relative to the size of its terms."""
    typical = max((abs(float(s)) for s in slopes.flat), default=0.0) or 1.0
    errors = np.empty(slopes.shape)
    for index in np.ndindex(slopes.shape):
        slope, size, number = slopes[index], sizes[index], float(found[index])
        if not np.isfinite(number):
            errors[index] = np.inf
            continue
        gap = abs(decimal.Decimal(number) - slope)
        scale = abs(slope)
        if scale <= size * decimal.Decimal("1e-100") or scale < decimal.Decimal("1e-300"):
            scale = size if size > decimal.Decimal("1e-300") else decimal.Decimal(typical)
        errors[index] = float(min(gap / scale, decimal.Decimal("1e300")))
    return errors
