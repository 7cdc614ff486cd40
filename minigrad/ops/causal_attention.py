"""Causal attention: each position takes a weighted mean of what it and earlier positions offer.

    forward    q, k, v (B, T, D) have G heads of C = D/G numbers: a position's question, its
               label and its content. For each text and each head, with positions t and u:
               s[t,u] = q[t] · k[u] / √C for u ≤ t, and -∞ for u > t        (B, G, T, T)
               p[t,u] = e^s[t,u] / Σ_u e^s[t,u]     a row has the sum 1     (B, G, T, T)
               y[t] = Σ_u p[t,u] v[u]               the heads side by side  (B, T, D)
    backward   given dy:  dv[u] = Σ_t p[t,u] dy[t]                          (B, T, D)
               dp[t,u] = dy[t] · v[u]                                       (B, G, T, T)
               ds = p (dp - Σ_u p dp), as on softmax's page; 0 for u > t    (B, G, T, T)
               dq[t] = Σ_u ds[t,u] k[u] / √C                                (B, T, D)
               dk[u] = Σ_t ds[t,u] q[t] / √C                                (B, T, D)
    saved      q, k, v and p      4·(3·B·T·D + B·G·T²) bytes in float32
    source     Vaswani et al. 2017, arXiv:1706.03762, section 3.2

The memory grows with T²: with 4 heads, one text of 512 positions keeps 4 MB of p, and one of
16,384 positions 4.3 GB. While it works, it holds about three such arrays. Half of each is zeros
above the diagonal. causal_attention_fast.py leaves out most of them. FlashAttention, Dao et al.
2022, arXiv:2205.14135, never holds p at all.
"""

import numpy as np

from ..errors import ShapeError, expect_shape


def causal_attention_forward(q, k, v, *, heads=1):
    expect_attention_sizes(q, k, v, heads)
    scale = (q.shape[-1] // heads) ** -0.5  # without it, s grows with C, and p takes one u only
    q_g, k_g, v_g = (split_heads(x, heads) for x in (q, k, v))  # (B, G, T, C) each
    s = q_g @ np.swapaxes(k_g, 2, 3) * scale  # (B, G, T, T)
    T = s.shape[-1]
    s[..., ~np.tri(T, dtype=bool)] = -np.inf  # above the diagonal lies the future
    # The largest score goes, so that e^s cannot overflow. real: a complex step's s is complex.
    e = np.exp(s - s.real.max(axis=-1, keepdims=True, initial=-np.inf))
    p = e / e.sum(axis=-1, keepdims=True)
    return join_heads(p @ v_g), (q, k, v, p)


def causal_attention_backward(dy, saved):
    q, k, v, p = saved
    heads = p.shape[1]
    scale = (q.shape[-1] // heads) ** -0.5
    q_g, k_g, v_g, dy_g = (split_heads(x, heads) for x in (q, k, v, dy))  # (B, G, T, C) each
    dv = np.swapaxes(p, 2, 3) @ dy_g  # what u offered went to all later t
    dp = dy_g @ np.swapaxes(v_g, 2, 3)  # (B, G, T, T)
    # A masked p is 0, so its ds is 0. The mask is not needed again.
    ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True))
    dq, dk = ds @ k_g * scale, np.swapaxes(ds, 2, 3) @ q_g * scale
    return join_heads(dq), join_heads(dk), join_heads(dv)


def split_heads(x, heads):
    """(B, T, D) -> (B, G, T, C), a view where possible: neighbours share a head."""
    B, T, D = x.shape
    return x.reshape(B, T, heads, D // heads).swapaxes(1, 2)


def join_heads(x):
    """(B, G, T, C) -> (B, T, D)."""
    B, G, T, C = x.shape
    return x.swapaxes(1, 2).reshape(B, T, G * C)


def expect_attention_sizes(q, k, v, heads):
    expect_shape("causal_attention", "q", q, B=None, T=None, D=None)
    B, T, D = q.shape
    expect_shape("causal_attention", "k", k, f"q {q.shape}", B=B, T=T, D=D)
    expect_shape("causal_attention", "v", v, f"q {q.shape}", B=B, T=T, D=D)
    if not isinstance(heads, (int, np.integer)):
        raise TypeError(f"causal_attention: heads is {heads!r}, expected a whole number")
    if heads < 1 or D % heads:
        raise ShapeError(f"causal_attention: heads is {heads}, which does not divide D = {D}")
