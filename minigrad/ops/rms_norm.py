"""RMSNorm: scale each vector to unit root mean square, then by a learned gain.

forward    r = (mean_d x² + ε)^(-1/2)              one number per position    (..., 1)
           n = r x ;  y = w n                                                 (..., D)
backward   given dy:  dw = Σ dy n over all N positions                        (D,)
           dn = dy w ;  n_i = r x_i and ∂r/∂x_j = -r³ x_j / D give
           dx_j = r dn_j + Σ_i dn_i x_i ∂r/∂x_j = r dn_j - r n_j Σ_i dn_i n_i / D, so
           dx = r (dn - n · mean_d(dn n))                                     (..., D)
saved      x, w, r      4·N·(D+1) + 4·D bytes in float32; n is recomputed
source     Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4; ε as in FlashLM v3

In float16, the square of a number above 255 is infinite, and n is 0: norm in float32.
"""

from ..errors import expect_number, expect_shape


def rms_norm_forward(x, w, *, eps=1e-8):
    D = x.shape[-1]
    expect_shape("rms_norm", "w", w, f"x {x.shape}", D=D)
    expect_number("rms_norm", "eps", eps, least=0)
    r = ((x * x).mean(axis=-1, keepdims=True) + eps) ** -0.5  # (..., 1); ε: x may be all 0
    return x * r * w, (x, w, r)


def rms_norm_backward(dy, saved):
    x, w, r = saved
    n, dn = x * r, dy * w  # (..., D)
    dw = (dy * n).reshape(-1, w.size).sum(axis=0)  # (D,); all positions share the gain
    # The part of dn along n is removed: a longer x would give the same n.
    dx = r * (dn - n * (dn * n).mean(axis=-1, keepdims=True))  # (..., D)
    return dx, dw
