"""Tied head: project onto the vocabulary with the embedding table, and take the loss.

    forward    z = h wᵀ                                (N, D) (V, D) -> (N, V)
               loss = cross-entropy of z with targets y, as on cross_entropy's page
    backward   dz as on cross_entropy's page ;  dh = dz w  (N, D) ;  dw = dzᵀ h  (V, D)
               The loss is one number, so but for its factor dy all of dh and dw is known as
               soon as z is. They are computed at once, block by block, and kept instead of z:
                 1. e = e^(z - top), top and Σ e of each block of words; then lse of all
                 2. dz = e · e^(top - lse) · ... in e's place, then dh += dz w_b, dw_b = dzᵀ h
    saved      dh and dw           4·(N·D + V·D) bytes in float32; of z, min(N, ROWS) rows exist
    source     weight tying: Press & Wolf 2017, arXiv:1608.05859; blocks and gradients in the
               forward pass: Hsu et al. 2024, "Liger Kernel", arXiv:2410.10989

The plain twin is linear, then cross_entropy, which hold z, p and dz, each of N·V numbers, and
pass over them from memory; the tests hold both equal. What the blocks buy is measured by
`flashlm profile`. A block stays in the cache, e^z is computed once, and blocks do not need each
other: `each` may run `parts` of the vocabulary on as many cores.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ..errors import expect_shape
from .cross_entropy import cross_entropy_forward, expect_targets

ROWS = 512  # of z that exist at a time: with V = 50,257, 103 MB in float32
BLOCK = 1024  # words of the vocabulary at a time


def tied_head_forward(
    h,
    w,
    y,
    *,
    label_smoothing=0.0,
    z_loss=0.0,
    with_dw=True,
    parts=1,
    each=map,
    buffers=None,
):
    """`with_dw` False: w is frozen, and dw is None. `each` is `map` or works like it.

    `buffers`, a dict, keeps the large arrays from call to call, dw among them: whoever passes
    it must be done with the last call's gradients.
    """
    expect_shape("tied_head", "h", h, N=None, D=None)
    N, D = h.shape
    expect_shape("tied_head", "w", w, f"h {h.shape}", V=None, D=D)
    V, dtype = len(w), np.result_type(h, w)
    expect_targets("tied_head", y, N, V)
    buffers = {} if buffers is None else buffers
    z = _kept(buffers, "z", (min(N, ROWS) * V,), dtype)
    dh = np.empty(h.shape, dtype)
    dw = _kept(buffers, "dw", w.shape, dtype) if with_dw else None
    spans = [(V * part // parts, V * (part + 1) // parts) for part in range(parts)]
    loss = 0.0
    for first in range(0, N, ROWS):
        rows = slice(first, first + ROWS)
        hr, yr = h[rows], y[rows].astype(np.int64)  # (R, D), (R,)
        found = list(each(partial(_exponentials, hr, w, z), spans))
        lse = _log_sum_exp([block for blocks, _ in found for block in blocks])  # (R,)
        mean_z = hr @ (sum(total for _, total in found) / V)  # (R,) mean over the vocabulary
        z_y = (hr * w[yr]).sum(axis=1)  # (R,)
        row_loss = lse - (1 - label_smoothing) * z_y - label_smoothing * mean_z
        loss += (row_loss + z_loss * lse * lse).sum()
        scale = (1 + 2 * z_loss * lse) / N
        gradients = partial(
            _gradients, hr, w, yr, lse, scale, label_smoothing, N, dw, first == 0
        )
        dh[rows] = sum(each(gradients, [blocks for blocks, _ in found]))
    return np.asarray(loss / N, dtype), (dh, dw)


def tied_head_backward(dy, saved):
    dh, dw = saved
    if dy == 1:
        return dh, dw, None
    return dy * dh, None if dw is None else dy * dw, None


def tied_head_value(h, w, y, *, label_smoothing=0.0, z_loss=0.0):
    """The loss alone, from whole logits."""
    options = {"label_smoothing": label_smoothing, "z_loss": z_loss}
    return cross_entropy_forward(h @ w.T, y, **options)[0]


def _exponentials(h, w, z, span):
    """Step 1 on the words of a span: (words, e, top, Σ e) of each block, and the sum of w."""
    R, blocks, total = len(h), [], 0.0
    for start in range(*span, BLOCK):
        words = slice(start, min(start + BLOCK, span[1]))
        e = z[R * words.start : R * words.stop].reshape(R, -1)  # (R, block)
        np.matmul(h, w[words].T, out=e)
        top = e.real.max(axis=1)
        e -= top[:, None]
        np.exp(e, out=e)
        blocks.append((words, e, top, e.sum(axis=1)))
        total = total + w[words].sum(axis=0)  # (D,)
    return blocks, total


def _log_sum_exp(blocks):
    """ln Σ e^z over all blocks' words, of each row (R,)."""
    tops = np.stack([top for _, _, top, _ in blocks])  # (blocks, R)
    sums = np.stack([total for _, _, _, total in blocks])
    top = tops.max(axis=0)
    return top + np.log((sums * np.exp(tops - top)).sum(axis=0))


def _gradients(h, w, y, lse, scale, label_smoothing, N, dw, first, blocks):
    """Step 2 on a span's blocks: their share of dh, and their part of dw, in its place."""
    dh = 0.0
    for words, e, top, _ in blocks:
        dz = e  # (R, block), in the same memory
        dz *= (np.exp(top - lse) * scale)[:, None]
        if label_smoothing:
            dz -= label_smoothing / (len(w) * N)
        here = np.flatnonzero((y >= words.start) & (y < words.stop))
        dz[here, y[here] - words.start] -= (1 - label_smoothing) / N
        dh = dh + dz @ w[words]
        if dw is not None and first:
            np.matmul(dz.T, h, out=dw[words])
        elif dw is not None:
            dw[words] += dz.T @ h
    return dh


def _kept(buffers, name, shape, dtype):
    """An uninitialized array, the one of the last call where it fits."""
    array = buffers.get(name)
    if array is None or array.shape != shape or array.dtype != dtype:
        array = buffers[name] = np.empty(shape, dtype)
    return array
