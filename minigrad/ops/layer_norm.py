"""Layer norm: each vector to mean 0 and standard deviation 1, then a learned gain and offset.

forward    c = x - mean_d x                            each vector without its mean   (..., D)
           r = (mean_d c² + ε)^(-1/2)                  one number per position        (..., 1)
           n = r c ;  y = w n + b                                                     (..., D)
backward   given dy:  db = Σ dy ;  dw = Σ dy n  over all N positions                  (D,)
           dn = dy w ;  n_i = r c_i and ∂r/∂c_j = -r³ c_j / D give
           dc_j = r dn_j + Σ_i dn_i c_i ∂r/∂c_j = r (dn_j - n_j mean_d(dn n))
           ∂c_i/∂x_j = [i = j] - 1/D subtracts mean_d dc from dc, and mean_d n is 0, so
           dx = r (dn - mean_d dn - n mean_d(dn n))                                   (..., D)
saved      n, w, r      4·N·(D+1) + 4·D bytes in float32; neither x nor c is needed
source     Ba, Kiros & Hinton 2016, arXiv:1607.06450, eq. 4; ε as in PyTorch

In float16, the square of a number above 255 is infinite, and n is 0: norm in float32.
"""

from ..errors import ShapeError, expect_number, expect_shape


def layer_norm_forward(x, w, b, *, eps=1e-5):
    _expect_vectors(x, eps)
    expect_shape("layer_norm", "w", w, f"x {x.shape}", D=x.shape[-1])
    expect_shape("layer_norm", "b", b, f"x {x.shape}", D=x.shape[-1])
    c = x - x.mean(axis=-1, keepdims=True)  # (..., D)
    r = ((c * c).mean(axis=-1, keepdims=True) + eps) ** -0.5  # (..., 1); ε: c may be all 0
    n = c * r  # (..., D)
    return n * w + b, (n, w, r)


def layer_norm_backward(dy, saved):
    n, w, r = saved
    dn = dy * w  # (..., D)
    dw = (dy * n).reshape(-1, w.size).sum(axis=0)  # (D,); all positions share the gain
    db = dy.reshape(-1, w.size).sum(axis=0)  # (D,)
    # Two parts of dn are removed: another mean, or another length of c, gives the same n.
    along_mean = dn.mean(axis=-1, keepdims=True)  # (..., 1)
    along_n = n * (dn * n).mean(axis=-1, keepdims=True)  # (..., D)
    return r * (dn - along_mean - along_n), dw, db


def _expect_vectors(x, eps):
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ShapeError(f"layer_norm: x has shape {x.shape}, expected (..., D) with D > 0")
    expect_number("layer_norm", "eps", eps, least=0)
