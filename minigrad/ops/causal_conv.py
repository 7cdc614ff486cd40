"""Grouped causal dilated convolution: each position mixes itself with K-1 earlier ones.

    forward    y[b,t,o] = Σ_k Σ_c w[o,c,k] · x[b, t - lag_k, group(o)·C + c]
               lag_k = (K-1-k)·dilation: the last tap sees the present, the first the oldest
               past; what lies before the text is 0. dilation=1 leaves no gap.
               x (B, T, D), w (O, C, K) with C = D/G: output o sees only its group's C
               channels -> y (B, T, O)
    backward   gathering the K taps of a position into one row ("patches", P) turns the sum
               into one matrix product per group, y_g = P_g w_g, so
               dw_g = P_gᵀ dy_g ;  dP_g = dy_g w_gᵀ
               and each dP goes back to where its tap had looked: dx[t - lag] += dP[t]
    saved      x and w       4·(B·T·D + O·C·K) bytes in float32; P is gathered again
    source     causal dilated convolution: van den Oord et al. 2016, "WaveNet",
               arXiv:1609.03499; layout (out, in/groups, taps) as in PyTorch's conv1d

Nothing at or before t ever sees what comes after t: that is what makes it causal.
"""

from __future__ import annotations

import numpy as np

from ..errors import ShapeError, expect_shape


def causal_conv_forward(x, w, *, groups=1, dilation=1):
    _expect_sizes(x, w, groups, dilation)
    B, T, _ = x.shape
    O, _, K = w.shape
    P = _patches(x, K, groups, dilation)  # (G, B·T, K·C)
    y = P @ _taps(w, groups)  # (G, B·T, O/G)
    y = y.reshape(groups, B, T, -1).transpose(1, 2, 0, 3)  # -> (B, T, G, O/G)
    return y.reshape(B, T, O), (x, w, groups, dilation)


def causal_conv_backward(dy, saved):
    x, w, groups, dilation = saved
    B, T, _ = x.shape
    O, C, K = w.shape
    dy = dy.reshape(B, T, groups, -1).transpose(2, 0, 1, 3)  # (B, T, O) -> (G, B, T, O/G)
    dy = dy.reshape(groups, B * T, -1)
    dw = np.swapaxes(_patches(x, K, groups, dilation), 1, 2) @ dy  # (G, K·C, O/G)
    dw = dw.reshape(groups, K, C, -1).transpose(0, 3, 2, 1).reshape(O, C, K)
    dP = dy @ np.swapaxes(_taps(w, groups), 1, 2)  # (G, B·T, K·C)
    return _unpatch(dP.reshape(groups, B, T, K, C), dilation), dw


def _taps(w, groups):
    """w as one matrix per group: (O, C, K) -> (G, K·C, O/G)."""
    _, C, K = w.shape
    return w.reshape(groups, -1, C, K).transpose(0, 3, 2, 1).reshape(groups, K * C, -1)


def _patches(x, K, groups, dilation):
    """What each position sees, one row per position: (B, T, D) -> (G, B·T, K·C)."""
    B, T, D = x.shape
    x = x.reshape(B, T, groups, -1).transpose(2, 0, 1, 3)  # (G, B, T, C)
    P = np.zeros((groups, B, T, K, D // groups), x.dtype)
    for k, lag in _lags(K, dilation, T):
        P[:, :, lag:, k] = x[:, :, : T - lag]
    return P.reshape(groups, B * T, -1)


def _unpatch(dP, dilation):
    """The transpose of `_patches`: (G, B, T, K, C) -> (B, T, D)."""
    G, B, T, K, C = dP.shape
    dx = np.zeros((G, B, T, C), dP.dtype)
    for k, lag in _lags(K, dilation, T):
        dx[:, :, : T - lag] += dP[:, :, lag:, k]
    return dx.transpose(1, 2, 0, 3).reshape(B, T, G * C)


def _lags(K, dilation, T):
    """(tap, lag) of the taps that reach into the text; a lag of T or more sees only padding."""
    lags = ((k, (K - 1 - k) * dilation) for k in range(K))
    return [(k, lag) for k, lag in lags if lag < T]


def _expect_sizes(x, w, groups, dilation):
    expect_shape("causal_conv", "x", x, B=None, T=None, D=None)
    expect_shape("causal_conv", "w", w, O=None, C=None, K=None)
    D, (O, C, _) = x.shape[-1], w.shape
    if dilation < 1:
        raise ValueError(f"causal_conv: dilation is {dilation}, expected 1 (no gap) or more")
    if groups < 1 or D % groups or O % groups or C * groups != D:
        raise ShapeError(
            f"causal_conv: w has shape {w.shape} and x {x.shape}; with groups={groups}, the "
            f"groups must divide D={D} and O={O}, and w must have C = D/groups input channels"
        )
