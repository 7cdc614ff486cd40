"""Activations in 8 bits, one scale per token, so that sums of them are sums of integers.

    step       δ_n = max_d |x_nd| / 127                one number per token       (N, 1)
    forward    q_nd = round(x_nd / δ_n), from -127 to 127                         (N, D)
               y_no = s δ_n Σ_d q_nd T_od : the sum is of integers, and exact     (N, O)
    bound      |x - δ q| ≤ (1/2 + 2⁻¹⁷) δ, where 2⁻¹⁷ = 128 · 2⁻²⁴ is for the rounding of
               the quotient. So an output of m weights that are not 0 is off by at most
               (1/2 + 2⁻¹⁷) m s δ_n, and the rounding of z, of s δ and of their product
    bytes      N·D + 4·N, a quarter of float32
    cost       N·D divisions before all the additions, and N·O multiplications after them
    source     BitNet b1.58, arXiv:2402.17764, section 2: absolute maximum, per token

|Σ_d q T| ≤ 127 D fits int32 up to D = 16 million, and float32, exactly, up to D = 132,104.
"""

from __future__ import annotations

import numpy as np

from minigrad.errors import DtypeError, expect_shape

LEVELS = 127  # -128 is left out, so that -q is an int8 too


def quantize(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x (N, D) as q int8 (N, D) and the step of each token, float32 (N, 1).

    Example:
        >>> q, step = quantize(np.array([[2.54, -1.0, 0.0]], np.float32))
        >>> q.tolist()
        [[127, -50, 0]]
    """
    expect_shape("quantize", "x", x, N=None, D=None)
    with np.errstate(over="ignore"):  # what is out of range is infinite
        largest = np.abs(x).max(axis=1, keepdims=True).astype(np.float32)  # (N, 1)
    if not np.isfinite(largest).all():
        n = int(np.isfinite(largest).argmin())
        raise ValueError(f"quantize: x[{n}] holds a number that is not finite")
    # No step is below the least normal number, so a token of zeros needs no case of its own.
    step = np.maximum(largest / np.float32(LEVELS), np.finfo(np.float32).tiny)
    return np.rint(x / step).astype(np.int8), step


def sum_dtype(where: str, x: np.ndarray, D: int) -> np.dtype:
    """What sums of x (N, D) are kept in: int32 for int8, and floats as they are."""
    expect_shape(where, "x", x, N=None, D=D)
    if x.dtype == np.int8:
        return np.dtype(np.int32)
    if x.dtype in (np.float32, np.float64):
        return x.dtype
    raise DtypeError(f"{where}: x has dtype {x.dtype}, expected int8, float32 or float64")
