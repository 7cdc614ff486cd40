"""Hints for numbers that are right except for a sign, a factor or an offset, or not finite."""

import math

import numpy as np

from ..comparing import close
from ..inputs import Case
from . import WrongResult


def not_finite(wrong: WrongResult) -> str:
    if not (np.isfinite(wrong.expected) & ~np.isfinite(wrong.found)).any():
        return ""
    arrays = [a for a in wrong.case.values() if isinstance(a, np.ndarray)]
    if max(np.abs(a).max(initial=0.0) for a in arrays if a.dtype.kind == "f") >= 500:
        return (
            "e to a large power overflows to infinity. Before a softmax or a logarithm of a "
            "sum, subtract each row's largest number, which changes nothing else; for σ, "
            "1 / (1 + e⁻ˣ) stays finite."
        )
    return "a division by 0, or the root or logarithm of a number that is not above 0."


def sign(wrong: WrongResult) -> str:
    if wrong.explained_by(lambda _, expected: -expected):
        return f"every element of {wrong.symbol} has the wrong sign."
    if wrong.explained_by(lambda _, expected: np.abs(expected)):
        return f"{wrong.symbol} has lost its sign: these are absolute values."
    return ""


def zeros(wrong: WrongResult) -> str:
    if wrong.explained_by(lambda _, expected: np.zeros(expected.shape)):
        return f"all of {wrong.symbol} is 0, so nothing can be learned from it."
    return ""


def scale(wrong: WrongResult) -> str:
    """A constant factor, or one that changes with a size of the input."""
    rows = [(case, want, _factor(want, have)) for case, want, have in wrong.comparable()]
    rows = [(case, want, factor) for case, want, factor in rows if factor is not None]
    factors = [factor for _, _, factor in rows]
    if any(map(math.isnan, factors)) or sum(want.size for _, want, _ in rows) < 2:
        return ""
    if max(factors) - min(factors) <= 1e-6 * abs(factors[0]):
        return _constant_factor(wrong.symbol, factors[0])
    sizes = [_sizes(case, want) for case, want, _ in rows]
    for name in sizes[0]:
        N = [size.get(name) for size in sizes]
        if None in N:
            continue
        if np.allclose(factors, N):
            return f"{wrong.symbol} is N times too large, where N is {name}: divide by it."
        if np.allclose(factors, [1 / n for n in N]):
            return (
                f"{wrong.symbol} is N times too small, where N is {name}: the code takes a "
                "mean instead of a sum, or divides once too often."
            )
    return ""


def offset(wrong: WrongResult) -> str:
    gaps = [have - want for _, want, have in wrong.comparable() if want.size]
    first = float(gaps[0].reshape(-1)[0]) if gaps else 0.0
    if sum(gap.size for gap in gaps) > 1 and all(np.allclose(gap, first) for gap in gaps):
        return f"everything in {wrong.symbol} is {first:.4g} too large."
    return ""


def _factor(expected, found):
    """k with found = k·expected; NaN if there is none, None if both are 0."""
    if not np.isfinite(found).all():
        return math.nan
    square = float((expected * expected).sum())
    if square == 0:
        return math.nan if found.any() else None
    k = float((expected * found).sum()) / square
    return k if k and close(k * expected, found) else math.nan


def _constant_factor(symbol, k):
    if abs(k - 1) < 1e-6:
        return ""
    if k < 0:
        return f"everything in {symbol} is {k:.4g} times the right value."
    names = {math.log2(math.e): " (1/ln 2: bits, not nats)", math.log10(math.e): " (log10)"}
    name = next((text for value, text in names.items() if abs(k - value) < 1e-6), "")
    size = f"{k:.4g} times too large" if k > 1 else f"{1 / k:.4g} times too small"
    return f"everything in {symbol} is {size}{name}."


def _sizes(case: Case, result: np.ndarray) -> dict[str, int]:
    """The sizes over which a sum or a mean may have run, by name."""
    sizes = {}
    for name, array in case.items():
        if isinstance(array, np.ndarray) and array.ndim and name != "dy":
            sizes[f"the size of {name}'s last axis"] = array.shape[-1]
            sizes[f"the number of rows of {name}"] = array.size // array.shape[-1]
            sizes[f"the number of elements of {name}"] = array.size
    if "dy" in case and result.size:
        sizes["the number of elements of y"] = case["dy"].size
        sizes["the number of terms in each sum"] = case["dy"].size // result.size
    return {name: size for name, size in sizes.items() if size}
