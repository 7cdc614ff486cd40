"""Ternary weights: -1, 0 and +1, times one scale, made from float weights that can learn.

    forward    τ = threshold · mean |w|                over the whole matrix
               T = +1 where w > τ, -1 where w < -τ, else 0                        (O, D)
               s = 1 ("none")  or  mean |w| ("mean")  or  mean of |w| where T ≠ 0 ("kept")
               q = s T
               ternary_linear    y = x @ qᵀ            (..., D) (O, D) -> (..., O)
               ternary_weights   y = q                 w's shape, for a product of any kind
    backward   The derivative of T with respect to w is 0 almost everywhere, so the true
               gradient would not teach w its signs. The straight-through estimator acts as
               if q were w plus a constant, so dw = dq:
               ternary_linear    dx = dy @ q           (..., D) ;  dw = dyᵀ @ x   (O, D)
               ternary_weights   dw = dy
    surrogate  The function that has this gradient. A gradient checker compares with it:
               ternary_linear    y = x @ (q₀ + (w - w₀))ᵀ
               ternary_weights   y = q₀ + (w - w₀)
               w₀ are the weights of the forward pass, and q₀ their q; both are constants.
    saved      ternary_linear: x and q, 4·(N·D + O·D) bytes in float32, for N positions;
               ternary_weights: nothing
    source     straight-through: Bengio, Léonard & Courville 2013, arXiv:1308.3432;
               FlashLM v3: threshold 1, scale "none"; BitNet b1.58 (arXiv:2402.17764) rounds
               w / mean|w|, which is threshold 0.5, with scale "mean";
               "kept" with threshold 0.7: ternary weight networks, arXiv:1605.04711, eq. 5-6

An all-zero w gives T = 0: the layer outputs 0 until a gradient moves w. If w holds NaN or an
infinity, T is NaN everywhere, and so is the output.
"""

import numpy as np

from ..errors import expect_number, expect_shape

SCALES = ("none", "mean", "kept")


def ternarize(w, *, threshold=1.0, scale="none"):
    """T in {-1, 0, +1} with w's shape and dtype, and the scale s, a Python float.

    Example:
        >>> T, s = ternarize(np.array([[0.9, -0.2], [-1.1, 0.4]]), scale="kept")
        >>> T.tolist(), round(s, 6)
        ([[1.0, 0.0], [-1.0, 0.0]], 1.0)
    """
    expect_number("ternarize", "threshold", threshold, least=0)
    magnitude = np.abs(w)
    mean = float(magnitude.mean())
    tau = threshold * mean  # relative to the mean, so that the size of w does not matter
    T = (w > tau).astype(w.dtype) - (w < -tau)  # True counts as 1
    T += 0 * mean  # NaN if w holds NaN or an infinity, which the comparisons would hide
    if scale == "none":
        return T, 1.0  # then products with T only add and subtract
    if scale == "mean":
        return T, mean
    if scale == "kept":
        kept = magnitude[magnitude > tau]
        return T, float(kept.mean()) if kept.size else 0.0  # a mean of nothing would be NaN
    raise ValueError(f"ternarize: scale is {scale!r}, expected one of {SCALES}")


def ternary_linear_forward(x, w, *, threshold=1.0, scale="none"):
    D, O = x.shape[-1], w.shape[0]
    expect_shape("ternary_linear", "w", w, f"x {x.shape}", O=None, D=D)
    # T is made anew at every step: training moves w until it crosses a threshold.
    T, s = ternarize(w, threshold=threshold, scale=scale)
    q = s * T  # (O, D)
    y = x.reshape(-1, D) @ q.T  # (N, O)
    # w itself is not saved: the surrogate's gradient does not depend on it.
    return y.reshape(*x.shape[:-1], O), (x, q)


def ternary_linear_backward(dy, saved):
    x, q = saved
    O, D = q.shape
    dy_rows, x_rows = dy.reshape(-1, O), x.reshape(-1, D)  # (N, O), (N, D)
    dx = dy_rows @ q  # (N, D); exact: y is linear in x
    dw = dy_rows.T @ x_rows  # (O, D); also where T is 0, or these weights could never return
    return dx.reshape(x.shape), dw


def straight_through(x0, w0, *, threshold=1.0, scale="none"):
    """y = x @ (s T(w₀) + (w - w₀))ᵀ, where every change of w passes straight through.

    Returns this function of x and w. It is smooth, and equals the layer at w = w₀.
    """
    T, s = ternarize(w0, threshold=threshold, scale=scale)
    return lambda x, w: x @ (s * T + (w - w0)).T


def ternary_weights_forward(w, *, threshold=1.0, scale="none"):
    T, s = ternarize(w, threshold=threshold, scale=scale)
    return s * T, ()  # the gradient needs no value of w


def ternary_weights_backward(dy, saved):
    return (dy,)


def weights_straight_through(w0, *, threshold=1.0, scale="none"):
    """y = s T(w₀) + (w - w₀), where every change of w passes straight through.

    Returns this function of w.
    """
    T, s = ternarize(w0, threshold=threshold, scale=scale)
    return lambda w: s * T + (w - w0)
