"""Usual mistakes in ternary weights and their packing."""

from __future__ import annotations

import numpy as np

from minigrad.ops.ternary import ternarize, ternary_linear_backward, ternary_linear_forward

from ...inference.packing import pack
from ...inference.tables import signed_sums_of_five, table_sums

_DIGITS = {"2-bit": (4, 4), "base-3": (5, 3)}  # weights in a byte, and the base of digits


def _ternary(w, tau):
    return (w > tau) * 1.0 - (w < -tau) * 1.0


def _at_tau(w, threshold=1.0, scale="none"):
    tau = threshold * np.abs(w).mean()
    return (w >= tau) * 1.0 - (w <= -tau) * 1.0


def _dw(x, dy):
    return dy.reshape(-1, dy.shape[-1]).T @ x.reshape(-1, x.shape[-1])


def _codes(digits, encoding, order=1):
    """Digits (O, D) in bytes (O, W), the lowest digit first (order 1) or last (order -1)."""
    k, base = _DIGITS[encoding]
    O, D = digits.shape
    filled = np.zeros((O, -(-D // k) * k), int)
    filled[:, :D] = digits
    codes = filled.reshape(O, -1, k) @ base ** np.arange(k)[::order]
    return codes if codes.max() < 256 else None


def _sums(x, order, signs):
    """The sum for each byte, with digits in this order that stand for these signs."""
    digits = np.arange(3**5)[:, None] // 3 ** np.arange(5)[::order] % 3  # (243, 5)
    return np.array(signs)[digits] @ x  # (243, 5) (C, 5, N) -> (C, 243, N)


def _int8_sums(x, packed):
    z = x.astype(np.float64) @ packed.unpack().T
    return (z + 128) % 256 - 128 if x.dtype == np.int8 else z


MISTAKES = {
    (ternarize, "T"): [
        ("a weight of exactly τ counts as above it; T is +1 only where w > τ.", _at_tau),
        (
            "T is the sign of w: the threshold τ is missing.",
            lambda w, threshold=1.0, scale="none": np.sign(w),
        ),
        (
            "τ uses the mean of w, where the page has the mean of |w|.",
            lambda w, threshold=1.0, scale="none": _ternary(w, threshold * w.mean()),
        ),
        (
            "τ is computed row by row; the page computes it over the whole matrix.",
            lambda w, threshold=1.0, scale="none": _ternary(
                w, threshold * np.abs(w).mean(axis=-1, keepdims=True)
            ),
        ),
    ],
    (ternarize, "s"): [
        (
            "s is mean |w| for every scale; the page has three forms.",
            lambda w, threshold=1.0, scale="none": np.abs(w).mean(),
        )
    ],
    (ternary_linear_forward, "y"): [
        ("the scale s is missing.", lambda x, w, **options: x @ ternarize(w, **options)[0].T),
        ("w itself was used, not s T.", lambda x, w, **options: x @ w.T),
    ],
    (ternary_linear_backward, "x"): [
        (
            "dx is dy w: the product was with s T, not with w.",
            lambda x, w, dy, **options: dy @ w,
        ),
        (
            "the scale s is missing in dx.",
            lambda x, w, dy, **options: dy @ ternarize(w, **options)[0],
        ),
    ],
    (ternary_linear_backward, "w"): [
        (
            "only weights with T ≠ 0 have a gradient; it passes straight through to all of "
            "them.",
            lambda x, w, dy, **options: _dw(x, dy) * (ternarize(w, **options)[0] != 0),
        ),
        (
            "dw is scaled by s; the surrogate has s T + w - w₀.",
            lambda x, w, dy, **options: _dw(x, dy) * ternarize(w, **options)[1],
        ),
    ],
    (pack, "codes"): [
        (
            "the digits are in reversed order: the first weight is the lowest, k = 0.",
            lambda T, scale, encoding: _codes(np.where(T < 0, 2, T), encoding, order=-1),
        ),
        (
            "the digits of +1 and -1 are exchanged: 1 stands for +1, and 2 for -1.",
            lambda T, scale, encoding: _codes(np.where(T < 0, 1, 2 * T), encoding),
        ),
        (
            "the digits are T + 1; they are 0, 1 and 2 for 0, +1 and -1.",
            lambda T, scale, encoding: _codes(T + 1, encoding),
        ),
    ],
    (table_sums, "z"): [
        ("sums of int8 wrapped around at 128; make x wider first.", _int8_sums)
    ],
    (signed_sums_of_five, "t"): [
        (
            "the digits are in reversed order: x[:, 0] is the lowest, k = 0.",
            lambda x: _sums(x, -1, (0, 1, -1)),
        ),
        (
            "the digits stand for -1, 0, +1; they stand for 0, +1, -1 on the page.",
            lambda x: _sums(x, 1, (-1, 0, 1)),
        ),
    ],
}
