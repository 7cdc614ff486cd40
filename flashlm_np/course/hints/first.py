"""The first hint that explains a wrong result."""

import numpy as np

from ..comparing import NUMBERS, Mismatch, first_mismatch
from . import WrongResult, missing, not_arrays, positions, sizes
from .mistakes import usual_mistake


def first_hint(wrong: WrongResult, mismatch: Mismatch) -> str:
    """The first hint that explains the wrong result, or ""."""
    if mismatch.kind == "dtype" or not _has_numbers(wrong.found):
        return _dtype_hint(mismatch)
    functions = _SHAPE_HINTS if mismatch.kind == "shape" else _NUMBER_HINTS
    if mismatch.kind == "type":
        functions = (_of_test, not_arrays.another_type)
    elif not isinstance(wrong.expected, np.ndarray):
        functions = (_of_test, sizes.scale, usual_mistake)
    return next(filter(None, (function(wrong) for function in functions)), "")


def _has_numbers(found):
    return not isinstance(found, np.ndarray) or found.dtype.kind in NUMBERS


def _of_test(wrong):
    """The test's own hint about this result, or about a wrong result that is a cause of it."""
    _, expected, found = wrong.rows[0]
    for name in (wrong.name, *wrong.test.causes):
        if name in wrong.test.hints and first_mismatch(expected.get(name), found.get(name)):
            return wrong.test.hints[name]
    return ""


def _dtype_hint(mismatch):
    if (mismatch.expected, mismatch.found) == ("dtype float32", "dtype float64"):
        return (
            "the inputs are float32. np.zeros(n), np.array(0.5) and np.sqrt(2.0) are float64, "
            "and every result with them is float64; give np.zeros a dtype, and use Python's "
            "numbers."
        )
    return "make arrays with the dtype of an input: np.zeros(shape, x.dtype)."


_SHAPE_HINTS = (
    missing.missing_sum,
    positions.transposed_shape,
    positions.other_shape,
    missing.extra_sum,
)
_NUMBER_HINTS = (
    missing.not_repeatable,
    sizes.not_finite,
    missing.not_in_place,
    positions.future,
    sizes.zeros,
    missing.dy_not_used,
    sizes.sign,
    sizes.scale,
    usual_mistake,
    positions.exchanged,
    positions.transposed,
    missing.option_not_used,
    missing.factor,
    positions.shifted,
    positions.wrong_only_where,
    sizes.offset,
    _of_test,
)
