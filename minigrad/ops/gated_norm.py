"""Gated norm: RMSNorm of one array, times the SiLU of another.

    forward    r = (mean_d x² + ε)^(-1/2) ;  n = r x                                (..., D)
               s = σ(h) ;  v = h s ;  y = w n v                                     (..., D)
    backward   given dy:  dw = Σ dy n v over all N positions                        (D,)
               dh = dy w n s (1 + h (1 - s)), as in silu_gate.py                    (..., D)
               dn = dy w v ;  dx = r (dn - n mean_d(dn n)), as in rms_norm.py       (..., D)
    saved      x, h, w and r         4·(2·N·D + N + D) bytes in float32; n and s are made again
    source     the code of Zhu et al. 2024, arXiv:2406.02528: x is the gate and h the state of
               the recurrence. The paper has σ(x) h, without a norm: gated.py

Fused from two operations that the table has too, rms_norm and silu_gate, which would keep
4·2·N·D bytes more. The tests hold the fused and the composed form equal.
"""

from ..errors import expect_number, expect_shape
from .activations import sigmoid


def gated_norm_forward(x, h, w, *, eps=1e-6):
    expect_shape("gated_norm", "h", h, "x", **{f"n{i}": n for i, n in enumerate(x.shape)})
    expect_shape("gated_norm", "w", w, f"x {x.shape}", D=x.shape[-1])
    expect_number("gated_norm", "eps", eps, least=0)
    r = ((x * x).mean(axis=-1, keepdims=True) + eps) ** -0.5  # (..., 1)
    return x * r * w * (h * sigmoid(h)), (x, h, w, r)


def gated_norm_backward(dy, saved):
    x, h, w, r = saved
    n, s = x * r, sigmoid(h)  # (..., D)
    dyn, v = dy * n, h * s
    dw = (dyn * v).reshape(-1, w.size).sum(axis=0)  # (D,)
    dh = dyn * w * s * (1 + h * (1 - s))  # (..., D)
    dn = dy * w * v
    dx = r * (dn - n * (dn * n).mean(axis=-1, keepdims=True))  # (..., D)
    return dx, dh, dw
