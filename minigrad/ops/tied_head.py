"""Tied head: project onto the vocabulary with the embedding table, and take the loss.

    forward    z = h @ wᵀ                                      (N, D) (V, D) -> (N, V)
               loss = cross-entropy of z with the right ids y (N,), as on cross_entropy's page
    backward   dz as on cross_entropy's page ;  dh = dz @ w  (N, D) ; dw = dzᵀ @ h  (V, D)
               The loss is one number, so dh and dw are known, except for its factor dy, as
               soon as z is. The forward computes them, ROWS rows at a time, and saves no z.
    saved      dh and dw at dy = 1       4·(N·D + V·D) bytes in float32
    source     weight tying: Press & Wolf 2017, arXiv:1608.05859; gradients in the forward pass:
               Hsu et al. 2024, "Liger Kernel", arXiv:2410.10989

This is linear, then cross_entropy, with less memory: only ROWS rows of z, p and dz exist at a
time, instead of N. tied_head_fast.py computes the same in blocks that stay in the cache. The
tests hold all three equal.
"""

import numpy as np

from ..errors import expect_shape
from .cross_entropy import cross_entropy_backward, cross_entropy_forward, expect_targets

ROWS = 512  # rows of z that exist at a time: 103 MB in float32 for V = 50,257


def tied_head_forward(h, w, y, *, label_smoothing=0.0, z_loss=0.0):
    expect_head_sizes("tied_head", h, w, y)
    options = {"label_smoothing": label_smoothing, "z_loss": z_loss}
    N, loss, dtype = len(h), 0.0, np.result_type(h, w)
    dh, dw = np.zeros(h.shape, dtype), np.zeros(w.shape, dtype)
    for start in range(0, N, ROWS):
        rows = slice(start, start + ROWS)
        z = h[rows] @ w.T  # (R, V)
        mean, saved = cross_entropy_forward(z, y[rows], **options)
        part = len(z) / N  # these rows' part of the mean over all N
        dz, _ = cross_entropy_backward(part, saved)  # (R, V)
        loss += part * mean
        dh[rows] = dz @ w  # (R, D)
        dw += dz.T @ h[rows]  # (V, D): every row adds to the gradient of the whole table
    return np.asarray(loss), (dh, dw)


def tied_head_backward(dy, saved):
    dh, dw = saved
    return dy * dh, dy * dw, None


def expect_head_sizes(where, h, w, y):
    expect_shape(where, "h", h, N=None, D=None)
    expect_shape(where, "w", w, f"h {h.shape}", V=None, D=h.shape[1])
    expect_targets(where, y, len(h), len(w))
