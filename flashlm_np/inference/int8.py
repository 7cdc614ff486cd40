"""Numbers in 8 bits, with one step per row: activations, and the embedding of an export.

    step       δ_n = max_d |x_nd| / 127                one number per row         (N, 1)
    forward    q_nd = round(x_nd / δ_n), from -127 to 127                         (N, D)
    use        a ternary layer is then  y_no = s δ_n Σ_d q_nd T_od ; its sum is of integers
               and exact                                                          (N, O)
    bound      |x - δ q| ≤ (1/2 + 2⁻¹⁷) δ, where 2⁻¹⁷ = 128 · 2⁻²⁴ is for the rounding of
               the quotient. So an output with m weights that are not 0 is off by at most
               (1/2 + 2⁻¹⁷) m s δ_n, and by the rounding of z, of s δ and of their product
    bytes      N·D + 4·N, a quarter of float32. v3's table: 13.1 MB instead of 51.5 MB
    cost       N·D divisions before all the additions, and N·O multiplications after them
    source     activations: BitNet b1.58, arXiv:2402.17764, section 2 (absolute maximum, per
               token). One scale per row of a matrix: LLM.int8(), arXiv:2208.07339, section 2

|Σ_d q T| ≤ 127 D fits int32 up to D = 16 million, and float32, exactly, up to D = 132,104.
"""

import numpy as np

from minigrad.errors import expect_shape

LEVELS = 127  # -128 is left out, so that -q is an int8 too


def quantize(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Round x (N, D) to int8; return q (N, D) and the step of each row, float32 (N, 1).

    Raises ValueError if a number is not finite.

    Example:
        >>> q, step = quantize(np.array([[2.54, -1.0, 0.0]], np.float32))
        >>> q.tolist()
        [[127, -50, 0]]
    """
    expect_shape("quantize", "x", x, N=None, D=None)
    with np.errstate(over="ignore"):  # a float64 beyond float32's range becomes infinite
        largest = np.abs(x).max(axis=1, keepdims=True).astype(np.float32)  # (N, 1)
    if not np.isfinite(largest).all():
        n = int(np.isfinite(largest).argmin())
        raise ValueError(f"quantize: x[{n}] holds a number that is not finite")
    # The step is at least the smallest normal number, so a row of zeros needs no special case.
    step = np.maximum(largest / np.float32(LEVELS), np.finfo(np.float32).tiny)
    return np.rint(x / step).astype(np.int8), step
