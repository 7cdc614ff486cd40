"""Causal attention in blocks of questions: causal_attention.py with the same results.

forward    a block of ROWS positions t sees only the labels and contents up to its last one. So
           its scores are (B, G, ROWS, t) in place of (B, G, ROWS, T), and only the square on
           the diagonal has a mask. e^s and p are written over s.
backward   the formulas of the page for each block; a block adds to dk and dv of all before it
saved      q, k, v and the p of each block: about half of the page's p, for T >> ROWS

Gains: forward and backward take 11 ms, not 25 ms, for 5 heads of 32, B = 2 and T = 512; for
B = 8 and T = 128 5.4 ms, not 7.3 ms (float32, CPU time of one core, 2026-11-30). Half of the
page's scores are above the diagonal, and most of its time is passes over arrays of (T, T).
"""

import numpy as np

from .causal_attention import expect_attention_sizes, join_heads, split_heads

ROWS = 64  # questions in a block; 128 took a tenth longer


def causal_attention_fast_forward(q, k, v, *, heads=1):
    expect_attention_sizes(q, k, v, heads)
    scale = (q.shape[-1] // heads) ** -0.5
    q_g, k_g, v_g = (split_heads(x, heads) for x in (q, k, v))  # (B, G, T, C) each
    y = np.empty(v_g.shape, np.result_type(q, k, v))
    blocks = [slice(t, min(t + ROWS, q.shape[1])) for t in range(0, q.shape[1], ROWS)]
    p = [attention_probabilities(q_g[:, :, b] * scale, k_g[:, :, : b.stop]) for b in blocks]
    for b, p_b in zip(blocks, p, strict=True):
        np.matmul(p_b, v_g[:, :, : b.stop], out=y[:, :, b])
    return join_heads(y), (q, k, v, p, heads)


def causal_attention_fast_backward(dy, saved):
    q, k, v, p, heads = saved
    scale = (q.shape[-1] // heads) ** -0.5
    q_g, k_g, v_g, dy_g = (split_heads(x, heads) for x in (q, k, v, dy))  # (B, G, T, C) each
    dq, dk, dv = (np.zeros(q_g.shape, q.dtype) for _ in range(3))
    for p_b in p:
        stop = p_b.shape[-1]
        rows, seen = slice(stop - p_b.shape[-2], stop), slice(stop)
        dv[:, :, seen] += np.swapaxes(p_b, 2, 3) @ dy_g[:, :, rows]
        ds = dy_g[:, :, rows] @ np.swapaxes(v_g[:, :, seen], 2, 3)  # dp: (B, G, ROWS, stop)
        ds -= np.einsum("bgtu,bgtu->bgt", p_b, ds)[..., None]
        ds *= p_b
        dq[:, :, rows] = ds @ k_g[:, :, seen] * scale
        dk[:, :, seen] += np.swapaxes(ds, 2, 3) @ q_g[:, :, rows] * scale
    return tuple(map(join_heads, (dq, dk, dv)))


def computed_scores(T: int) -> int:
    """The scores of a head for T positions: those of its blocks, with the masked corners."""
    return sum((min(t + ROWS, T) - t) * min(t + ROWS, T) for t in range(0, T, ROWS))


def attention_probabilities(q, k):
    """p of the last rows of a text, q (B, G, n, C), over all rows k (B, G, t, C)."""
    s = q @ np.swapaxes(k, 2, 3)  # (B, G, n, t)
    n = s.shape[-2]
    s[..., s.shape[-1] - n :][..., ~np.tri(n, dtype=bool)] = -np.inf
    s -= s.real.max(axis=-1, keepdims=True)
    np.exp(s, out=s)
    s /= s.sum(axis=-1, keepdims=True)
    return s
