"""Compare an expected result with the one found, and name the first difference."""

from contextlib import suppress
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from minigrad.ops import RowGradient

from .inputs import as_text

TOLERANCE = {np.dtype(np.float64): 1e-6, np.dtype(np.float32): 1e-3}  # of the largest number
NUMBERS = "fiub"  # kinds of dtypes that are compared by value
COARSE = 1e-3  # a larger difference is a wrong value in any dtype


@dataclass(frozen=True)
class Mismatch:
    """The first difference, and the index of the element, if it is one element.

    kind: value, shape, dtype or type.
    """

    kind: str
    expected: str
    found: str
    index: tuple[int, ...] | None = None

    def __str__(self):
        where = f", index {self.index}" if self.index else ""
        return f"{where}: expected {self.expected}, found {self.found}"


def dense(value: Any) -> Any:
    """A row gradient or a NumPy number as an array; any other value as it is."""
    if isinstance(value, RowGradient):
        with suppress(Exception):  # a student may pass anything to it
            return value.dense()
    return np.asarray(value) if isinstance(value, np.generic) else value


def is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def close(one: Any, other: Any) -> bool:
    """Whether two arrays are equal except for rounding."""
    one, other = dense(one), dense(other)
    return (
        isinstance(one, np.ndarray)
        and isinstance(other, np.ndarray)
        and one.shape == other.shape
        and one.dtype.kind in NUMBERS
        and other.dtype.kind in NUMBERS
        and not wrong_elements(one, other, 1e-6).any()
    )


def wrong_elements(expected: np.ndarray, found: np.ndarray, tolerance: float) -> np.ndarray:
    """A mask of the elements that differ by more than rounding, for arrays of one shape."""
    largest = float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0))
    with np.errstate(invalid="ignore"):
        near = np.abs(found.astype(np.float64) - expected) <= tolerance * largest + 1e-9
    return ~(near | (found == expected) | (np.isnan(found) & np.isnan(expected)))


def first_mismatch(expected: Any, found: Any) -> Mismatch | None:
    """The first difference between two results, or None.

    An array is an np.ndarray itself: a subclass may hide elements or define other operators.
    """
    if type(expected) is not np.ndarray:
        return _mismatch_of_objects(expected, found)
    kinds = Mismatch("type", f"an array of shape {expected.shape}", described(found))
    array = np.asarray(found) if isinstance(found, (Real, np.generic)) else found
    if type(array) is not np.ndarray:
        return kinds
    if array.shape != expected.shape:
        return Mismatch("shape", f"shape {expected.shape}", f"shape {array.shape}")
    dtypes = Mismatch("dtype", f"dtype {expected.dtype}", f"dtype {array.dtype}")
    if array.dtype.kind not in NUMBERS:
        return dtypes
    if wrong := _mismatch_of_values(expected, array, COARSE):
        return wrong
    if found is not array:
        return kinds  # the number is right, but it is no array
    if found.dtype != expected.dtype:
        return dtypes
    return _mismatch_of_values(expected, found, TOLERANCE.get(expected.dtype, 1e-6))


def _mismatch_of_values(expected, found, tolerance):
    wrong = wrong_elements(expected, found, tolerance)
    if not wrong.any():
        return None
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    texts = _distinct_texts(expected[index].item(), found[index].item())
    return Mismatch("value", *texts, index)


def _mismatch_of_objects(expected, found):
    """Compare None, a number, a text or a tuple with the object found."""
    if type(expected) is not type(found):
        return Mismatch("type", described(expected), described(found))
    if isinstance(expected, tuple) and len(expected) == len(found):
        pairs = zip(expected, found, strict=True)
        return next(filter(None, (_mismatch_of_objects(*pair) for pair in pairs)), None)
    tolerance = 1e-6 * max(1, abs(expected)) if isinstance(expected, float) else 0
    if expected == found or (tolerance and abs(expected - found) <= tolerance):
        return None
    return Mismatch("value", *_distinct_texts(expected, found))


def described(value: Any) -> str:
    """A number, a text or None as it is; of anything else its type and shape."""
    parts = value if type(value) is tuple else [value]
    if all(part is None or isinstance(part, (str, Real)) for part in parts):
        with suppress(Exception):  # an integer may have too many digits
            return repr(value)
    kind = "array" if type(value) is np.ndarray else type(value).__name__
    shape = f" of shape {np.asarray(value).shape}" if isinstance(value, np.ndarray) else ""
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}{shape}"


def _distinct_texts(one, other):
    """Two different numbers as two different texts."""
    texts = as_text(one), as_text(other)
    return texts if texts[0] != texts[1] else (repr(one), repr(other))
