"""Hybrid: exact over the frequent words, one way out to the rest, and in the rest two levels.

    forward    The first F rows of the table are the most frequent words. Each other word has a
               class of G, a contiguous slice of the table. z_v = h · w_v for a word v:
               l = ln Σ_{v<F} e^(z_v) ;  s = (l, h · t + b)                          (N, 2)
               nll = [lse(s) - s_0] + [l - z_y]              for y < F
                   = [lse(s) - s_1] + two_level's -ln p(y)   for y in the rest        (N,)
               The loss is their mean.
    backward   With dy = ∂loss/∂nll, q = softmax(s), and k = 1 for targets in the rest, else 0:
               ds = dy (q - onehot(k)) ;  dt = Σ_n ds_n1 h_n ;  db = Σ_n ds_n1
               z_v acts through l and, as a rival of the rest, through s_0 = l. Together
               dz_v = dy (q_0 e^(z_v - l) - [v = y])  for v < F, for all rows
               dw_v = Σ_n dz_nv h_n ;  dh = Σ_v dz_v w_v + ds_1 t
               For the M rows with targets in the rest, two_level's backward is added.
    saved      e^(z - top) of the first F words for all rows, q, and what two_level saves for M
               rows:  4·(N·F + M·(G + S_k)) bytes in float32 beside the inputs
    cost       N·F + M·(G + S_k) logits, not N·V. With V = 50,257, F = 8,192, 224 classes and
               textbooks: 8,230 for each row, since 9 of 100 targets are in the rest. Forward
               and backward take a fifth of the processor time of tied_head_fast (N = 2,048,
               D = 256, measured 2026-11-30)
    source     the short list: Grave et al. 2017, arXiv:1609.04309; the classes: Goodman 2001,
               arXiv:cs/0108006; to put one into the other is ours

The probabilities of all words sum to 1. The class of a word matters only if it is rare.
"""

from __future__ import annotations

import numpy as np

from minigrad import Operation, Parameter, apply
from minigrad.errors import expect_shape
from minigrad.ops.cross_entropy import log_sum_exp
from minigrad.ops.tied_head import expect_head_sizes
from minigrad.ops.tied_head_fast import WORK_OPTIONS, reused

from .head import Head
from .short_list import (
    bias_of_shares,
    expect_cutoffs,
    nll_by_rows,
    short_list_gradients,
    short_list_nll,
)
from .slices import part_of
from .two_level import class_log_prob, two_level_backward, two_level_nll


def hybrid_forward(h, w, t, b, c, a, y, *, starts, with_dw=True, buffers=None, **work):
    _expect_sizes(h, w, t, b, c, a, y, starts)
    nll, kept = hybrid_nll(h, w, t, b, c, a, y, starts, buffers=buffers, **work)  # (N,)
    return nll, (h, w, t, c, y, kept, with_dw, buffers, work)


def hybrid_nll(h, w, t, b, c, a, y, starts, *, buffers=None, **work):
    """-ln p of each target (N,), and what the backward needs of the softmaxes."""
    F = int(starts[0])
    k = part_of(y, [0, F])  # (N,)
    nll, q, softmaxes = short_list_nll(h, w, t, b, y, k, F, [], buffers=buffers, **work)
    rest = np.flatnonzero(k)  # (M,)
    rest_nll, inner = two_level_nll(h[rest], w, c, a, y[rest], starts, **work)
    inner_nll = np.zeros(len(h), rest_nll.dtype)
    inner_nll[rest] = rest_nll
    return nll + inner_nll, (k, q, softmaxes, rest, inner)


def hybrid_backward(dy, saved):
    h, w, t, c, y, (k, q, softmaxes, rest, inner), with_dw, buffers, work = saved
    buffers = {} if buffers is None else buffers
    dw = reused(buffers, "dw", w.shape, w.dtype) if with_dw else None
    dh_rest, dc, da = 0, np.zeros_like(c), np.zeros_like(c[:, 0])
    if len(rest):
        inner = h[rest], w, c, y[rest], inner, with_dw, buffers, work
        # It writes all of the same dw. The rows of the first F words are written again below.
        dh_rest, _, dc, da, _ = two_level_backward(dy[rest], inner)
    elif with_dw:
        dw[softmaxes.groups[0].stop :] = 0
    dh, dt, db = short_list_gradients(dy, h, w, t, y, k, q, softmaxes, dw, **work)
    dh[rest] += dh_rest
    return dh, dw, dt, db, dc, da, None


def _expect_sizes(h, w, t, b, c, a, y, starts):
    expect_head_sizes("hybrid", h, w, y)
    G, D = len(starts) - 1, h.shape[1]
    expect_cutoffs("hybrid", (int(starts[0]),), len(w))
    expect_shape("hybrid", "t", t, "one way out", J=1, D=D)
    expect_shape("hybrid", "b", b, "one way out", J=1)
    expect_shape("hybrid", "c", c, "starts and h", G=G, D=D)
    expect_shape("hybrid", "a", a, "starts", G=G)


HYBRID = Operation(
    "hybrid", hybrid_forward, hybrid_backward, integer_inputs=(6,), work_options=WORK_OPTIONS
)


class HybridHead(Head):
    """The words before the layout's first class in one softmax, the rest by their classes."""

    def __init__(self, config, layout, rng, dtype=np.float32):
        self.layout, self.starts = layout, layout.starts
        expect_cutoffs("hybrid", (int(self.starts[0]),), len(layout.counts))
        G, D = len(self.starts) - 1, config.d_model
        self.rest = Parameter(np.zeros((1, D), dtype))
        self.rest_bias = Parameter(np.zeros(1, dtype))
        self.classes = Parameter(np.zeros((G, D), dtype))
        self.class_bias = Parameter(np.zeros(G, dtype))

    def initialize(self, table):
        layout, F = self.layout, self.starts[0]
        self.rest.data[...] = layout.class_means(table, self.starts[[0, -1]])
        self.rest_bias.data[...] = bias_of_shares(layout.frequencies[F:].sum(), F)
        self.classes.data[...] = layout.class_means(table, self.starts)
        self.class_bias.data[...] = np.log(layout.shares)

    def _own(self):
        return self.rest, self.rest_bias, self.classes, self.class_bias

    def losses(self, h, table, targets, **work):
        arrays = h, table, *self._own(), targets
        return apply(HYBRID, *arrays, starts=self.starts, **work)

    def nll(self, h, table, targets):
        own = [p.data for p in self._own()]

        def nll(h, y):
            return hybrid_nll(h, table, *own, y, self.starts)[0]

        return nll_by_rows(nll, h, targets)

    def log_prob(self, h, table):
        F, z = self.starts[0], h @ table.T  # (N, V)
        l_0 = log_sum_exp(z[:, :F])  # (N,)
        s = np.column_stack([l_0, h @ self.rest.data.T + self.rest_bias.data])  # (N, 2)
        s -= log_sum_exp(s)[:, None]  # ln p of the first F words and of the rest
        z[:, :F] += (s[:, 0] - l_0)[:, None]
        classes = h @ self.classes.data.T + self.class_bias.data  # (N, G)
        classes += (s[:, 1] - log_sum_exp(classes))[:, None]
        words = class_log_prob(z[:, F:], self.starts)
        z[:, F:] = np.repeat(classes, np.diff(self.starts), axis=1) + words
        return z
