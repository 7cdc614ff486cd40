"""pack, table_product."""

from __future__ import annotations

import numpy as np

from .registry import mistake

_BASES = {"2-bit": (4, 4), "base-3": (5, 3)}


def _codes(digits, encoding, powers):
    """Digits (O, D) in bytes (O, W), with a power of the base for each place."""
    k, base = _BASES[encoding]
    O, D = digits.shape
    filled = np.zeros((O, -(-D // k) * k), int)
    filled[:, :D] = digits
    codes = filled.reshape(O, -1, k) @ base ** powers(k)
    return codes if codes.max() < 256 else None


@mistake(
    "pack", "codes", "the digits are in reversed order: the first weight is the lowest, k = 0."
)
def _(T, scale, encoding):
    return _codes(np.where(T < 0, 2, T), encoding, lambda k: np.arange(k)[::-1])


@mistake(
    "pack", "codes", "the digits of +1 and -1 are exchanged: 1 stands for +1, and 2 for -1."
)
def _(T, scale, encoding):
    return _codes(np.where(T < 0, 1, 2 * T), encoding, np.arange)


@mistake("pack", "codes", "the digits are T + 1; they are 0, 1 and 2 for 0, +1 and -1.")
def _(T, scale, encoding):
    return _codes(T + 1, encoding, np.arange)


@mistake("table_sums", "z", "sums of int8 wrapped around at 128; make x wider first.")
def _(x, packed):
    z = x.astype(np.float64) @ packed.unpack().T
    return (z + 128) % 256 - 128 if x.dtype == np.int8 else z


@mistake(
    "signed_sums_of_five",
    "t",
    "the digits are in reversed order: x[:, 0] is the lowest, k = 0.",
)
def _(x):
    return _tables(x, np.arange(5)[::-1], (0, 1, -1))


@mistake(
    "signed_sums_of_five", "t", "the digits stand for -1, 0, +1; they stand for 0, +1, -1."
)
def _(x):
    return _tables(x, np.arange(5), (-1, 0, 1))


def _tables(x, powers, signs):
    digits = np.arange(3**5)[:, None] // 3**powers % 3  # (243, 5)
    return np.array(signs)[digits] @ x  # (243, 5) (C, 5, N) -> (C, 243, N)
