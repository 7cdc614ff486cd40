"""Right but for a sign, a factor, an offset; or no number at all."""

from __future__ import annotations

import math

import numpy as np

from ..comparing import close
from ..sizes import sizes_of


def not_finite(e):
    if not (np.isfinite(e.expected) & ~np.isfinite(e.found)).any():
        return ""
    arrays = [a for a in e.case.values() if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
    if max(np.abs(a).max(initial=0.0) for a in arrays) >= 500:
        return (
            "e to such a power overflows to infinity. Before a softmax or a logarithm of a sum "
            "subtract each row's largest number, which changes nothing else; for σ, "
            "1 / (1 + e⁻ˣ) stays finite."
        )
    return "a division by 0, or the root or logarithm of a number that is not above 0."


def sign(e):
    if e.everywhere(lambda _, expected: -expected):
        return f"every element of {e.symbol} has the wrong sign."
    if e.everywhere(lambda _, expected: np.abs(expected)):
        return f"{e.symbol} has lost its sign: these are absolute values."
    return ""


def zeros(e):
    if e.everywhere(lambda _, expected: np.zeros(expected.shape)):
        return f"all of {e.symbol} is 0: nothing would be learned from it."
    return ""


def scale(e):
    """A constant factor, or one that goes with a size of the input."""
    factors = [(case, want, _factor(want, have)) for case, want, have in e.alike()]
    factors = [(case, want, k) for case, want, k in factors if k is not None]
    if any(math.isnan(k) for _, _, k in factors) or sum(w.size for _, w, _ in factors) < 2:
        return ""
    ks = [k for _, _, k in factors]
    if max(ks) - min(ks) <= 1e-6 * abs(ks[0]):
        return _constant(e, ks[0])
    for name in sizes_of(*factors[0][:2]):
        ns = [sizes_of(case, want).get(name) for case, want, _ in factors]
        if None in ns:
            continue
        if np.allclose(ks, ns):
            return f"{e.symbol} is N times too large, where N is {name}: not divided by it."
        if np.allclose(ks, [1 / n for n in ns]):
            return (
                f"{e.symbol} is N times too small, where N is {name}: a mean where a sum is "
                "right, or a division too many."
            )
    return ""


def _factor(expected, found):
    """k with found = k·expected; NaN if there is none, None if all is 0."""
    if not np.isfinite(found).all():
        return math.nan
    square = float((expected * expected).sum())
    if square == 0:
        return math.nan if found.any() else None
    k = float((expected * found).sum()) / square
    return k if k and close(k * expected, found) else math.nan


def _constant(e, k):
    if abs(k - 1) < 1e-6:
        return ""
    names = {math.log2(math.e): " (1/ln 2: bits, not nats)", math.log10(math.e): " (log10)"}
    named = next((text for value, text in names.items() if abs(k - value) < 1e-6), "")
    if k < 0:
        return f"everything in {e.symbol} is {k:.4g} times what it should be."
    size = f"{k:.4g} times too large" if k > 1 else f"{1 / k:.4g} times too small"
    return f"everything in {e.symbol} is {size}{named}."


def offset(e):
    gaps = [have - want for _, want, have in e.alike() if want.size]
    first = float(gaps[0].reshape(-1)[0]) if gaps else 0.0
    if sum(gap.size for gap in gaps) > 1 and all(np.allclose(gap, first) for gap in gaps):
        return f"everything in {e.symbol} is {first:.4g} too large."
    return ""
