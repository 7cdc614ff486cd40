"""Ternary linear: a matrix product whose weights are only -1, 0 and +1, times one scale.

    forward    τ = threshold · mean |w|                over the whole matrix
               T = +1 where w > τ, -1 where w < -τ, else 0                        (O, D)
               s = 1 ("none")  or  mean |w| ("mean")  or  mean of |w| where T ≠ 0 ("kept")
               y = x (s T)ᵀ                            (..., D) (O, D) -> (..., O)
    backward   dx = dy (s T)                           (..., D)
               T is a staircase in w: its derivative is 0 almost everywhere, and nothing
               would ever be learned. The straight-through estimator returns instead the
               gradient of the surrogate: dw = dyᵀ x, as if s T had been w.      (O, D)
    surrogate  y = x (s T + (w - w₀))ᵀ, s T held fixed at w₀, the weights of the forward pass
    saved      x and s T      4·(N·D + O·D) bytes in float32, for N positions
    source     straight-through: Bengio, Léonard & Courville 2013, arXiv:1308.3432;
               FlashLM v3: threshold 1, scale "none"; "mean" as in BitNet b1.58
               (arXiv:2402.17764), whose rounding of w/mean|w| is threshold 0.5;
               "kept" with threshold 0.7: ternary weight networks, arXiv:1605.04711, eq. 5-6

An all-zero w gives T = 0 and s = 0: the layer is silent until a gradient moves w.
"""

from __future__ import annotations

import numpy as np

from ..errors import expect_shape
from .linear import times

SCALES = ("none", "mean", "kept")


def ternarize(w, *, threshold=1.0, scale="none"):
    """T in {-1, 0, +1} with w's shape and dtype, and the scale s, a Python float.

    Example:
        >>> T, s = ternarize(np.array([[0.9, -0.2], [-1.1, 0.4]]), scale="kept")
        >>> T.tolist(), round(s, 6)
        ([[1.0, 0.0], [-1.0, 0.0]], 1.0)
    """
    size = np.abs(w)
    mean = float(size.mean())
    tau = threshold * mean
    T = np.subtract(w > tau, w < -tau, dtype=w.dtype)  # True - False = 1
    if scale == "none":
        return T, 1.0
    if scale == "mean":
        return T, mean
    if scale == "kept":
        kept = size[size > tau]
        return T, float(kept.mean()) if kept.size else 0.0
    raise ValueError(f"ternary_linear: scale is {scale!r}, expected one of {SCALES}")


def ternary_linear_forward(x, w, *, threshold=1.0, scale="none"):
    D = x.shape[-1]
    expect_shape("ternary_linear", "w", w, f"x {x.shape}", O=None, D=D)
    T, s = ternarize(w, threshold=threshold, scale=scale)
    sT = T if s == 1.0 else s * T  # (O, D)
    return times(x, sT.T), (x, sT)  # (..., D) -> (..., O)


def ternary_linear_backward(dy, saved):
    x, sT = saved
    O, D = sT.shape
    dx = times(dy, sT)  # (..., O) -> (..., D)
    dw = dy.reshape(-1, O).T @ x.reshape(-1, D)  # (O, D), straight through
    return dx, dw


def straight_through(x0, w0, *, threshold=1.0, scale="none"):
    """y = x (s T(w₀) + (w - w₀))ᵀ, where every change of w passes straight through.

    Made at (x0, w0), it is a smooth function of (x, w) and equals the layer at w0.
    """
    T, s = ternarize(w0, threshold=threshold, scale=scale)
    return lambda x, w: x @ (s * T + (w - w0)).T
