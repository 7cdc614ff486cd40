"""RMSNorm: scale each vector to unit root mean square, then by a learned gain.

forward    r = (mean_d x² + ε)^(-1/2)              one number per position    (..., 1)
           n = r x ;  y = w n                                                 (..., D)
backward   given dy:  dw = Σ dy n over all positions                          (D,)
           dn = dy w ;  ∂r/∂x_j = -r³ x_j / D  gives
           dx = r (dn - n · mean_d(dn n))                                     (..., D)
           the subtracted part is what only stretches x, which the norm undoes
saved      x, w, r      4·N·(D+1) + 4·D bytes in float32, for N positions; n is recomputed
source     Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4; ε as in FlashLM v3
"""

from __future__ import annotations

from ..errors import expect_shape


def rms_norm_forward(x, w, *, eps=1e-8):
    D = x.shape[-1]
    expect_shape("rms_norm", "w", w, f"x {x.shape}", D=D)
    r = ((x * x).mean(axis=-1, keepdims=True) + eps) ** -0.5  # (..., 1)
    return x * r * w, (x, w, r)


def rms_norm_backward(dy, saved):
    x, w, r = saved
    D = x.shape[-1]
    n = x * r
    t = dy * n  # (..., D)
    dw = t.reshape(-1, D).sum(axis=0)  # (D,)
    n *= (t @ w)[..., None] / D  # n · mean(dn n), because Σ_d dn n = Σ_d (dy n) w
    dx = dy * w
    dx -= n
    dx *= r
    return dx, dw
