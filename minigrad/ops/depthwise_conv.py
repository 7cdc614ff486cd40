"""Depthwise causal convolution: each channel is a weighted sum over its own K last positions.

    forward    y[b,t,d] = Σ_k w[d,k] · x[b, t - lag_k, d], lag_k = K-1-k           (B, T, D)
               w has one kernel per channel (D, K). The last tap sees t itself, the first one
               the oldest position. x before the start of the text is 0.
    backward   given dy: x[t] was used in y[t + lag_k] through tap k, so
               dx[b,t,d] = Σ_k w[d,k] · dy[b, t + lag_k, d]                        (B, T, D)
               dw[d,k] = Σ_bt dy[b, t + lag_k, d] · x[b,t,d]                       (D, K)
               dy after the end of the text is 0.
    saved      x and w       4·(B·T·D + D·K) bytes in float32
    source     the convolution of causal_conv.py with a group per channel; as a mixer of
               language models: Gu & Dao 2023, "Mamba", arXiv:2312.00752, figure 3

No channel sees another one, so this is not a matrix product: a tap costs one multiplication
and one addition per number. causal_conv_fast.py with D groups computes the same and gathers
K copies of x first. It takes 16 ms forward where this page takes 1 ms, for x (4, 256, 192),
8 taps and float32 on one core (measured 2026-11-30).
"""

import numpy as np

from ..errors import expect_shape


def depthwise_conv_forward(x, w):
    expect_shape("depthwise_conv", "x", x, B=None, T=None, D=None)
    expect_shape("depthwise_conv", "w", w, f"x {x.shape}", D=x.shape[-1], K=None)
    T, K = x.shape[1], w.shape[1]
    y = np.zeros(x.shape, np.result_type(x, w))  # (B, T, D)
    for k in range(K):
        lag = min(K - 1 - k, T)  # at T the slices are empty; T - lag is never < 0
        y[:, lag:] += x[:, : T - lag] * w[:, k]
    return y, (x, w)


def depthwise_conv_backward(dy, saved):
    x, w = saved
    (_, T, D), K = x.shape, w.shape[1]
    dx, dw = np.zeros_like(x), np.zeros_like(w)  # (B, T, D), (D, K)
    for k in range(K):
        lag = min(K - 1 - k, T)
        # The forward moved x by lag towards the future; the backward moves dy back by lag.
        dy_k, x_k = dy[:, lag:], x[:, : T - lag]  # (B, T-lag, D) each
        dx[:, : T - lag] += dy_k * w[:, k]
        dw[:, k] = (dy_k * x_k).reshape(-1, D).sum(axis=0)  # a kernel serves every b and t
    return dx, dw
