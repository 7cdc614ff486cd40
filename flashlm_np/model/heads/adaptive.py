"""Adaptive softmax: frequent words in a short list, the others in tails that few rows need.

    forward    The rows of the table are ordered by falling frequency. The cut-offs divide them
               into parts [c_k, c_k+1), k = 0 to J, with c_0 = 0 and c_J+1 = V: part 0 is the
               short list, the others are tails. y is in part k. z_v = h · w_v for a word v:
               l_k = ln Σ_v e^(z_v)  over the words of part k                       (N,)
               s_0 = l_0 ;  s_j = h · t_j + b_j, one logit for each tail            (N, J+1)
               nll = [lse(s) - s_k] + [l_k - z_y] ;  the loss is their mean         (N,)
               For k = 0 this is lse(s) - z_y: one softmax over the words of the short list
               and the tails.
    backward   Two softmaxes, each as on cross_entropy's page. With dy = ∂loss/∂nll (N,) and
               q = softmax(s)  (N, J+1):
               ds = dy (q - onehot(k)) ;  dt_j = Σ_n ds_nj h_n ;  db_j = Σ_n ds_nj
               dz_v = dy (e^(z_v - l_k) - [v = y])  in tail k, for the rows whose y is in it
               In the short list z_v also acts through s_0 = l_0, and ds_0 e^(z_v - l_0) is
               added: dz_v = dy (q_0 e^(z_v - l_0) - [v = y]), for all rows
               dw_v = Σ_n dz_nv h_n ;  dh = Σ_v dz_v w_v + Σ_j ds_j t_j
               A tail without a target gives its words no gradient, but t_j and b_j have one.
    saved      e^(z - top) of the short list for all rows, and of tail j for its own n_j rows:
               4·(N·c_1 + Σ_j n_j·S_j) bytes in float32 for S_j words, and q, beside the inputs
    cost       N·c_1 + Σ_j n_j·S_j logits, not N·V. With V = 50,257, cut-offs 2,000 and 10,000,
               and textbooks: 6,500 for each row. Forward and backward take a seventh of the
               processor time of tied_head_fast (N = 2,048, D = 256, measured 2026-11-30)
    source     Grave et al. 2017, arXiv:1609.04309, section 4. There h is projected to
               fewer numbers for a rarer tail, which is cheaper. Full width is our choice: a
               word's row is also its embedding, since the table is tied.

The probabilities of all words sum to 1. The price is that one vector t_j must tell when any of
the thousands of words of its tail comes.
"""

from __future__ import annotations

from itertools import pairwise

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
from .slices import groups_of, part_of, unwritten


def adaptive_forward(h, w, t, b, y, *, cutoffs, with_dw=True, buffers=None, **work):
    _expect_sizes(h, w, t, b, y, cutoffs)
    nll, kept = adaptive_nll(h, w, t, b, y, cutoffs, buffers=buffers, **work)  # (N,)
    return nll, (h, w, t, y, kept, with_dw, buffers, work)


def adaptive_nll(h, w, t, b, y, cutoffs, **work):
    """-ln p of each target (N,), and what the backward needs of the softmaxes."""
    starts = np.array([0, *cutoffs, len(w)])
    k = part_of(y, starts)  # (N,)
    tails = [group for group in groups_of(k, starts) if group.start > 0]  # with their rows
    nll, q, softmaxes = short_list_nll(h, w, t, b, y, k, cutoffs[0], tails, **work)
    return nll, (k, q, softmaxes)


def adaptive_backward(dy, saved):
    h, w, t, y, (k, q, softmaxes), with_dw, buffers, work = saved
    dw = reused(buffers, "dw", w.shape, w.dtype) if with_dw else None
    dh, dt, db = short_list_gradients(dy, h, w, t, y, k, q, softmaxes, dw, **work)
    if with_dw:
        for rows in unwritten(softmaxes.groups, len(w)):  # of the tails without a target
            dw[rows] = 0
    return dh, dw, dt, db, None


def _expect_sizes(h, w, t, b, y, cutoffs):
    expect_head_sizes("adaptive", h, w, y)
    expect_cutoffs("adaptive", cutoffs, len(w))
    expect_shape("adaptive", "t", t, "the cut-offs and h", J=len(cutoffs), D=h.shape[1])
    expect_shape("adaptive", "b", b, "the cut-offs", J=len(cutoffs))


ADAPTIVE = Operation(
    "adaptive",
    adaptive_forward,
    adaptive_backward,
    integer_inputs=(4,),
    work_options=WORK_OPTIONS,
)


class AdaptiveHead(Head):
    """A short list of the most frequent words and tails of the others, cut at the cut-offs."""

    def __init__(self, config, layout, rng, dtype=np.float32):
        self.layout, self.cutoffs = layout, tuple(config.cutoffs)
        expect_cutoffs("adaptive", self.cutoffs, len(layout.counts))
        J, D = len(self.cutoffs), config.d_model
        self.tails = Parameter(np.zeros((J, D), dtype))
        self.bias = Parameter(np.zeros(J, dtype))

    def initialize(self, table):
        # At first p(tail) is about its share, and its vector points to its words.
        layout, starts = self.layout, np.array([*self.cutoffs, len(table)])
        self.tails.data[...] = layout.class_means(table, starts)
        shares = np.add.reduceat(layout.frequencies, self.cutoffs)
        self.bias.data[...] = bias_of_shares(shares, self.cutoffs[0])

    def losses(self, h, table, targets, **work):
        arrays = h, table, self.tails, self.bias, targets
        return apply(ADAPTIVE, *arrays, cutoffs=self.cutoffs, **work)

    def nll(self, h, table, targets):
        t, b = self.tails.data, self.bias.data

        def nll(h, y):
            return adaptive_nll(h, table, t, b, y, self.cutoffs)[0]

        return nll_by_rows(nll, h, targets)

    def log_prob(self, h, table):
        z = h @ table.T  # (N, V)
        parts = [slice(*ends) for ends in pairwise([0, *self.cutoffs, len(table)])]
        lse = [log_sum_exp(z[:, part]) for part in parts]  # J+1 times (N,)
        s = np.column_stack([lse[0], h @ self.tails.data.T + self.bias.data])  # (N, J+1)
        s -= log_sum_exp(s)[:, None]  # ln p of each part
        for part, s_k, l_k in zip(parts, s.T, lse, strict=True):
            z[:, part] += (s_k - l_k)[:, None]
        return z
