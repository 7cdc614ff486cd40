"""Tied head: project onto the vocabulary with the embedding table, and take the loss.

    forward    z = h wᵀ                                (N, D) (V, D) -> (N, V)
               loss = cross-entropy of z with targets y, as on cross_entropy's page
    backward   dz as on cross_entropy's page ;  dh = dz w  (N, D) ;  dw = dzᵀ h  (V, D)
               dz is as large as z, so it is made, used twice and forgotten for a block of
               the vocabulary at a time: dh = Σ_blocks dz_b w_b, and dw_b = dz_bᵀ h
    saved      h, w, z, lse, y      4·(N·V + N·D + V·D + N) + 8·N bytes in float32
    source     weight tying: Press & Wolf 2017, arXiv:1608.05859

Fused from linear and cross_entropy, which would hold z and a dz of the same size at once: with
V = 50,257 that is 200 kB more per scored position. The tests hold both forms equal.
"""

from __future__ import annotations

import numpy as np

from ..errors import expect_shape
from .cross_entropy import expect_targets, log_sum_exp, logit_gradient, smoothed_loss

BLOCK = 4096  # words of the vocabulary at a time


def tied_head_forward(h, w, y, *, label_smoothing=0.0, z_loss=0.0):
    expect_shape("tied_head", "h", h, N=None, D=None)
    N, D = h.shape
    expect_shape("tied_head", "w", w, f"h {h.shape}", V=None, D=D)
    expect_targets("tied_head", y, N, w.shape[0])
    z = h @ w.T  # (N, V)
    lse = log_sum_exp(z)  # (N,)
    loss = smoothed_loss(z, lse, y, label_smoothing, z_loss).mean()
    return np.asarray(loss), (h, w, z, lse, y, label_smoothing, z_loss)


def tied_head_backward(dy, saved):
    h, w, z, lse, y, label_smoothing, z_loss = saved
    V = w.shape[0]
    dh, dw = np.zeros_like(h), np.empty_like(w)
    for first in range(0, V, BLOCK):
        block = slice(first, first + BLOCK)
        dz = logit_gradient(dy, z[:, block], lse, y, label_smoothing, z_loss, V=V, first=first)
        dh += dz @ w[block]  # (N, D)
        np.matmul(dz.T, h, out=dw[block])  # (block, D)
    return dh, dw, None
