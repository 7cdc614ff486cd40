"""BitLinear: RMSNorm, activations of 8 bits, and a matrix of ternary weights.

    forward    r = (mean_d x² + ε)^(-1/2) ;  n = r x ;  a = g n                   (..., D)
               s = max(max_d |a|, 10⁻⁵) / 127        a step for each position     (..., 1)
               k = round(a / s)                      integers from -127 to 127    (..., D)
               m = max(mean |w|, 10⁻⁵)               of the whole matrix
               t = round(w / m), at least -1 and at most 1                        (O, D)
               y = s m (k @ tᵀ)                      sums of integers             (..., O)
    backward   given dy, with q = s k and Q = m t: the derivatives of both roundings are 0
               almost everywhere. The straight-through estimator acts as if q were a plus a
               constant, and Q were w plus a constant. So
               dw = dyᵀ @ q                          q, not a                     (O, D)
               da = dy @ Q ;  dg = Σ da n over all positions                      (D,)
               dn = da g ;  dx = r (dn - n mean_d(dn n)), as in rms_norm.py       (..., D)
    surrogate  y = (RMSNorm(x) + (q₀ - a₀)) @ (w + (Q₀ - w₀))ᵀ, which has this gradient. The
               letters with ₀ are those of the forward pass, and constants.
    saved      x, r, g and t         4·(N·D + N + D + O·D) bytes in float32, for N positions
               q is made again. As three operations, the norm would keep x and r, and the
               product q and Q: 4·N·D bytes more
    source     Ma et al. 2024, "BitNet b1.58", arXiv:2402.17764; with the norm inside: Zhu et
               al. 2024, arXiv:2406.02528. ε as in their kernel; their module prints 1e-8

|a| / s is at most 127, so no activation is clipped. A half is rounded to the even integer. In
float32 the product is exact up to D = 132,104: no sum of so many integers exceeds 2²⁴, so it
depends neither on the order of its terms nor on the other positions.
"""

import numpy as np

from ..errors import ShapeError, expect_number, expect_shape

LARGEST = 127  # of an activation in 8 bits
SMALLEST = 1e-5  # of the numbers that the code divides by: rows and matrices may be all 0


def absmax(a):
    """8-bit activations of rows a (..., D): integers k, as floats, and a step s (..., 1)."""
    s = np.maximum(np.abs(a).max(axis=-1, keepdims=True), SMALLEST) / LARGEST
    k = a / s
    return np.rint(k, out=k), s


def absmean(w):
    """Ternary weights of a matrix w: t in {-1, 0, 1}, as floats, and a scale m, a number."""
    m = float(np.maximum(np.abs(w).mean(), SMALLEST))
    return np.clip(np.round(w / m), -1, 1), m


def bit_linear_forward(x, w, g, *, eps=1e-6):
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ShapeError(f"bit_linear: x has shape {x.shape}, expected (..., D) with D > 0")
    D = x.shape[-1]
    expect_shape("bit_linear", "w", w, f"x {x.shape}", O=None, D=D)
    expect_shape("bit_linear", "g", g, f"x {x.shape}", D=D)
    expect_number("bit_linear", "eps", eps, least=0)
    r = ((x * x).mean(axis=-1, keepdims=True) + eps) ** -0.5  # (..., 1)
    k, s = absmax(x * r * g)  # (..., D), (..., 1)
    t, m = absmean(w)  # (O, D)
    y = k.reshape(-1, D) @ t.T  # (N, O); only additions, as t is -1, 0 or 1
    y *= s.reshape(-1, 1) * m
    return y.reshape(*x.shape[:-1], len(w)), (x, r, g, t, m)


def bit_linear_backward(dy, saved):
    x, r, g, t, m = saved
    O, D = t.shape
    n = (x * r).reshape(-1, D)  # (N, D)
    k, s = absmax(n * g)  # as in the forward: cheaper to make again than to keep
    k *= s
    dy_rows = dy.reshape(-1, O)  # (N, O)
    dw = dy_rows.T @ k  # (O, D); also where t is 0
    da = dy_rows @ (m * t)  # (N, D)
    da_n = da * n
    dg = da_n.sum(axis=0)  # (D,)
    mean = (da_n @ g)[:, None] / D  # (N, 1), that of dn n
    da *= g  # from here on it is dn, and then dx: no array is made only to be thrown away
    da -= n * mean
    da *= r.reshape(-1, 1)
    return da.reshape(x.shape), dw, dg


def straight_through(x0, w0, g0, *, eps=1e-6):
    """y = (RMSNorm(x) + (q₀ - a₀)) @ (w + (Q₀ - w₀))ᵀ: changes pass straight through.

    Returns this function of x, w and g. It is smooth, and equals the layer at x₀, w₀ and g₀.
    """

    def norm(x, g):
        return x * ((x * x).mean(axis=-1, keepdims=True) + eps) ** -0.5 * g

    a0, (t, m) = norm(x0, g0), absmean(w0)
    k, s = absmax(a0)
    return lambda x, w, g: (norm(x, g) + (s * k - a0)) @ (w + (m * t - w0)).T
