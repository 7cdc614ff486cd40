"""Expected against found: the first thing that is wrong, in words."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.ops import RowGradient

from .probing.inputs import Case, arrays_in

TOLERANCE = {np.dtype(np.float64): 1e-6, np.dtype(np.float32): 1e-3}  # of the largest number
COARSE = 1e-3  # what is further off is wrong, whatever its dtype
WIDTH = 96


@dataclass(frozen=True)
class Mismatch:
    """What was expected, what was found, and where, if it is one element."""

    expected: str
    found: str
    index: tuple[int, ...] | None = None

    def __str__(self):
        where = f", index {self.index}" if self.index else ""
        return f"{where}: expected {self.expected}, found {self.found}"


def dense(value: Any) -> Any:
    """A gradient by rows, or a NumPy number, as the array that it stands for."""
    if isinstance(value, RowGradient):
        return value.dense()
    return np.asarray(value) if isinstance(value, np.generic) else value


def close(one: Any, other: Any, tolerance: float = 1e-6) -> bool:
    """Whether two arrays are equal but for rounding."""
    one, other = dense(one), dense(other)
    return (
        isinstance(one, np.ndarray)
        and isinstance(other, np.ndarray)
        and one.shape == other.shape
        and not wrong_elements(one, other, tolerance).any()
    )


def wrong_elements(expected: np.ndarray, found: np.ndarray, tolerance: float) -> np.ndarray:
    """Where two arrays of one shape differ by more than rounding."""
    size = np.abs(expected[np.isfinite(expected)]).max(initial=0.0)
    with np.errstate(invalid="ignore"):
        near = np.abs(found.astype(np.float64) - expected) <= tolerance * float(size) + 1e-9
    return ~(near | (found == expected) | (np.isnan(found) & np.isnan(expected)))


def mismatch(expected: Any, found: Any) -> Mismatch | None:
    """The first thing in which `found` is not what it should be."""
    expected, found = dense(expected), dense(found)
    if not isinstance(expected, np.ndarray):
        return _plain_mismatch(expected, found)
    if not isinstance(found, np.ndarray):
        return Mismatch(f"an array of shape {expected.shape}", _kind(found))
    if found.shape != expected.shape:
        return Mismatch(f"shape {expected.shape}", f"shape {found.shape}")
    if found.dtype.kind not in "fiub":
        return Mismatch(f"dtype {expected.dtype}", f"dtype {found.dtype}")
    fine = TOLERANCE.get(expected.dtype, 1e-6)
    return (
        _value_mismatch(expected, found, COARSE)
        or _dtype_mismatch(expected, found)
        or _value_mismatch(expected, found, fine)
    )


def _plain_mismatch(expected, found):
    """Of what is None, a number or a text."""
    if isinstance(found, np.ndarray) and found.ndim == 0:
        found = found.item()
    if isinstance(expected, numbers.Real) and isinstance(found, numbers.Real):
        close = abs(expected - found) <= 1e-6 * max(1, abs(expected))
        return None if close else Mismatch(*_told_apart(expected, found))
    if type(expected) is type(found) and expected == found:
        return None
    return Mismatch(_kind(expected), _kind(found))


def _value_mismatch(expected, found, tolerance):
    wrong = wrong_elements(expected, found, tolerance)
    if not wrong.any():
        return None
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    return Mismatch(*_told_apart(expected[index].item(), found[index].item()), index)


def _dtype_mismatch(expected, found):
    if expected.dtype == found.dtype:
        return None
    return Mismatch(f"dtype {expected.dtype}", f"dtype {found.dtype}")


def _kind(value):
    if value is None or isinstance(value, (str, tuple, numbers.Real)):
        return repr(value)
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    return f"a {type(value).__name__}"


def _told_apart(one, other):
    """Two numbers as texts that differ."""
    texts = shown(one), shown(other)
    return texts if texts[0] != texts[1] else (repr(one), repr(other))


# Inputs as text ------------------------------------------------------------------------------


def shown(value: Any) -> str:
    """A value of a case, as short as it can be read."""
    if isinstance(value, float):
        return repr(float(f"{value:.6g}") + 0.0)  # which makes 0.0 of -0.0
    if isinstance(value, np.ndarray):
        return shown(value.tolist())
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, RowGradient):
        return f"RowGradient({shown(value.ids)}, {shown(value.rows)}, {value.shape})"
    if hasattr(value, "unpack"):  # a packed matrix
        return f"pack({shown(value.unpack())}, {shown(value.scale)})"
    return repr(value)


def case_lines(case: Case) -> list[str]:
    """`for x = ..., w = ...`, on as few lines as there is room for."""
    lines, line = [], "for" if _in_float64(case) else "in float32, for"
    for number, (name, value) in enumerate(case.items(), start=1):
        text = f" {name} = {shown(value)}" + ("," if number < len(case) else "")
        if number > 1 and len(line) + len(text) > WIDTH - 4:
            lines.append(line)
            line = "   "
        line += text
    return [*lines, line]


def _in_float64(case):
    dtypes = {array.dtype for value in case.values() for array in arrays_in(value)}
    return np.dtype(np.float32) not in dtypes
