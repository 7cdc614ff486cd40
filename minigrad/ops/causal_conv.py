"""Causal convolution: each position becomes a weighted sum over itself and K-1 earlier ones.

    forward    x (B, T, D), w (O, C, K) -> y (B, T, O). The D channels form G groups of C = D/G
               neighbors, the outputs G groups of O/G. An output sees only the channels of its
               own group. With x seen as (B, T, G, C) and w as (G, O/G, C, K):
               y[b,t,g,o] = Σ_k Σ_c w[g,o,c,k] · x[b, t - lag_k, g, c]
               lag_k = (K-1-k)·dilation. Tap k is the weight of one lag: the last tap sees t
               itself, the first one the oldest position. x before the start of the text is 0.
    backward   given dy: x[t] was used in y[t + lag_k] through tap k, so
               dx[b,t,g,c] = Σ_k Σ_o w[g,o,c,k] · dy[b, t + lag_k, g, o]           (B, T, D)
               dw[g,o,c,k] = Σ_bt dy[b, t + lag_k, g, o] · x[b,t,g,c]              (O, C, K)
               dy after the end of the text is 0.
    saved      x and w       4·(B·T·D + O·C·K) bytes in float32
    source     causal dilated convolution: van den Oord et al. 2016, "WaveNet",
               arXiv:1609.03499; layout (out, in/groups, taps) as in PyTorch's conv1d

No output at or before t depends on an input after t: this makes the convolution causal.
causal_conv_fast.py computes the same with one matrix product per group.
"""

import numpy as np

from ..errors import ShapeError, expect_shape


def causal_conv_forward(x, w, *, groups=1, dilation=1):
    expect_conv_sizes("causal_conv", x, w, groups, dilation)
    (B, T, _), (O, C, K) = x.shape, w.shape
    xg = x.reshape(B, T, groups, C)  # adjacent channels share a group
    wg = w.reshape(groups, O // groups, C, K)  # and so do adjacent outputs
    y = np.zeros((B, T, groups, O // groups), np.result_type(x, w))  # (B, T, G, O/G)
    for k in range(K):
        lag = min((K - 1 - k) * dilation, T)  # at T the slices are empty; T - lag is never < 0
        y[:, lag:] += np.einsum("btgc,goc->btgo", xg[:, : T - lag], wg[..., k])
    return y.reshape(B, T, O), (x, w, groups, dilation)


def causal_conv_backward(dy, saved):
    x, w, groups, dilation = saved
    (B, T, D), (O, C, K) = x.shape, w.shape
    xg, dyg = x.reshape(B, T, groups, C), dy.reshape(B, T, groups, O // groups)
    wg = w.reshape(groups, O // groups, C, K)  # (G, O/G, C, K)
    dx, dw = np.zeros_like(xg), np.zeros_like(wg)  # (B, T, G, C), (G, O/G, C, K)
    for k in range(K):
        lag = min((K - 1 - k) * dilation, T)
        # The forward moved x by lag towards the future; the backward moves dy back by lag.
        dy_k, x_k = dyg[:, lag:], xg[:, : T - lag]  # (B, T-lag, G, O/G), (B, T-lag, G, C)
        # +=, because position t was seen through all K taps.
        dx[:, : T - lag] += np.einsum("btgo,goc->btgc", dy_k, wg[..., k])
        dw[..., k] = np.einsum("btgo,btgc->goc", dy_k, x_k)  # a weight serves every b and t
    return dx.reshape(B, T, D), dw.reshape(O, C, K)


def expect_conv_sizes(where, x, w, groups, dilation, name="w"):
    expect_shape(where, "x", x, B=None, T=None, D=None)
    expect_shape(where, name, w, O=None, C=None, K=None)
    D, (O, C, _) = x.shape[-1], w.shape
    for name_of_option, number in (("dilation", dilation), ("groups", groups)):
        if not isinstance(number, (int, np.integer)):
            raise TypeError(f"{where}: {name_of_option} is {number!r}, expected a whole number")
    if dilation < 1:
        raise ValueError(f"{where}: dilation is {dilation}, expected 1 (no gap) or more")
    if groups < 1 or D % groups or O % groups or C * groups != D:
        raise ShapeError(
            f"{where}: {name} has shape {w.shape} and x {x.shape}; with groups={groups}, the "
            f"groups must divide D={D} and O={O}, and {name} must have C = D/groups channels"
        )
