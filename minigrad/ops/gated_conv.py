"""Gated causal convolution: one convolution decides how much of another passes.

    forward    y = σ(conv(x, w_gate)) · conv(x, w_value)          (B, T, D) -> (B, T, O)
               both as on causal_conv's page, over the same x, and so over the same patches P:
               with the taps of both side by side, one product per group gives g and v
    backward   given dy:  dv = dy σ(g) ;  dg = dy v σ(g) (1 - σ(g)), side by side again:
               dw = Pᵀ [dg dv], and dx = Q w' of [dg dv], as in causal_conv
    saved      x, σ(g), v and the weights side by side; P is gathered again
               4·(B·T·(D + 2·O) + 2·O·C·K) bytes in float32
    source     gated causal convolution: Oord et al. 2016, arXiv:1609.03499, eq. 2, where the
               value passes a tanh first; without it: Dauphin et al. 2017, arXiv:1612.08083

Fused from two causal_conv and a sigmoid_gate, which gather the patches twice each way, and keep
them apart in memory at that. The tests hold the fused and the composed form equal.
"""

from __future__ import annotations

import numpy as np

from ..errors import expect_shape
from .activations import sigmoid
from .causal_conv import (
    ahead_taps,
    expect_conv_sizes,
    from_groups,
    gather_ahead,
    gather_patches,
    split_taps,
    to_groups,
    unsplit_taps,
)


def gated_conv_forward(x, w_gate, w_value, *, groups=1, dilation=1):
    expect_conv_sizes("gated_conv", x, w_gate, groups, dilation, "w_gate")
    O, C, K = w_gate.shape
    expect_shape("gated_conv", "w_value", w_value, "w_gate", O=O, C=C, K=K)
    B, T, _ = x.shape
    w = np.concatenate([split_taps(w_gate, groups), split_taps(w_value, groups)], axis=2)
    gv = gather_patches(x, K, groups, dilation) @ w  # (G, B·T, 2·O/G)
    s, v = gv[..., : O // groups], gv[..., O // groups :]
    s[...] = sigmoid(s)  # in g's place: v is a view of gv, which keeps all of it
    return from_groups(s * v, B, T), (x, w, s, v, K, dilation)


def gated_conv_backward(dy, saved):
    x, w, s, v, K, dilation = saved
    B, T, _ = x.shape
    G, _, n = s.shape
    dy = to_groups(dy, G)  # (B, T, O) -> (G, B·T, O/G)
    dgv = np.empty((*s.shape[:2], 2 * n), dy.dtype)
    dv = np.multiply(dy, s, out=dgv[..., n:])
    np.multiply(dv * v, 1 - s, out=dgv[..., :n])
    P = gather_patches(x, K, G, dilation)  # (G, B·T, K·C)
    dw = np.swapaxes(P, 1, 2) @ dgv  # (G, K·C, 2·O/G)
    dx = gather_ahead(dgv, K, dilation, B, T) @ ahead_taps(w, K)  # (G, B·T, C)
    return from_groups(dx, B, T), unsplit_taps(dw[..., :n], K), unsplit_taps(dw[..., n:], K)
