"""Grouped causal dilated convolution: each position mixes itself with K-1 earlier ones.

    forward    y[b,t,o] = Σ_k Σ_c w[o,c,k] · x[b, t - lag_k, group(o)·C + c]
               lag_k = (K-1-k)·dilation: the last tap sees the present, the first the oldest
               past; what lies before the text is 0. dilation=1 leaves no gap.
               x (B, T, D), w (O, C, K) with C = D/G: output o sees only its group's C
               channels -> y (B, T, O)
    backward   gathering the K taps of a position into one row ("patches", P) turns the sum
               into one matrix product per group, y_g = P_g w_g, so
               dw_g = P_gᵀ dy_g
               and x[t] was seen by the K positions t + lag_k, so with Q the rows of their dy
               dx_g = Q_g w'_g, one more product per group; w' is w with its taps regrouped
    saved      x and w       4·(B·T·D + O·C·K) bytes in float32; P is gathered again
    source     causal dilated convolution: van den Oord et al. 2016, "WaveNet",
               arXiv:1609.03499; layout (out, in/groups, taps) as in PyTorch's conv1d

Nothing at or before t ever sees what comes after t: that is what makes it causal.
"""

from __future__ import annotations

import numpy as np

from ..errors import ShapeError, expect_shape


def causal_conv_forward(x, w, *, groups=1, dilation=1):
    expect_conv_sizes("causal_conv", x, w, groups, dilation)
    B, T, _ = x.shape
    P = gather_patches(x, w.shape[2], groups, dilation)  # (G, B·T, K·C)
    y = P @ split_taps(w, groups)  # (G, B·T, O/G)
    return from_groups(y, B, T), (x, w, groups, dilation)


def causal_conv_backward(dy, saved):
    x, w, G, dilation = saved
    B, T, _ = x.shape
    K = w.shape[2]
    dy = to_groups(dy, G)  # (B, T, O) -> (G, B·T, O/G)
    P = gather_patches(x, K, G, dilation)  # (G, B·T, K·C)
    dw = np.swapaxes(P, 1, 2) @ dy  # (G, K·C, O/G)
    dx = gather_ahead(dy, K, dilation, B, T) @ ahead_taps(split_taps(w, G), K)  # (G, B·T, C)
    return from_groups(dx, B, T), unsplit_taps(dw, K)


def gather_patches(x, K, groups, dilation):
    """What each position sees, one row per position: (B, T, D) -> (G, B·T, K·C)."""
    B, T, _ = x.shape
    runs = as_runs(x, groups).transpose(2, 0, 1)  # (B, T, G) -> (G, B, T)
    P = np.empty((groups, B, T, K), runs.dtype)
    for k in range(K):
        lag = min((K - 1 - k) * dilation, T)
        P[:, :, :lag, k] = np.zeros((), runs.dtype)  # before the text
        P[:, :, lag:, k] = runs[:, :, : T - lag]
    return P.view(x.dtype).reshape(groups, B * T, -1)


def gather_ahead(dy, K, dilation, B, T):
    """What each position was seen by, one row per position: (G, B·T, n) -> (G, B·T, K·n)."""
    G = len(dy)
    runs = as_runs(dy, 1).reshape(G, B, T)
    P = np.empty((G, B, T, K), runs.dtype)
    for k in range(K):
        lag = min((K - 1 - k) * dilation, T)
        P[:, :, : T - lag, k] = runs[:, :, lag:]
        P[:, :, T - lag :, k] = np.zeros((), runs.dtype)  # after the text
    return P.view(dy.dtype).reshape(G, B * T, -1)


def as_runs(x, groups):
    """A group's channels as one item, which is copied at once: (..., D) -> (..., G)."""
    x = np.ascontiguousarray(x)
    return x.view(np.dtype((np.void, x.shape[-1] // groups * x.itemsize)))


def ahead_taps(w, K):
    """split_taps for the way back: (G, K·C, n) -> (G, K·n, C)."""
    G, KC, n = w.shape
    return w.reshape(G, K, KC // K, n).transpose(0, 1, 3, 2).reshape(G, K * n, KC // K)


def split_taps(w, groups):
    """w as one matrix per group: (O, C, K) -> (G, K·C, O/G)."""
    _, C, K = w.shape
    return w.reshape(groups, -1, C, K).transpose(0, 3, 2, 1).reshape(groups, K * C, -1)


def unsplit_taps(w, K):
    """The inverse of `split_taps`: (G, K·C, O/G) -> (O, C, K)."""
    G, KC, n = w.shape
    return w.reshape(G, K, KC // K, n).transpose(0, 3, 2, 1).reshape(G * n, KC // K, K)


def to_groups(y, groups):
    """(B, T, O) -> (G, B·T, O/G)."""
    B, T, _ = y.shape
    return y.reshape(B, T, groups, -1).transpose(2, 0, 1, 3).reshape(groups, B * T, -1)


def from_groups(y, B, T):
    """The inverse of `to_groups`: (G, B·T, O/G) -> (B, T, O)."""
    return y.reshape(len(y), B, T, -1).transpose(1, 2, 0, 3).reshape(B, T, -1)


def expect_conv_sizes(where, x, w, groups, dilation, name="w"):
    expect_shape(where, "x", x, B=None, T=None, D=None)
    expect_shape(where, name, w, O=None, C=None, K=None)
    D, (O, C, _) = x.shape[-1], w.shape
    if dilation < 1:
        raise ValueError(f"{where}: dilation is {dilation}, expected 1 (no gap) or more")
    if groups < 1 or D % groups or O % groups or C * groups != D:
        raise ShapeError(
            f"{where}: {name} has shape {w.shape} and x {x.shape}; with groups={groups}, the "
            f"groups must divide D={D} and O={O}, and {name} must have C = D/groups channels"
        )
