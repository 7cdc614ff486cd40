"""What a wrong result has in common with the right one.

A hint is a finding, not a guess: of numbers, it is given only if it explains what the student's
function gives on all inputs where the shape is right; of a shape, if the numbers confirm it.
"""

from __future__ import annotations

import numpy as np

from .comparing import Mismatch
from .evidence import Evidence
from .findings import causality, missing, place, shape, size


def hint(evidence: Evidence, wrong: Mismatch) -> str:
    """The first finding that explains the fault, or nothing."""
    if wrong.expected.startswith("dtype"):
        return _dtype(wrong)
    findings = _OF_SHAPE if wrong.expected.startswith("shape") else _OF_NUMBERS
    if not all(isinstance(a, np.ndarray) for a in (evidence.expected, evidence.found)):
        findings = _OF_ONE_NUMBER
    return next(filter(None, (finding(evidence) for finding in findings)), "")


def _dtype(wrong):
    if (wrong.expected, wrong.found) == ("dtype float32", "dtype float64"):
        return (
            "float32 came in. np.zeros(n), np.array(0.5) and np.sqrt(2.0) are float64, and "
            "make float64 of what they meet; give np.zeros a dtype, and use Python's numbers."
        )
    return "make arrays with the dtype of an input: np.zeros(shape, x.dtype)."


_OF_SHAPE = (shape.no_sum, shape.transposed, shape.other_shape, shape.summed_too_far)
_OF_NUMBERS = (
    size.not_finite,
    missing.in_place,
    causality.future,
    size.zeros,
    missing.dy_ignored,
    size.sign,
    size.scale,
    missing.known,
    missing.exchanged,
    place.transposed,
    missing.option_ignored,
    missing.factor_missing,
    place.moved,
    place.only_where,
    size.offset,
)
_OF_ONE_NUMBER = (size.scale, missing.known)
