"""Softmax cross-entropy: how surprised is the model by the token that came, in nats?

    forward    lse = ln Σ_v e^(z_v)                    one number per row         (N,)
               ε = label_smoothing, λ = z_loss:
               loss = mean_n [ (1-ε)(lse - z_y) + ε (lse - mean_v z_v) + λ lse² ]
               z (N, V) logits, y (N,) the right ids; the largest z is subtracted before
               e^z, which changes nothing but keeps it finite
    backward   ∂lse/∂z_v = e^(z_v - lse) = p_v, the softmax, so
               dz = dy/N · [ p (1 + 2 λ lse) - (1-ε) onehot(y) - ε/V ]            (N, V)
    saved      z, lse, y     4·N·(V+1) + 8·N bytes in float32; p is recomputed
    source     label smoothing: Szegedy et al. 2016, arXiv:1512.00567, section 7;
               z-loss: de Brébisson & Vincent 2016, arXiv:1604.08859; PaLM, arXiv:2204.02311

With ε > 0 the loss is no longer −ln p of the text: smoothed and true losses do not compare.
"""

from __future__ import annotations

import numpy as np

from ..errors import ShapeError, expect_integers, expect_shape


def cross_entropy_forward(z, y, *, label_smoothing=0.0, z_loss=0.0):
    expect_shape("cross_entropy", "z", z, N=None, V=None)
    expect_targets("cross_entropy", y, *z.shape)
    lse = log_sum_exp(z)  # (N,)
    loss = smoothed_loss(z, lse, y, label_smoothing, z_loss).mean()
    return np.asarray(loss), (z, lse, y, label_smoothing, z_loss)


def cross_entropy_backward(dy, saved):
    z, lse, y, label_smoothing, z_loss = saved
    return logit_gradient(dy, z, lse, y, label_smoothing, z_loss, V=z.shape[1]), None


def logit_gradient(dy, z, lse, y, label_smoothing, z_loss, *, V, first=0):
    """dz for the columns `first`, `first` + 1, ... of the V that z holds; y counts from 0."""
    N, width = z.shape
    dz = np.exp(z - lse[:, None])  # p (N, width)
    dz *= (1 + 2 * z_loss * lse)[:, None]
    dz -= label_smoothing / V
    here = np.flatnonzero((y >= first) & (y < first + width))
    dz[here, y[here].astype(np.int64) - first] -= 1 - label_smoothing
    dz *= dy / N
    return dz


def log_sum_exp(z):
    """ln Σ_v e^(z_v) of each row: (N, V) -> (N,)."""
    top = z.real.max(axis=1, keepdims=True)
    return np.log(np.exp(z - top).sum(axis=1)) + top[:, 0]


def smoothed_loss(z, lse, y, label_smoothing, z_loss):
    """The loss of each row: (N, V), (N,), (N,) -> (N,)."""
    z_y = z[np.arange(len(y)), y]
    smooth = label_smoothing * z.mean(axis=1) if label_smoothing else 0
    return lse - (1 - label_smoothing) * z_y - smooth + z_loss * lse * lse


def expect_targets(where, y, N, V):
    """Raise unless y holds N ids of a vocabulary of V, at least one."""
    expect_shape(where, "y", y, "the rows of z", N=N)
    expect_integers(where, "y", y, below=V, size_name="V")
    if N == 0:
        raise ShapeError(f"{where}: there is no row to average over; score at least one")
