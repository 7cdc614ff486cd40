"""Two levels: first a class, then a word of this class. p(v | h) = p(k | h) · p(v | k, h).

    forward    Each of V words has one class k(v) of G. The words of a class are a contiguous
               slice w_k of the table.
               z = h @ cᵀ + b                logits of the classes                      (N, G)
               u = h @ w_kᵀ                  logits of the words of the target's class  (N, S_k)
               nll = lse(z) - z_k + lse(u) - u_y    of each row; the loss is their mean   (N,)
    backward   Two softmaxes, each as on cross_entropy's page, with dy = ∂loss/∂nll (N,):
               dz = dy (softmax(z) - onehot(k)) ;  du = dy (softmax(u) - onehot(y))
               dc = dzᵀ @ h ;  db = Σ_n dz_n ;  dw_k = du_kᵀ @ h_k, from the rows whose target
               is in class k. Words of other classes get no gradient.
               dh = dz @ c + du @ w_k
    saved      h, w, c, y, p(k | h) and p(v | k, h):  4·(N·G + Σ_n S_k(n)) bytes in float32
               beside the inputs
    cost       N·(G + S_k) logits, not N·V. With √V classes of √V words, 448 in place of 50,257
    source     Goodman 2001, arXiv:cs/0108006; a class is a slice as in Mikolov et al. 2011,
               "Extensions of recurrent neural network language model"

Both softmaxes are exact, so the probabilities of all words sum to 1. The classes themselves are
the approximation: p(k | h) must be right before any word of the class is likely (classes.py).
"""

from __future__ import annotations

import numpy as np

from minigrad import Operation, Parameter, apply
from minigrad.errors import expect_shape
from minigrad.ops.cross_entropy import log_sum_exp
from minigrad.ops.tied_head import expect_head_sizes
from minigrad.ops.tied_head_fast import WORK_OPTIONS, reused

from .head import Head
from .slices import (
    groups_of,
    nll_and_softmax,
    part_of,
    slice_gradients,
    slice_softmaxes,
    unwritten,
)


def two_level_forward(h, w, c, b, y, *, starts, with_dw=True, buffers=None, **work):
    _expect_sizes(h, w, c, b, y, starts)
    nll, kept = two_level_nll(h, w, c, b, y, starts, **work)  # (N,)
    return nll, (h, w, c, y, kept, with_dw, buffers, work)


def two_level_nll(h, w, c, b, y, starts, **work):
    """-ln p of each target (N,), and what the backward needs of both softmaxes."""
    k = part_of(y, starts)  # (N,) the class of each target
    class_nll, p = nll_and_softmax(h @ c.T + b, k)  # (N,), (N, G)
    groups = groups_of(k, starts)
    word_nll, q = slice_softmaxes(h, w, y, groups, **work)
    return class_nll + word_nll, (k, p, groups, q)


def two_level_backward(dy, saved):
    h, w, c, y, (k, p, groups, q), with_dw, buffers, work = saved
    dz = dy[:, None] * p  # (N, G)
    dz[np.arange(len(h)), k] -= dy
    dw = reused(buffers, "dw", w.shape, w.dtype) if with_dw else None
    dh = slice_gradients(dy, h, w, y, groups, q, dw, **work)  # (N, D)
    if with_dw:
        for rows in unwritten(groups, len(w)):  # of the classes without a target
            dw[rows] = 0
    return dh + dz @ c, dw, dz.T @ h, dz.sum(axis=0), None


def class_log_prob(u, starts):
    """ln p(v | class of v) of all words from their logits: (N, V) -> (N, V)."""
    first, sizes = starts[:-1] - starts[0], np.diff(starts)
    u = u - np.repeat(np.maximum.reduceat(u, first, axis=1), sizes, axis=1)
    sums = np.add.reduceat(np.exp(u), first, axis=1)  # (N, G)
    return u - np.repeat(np.log(sums), sizes, axis=1)


def _expect_sizes(h, w, c, b, y, starts):
    G = len(starts) - 1
    expect_head_sizes("two_level", h, w, y)
    expect_shape("two_level", "c", c, "starts and h", G=G, D=h.shape[1])
    expect_shape("two_level", "b", b, "starts", G=G)


TWO_LEVEL = Operation(
    "two_level",
    two_level_forward,
    two_level_backward,
    integer_inputs=(4,),
    work_options=WORK_OPTIONS,
)


class TwoLevelHead(Head):
    """The classes of the layout. Their vectors are the only new parameters."""

    def __init__(self, config, layout, rng, dtype=np.float32):
        G, D = len(layout.starts) - 1, config.d_model
        self.layout = layout
        self.classes = Parameter(np.zeros((G, D), dtype))
        self.bias = Parameter(np.zeros(G, dtype))

    def initialize(self, table):
        # At first p(class) is the share of the class, and its vector points to its words.
        layout = self.layout
        self.classes.data[...] = layout.class_means(table, layout.starts)
        self.bias.data[...] = np.log(layout.shares)

    def losses(self, h, table, targets, **work):
        arrays = h, table, self.classes, self.bias, targets
        return apply(TWO_LEVEL, *arrays, starts=self.layout.starts, **work)

    def nll(self, h, table, targets):
        c, b = self.classes.data, self.bias.data
        return two_level_nll(h, table, c, b, targets, self.layout.starts)[0]

    def log_prob(self, h, table):
        starts = self.layout.starts
        z = h @ self.classes.data.T + self.bias.data  # (N, G)
        z -= log_sum_exp(z)[:, None]
        return np.repeat(z, np.diff(starts), axis=1) + class_log_prob(h @ table.T, starts)
