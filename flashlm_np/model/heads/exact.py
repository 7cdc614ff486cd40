"""The exact head: the softmax over all V words, with the embedding's table as its matrix.

    z = h @ tableᵀ          (N, D) (V, D) -> (N, V)
    loss = cross-entropy of z with the targets: minigrad/ops/cross_entropy.py

ExactHead is composed of these two operations. FusedHead computes the same in one operation:
only 512 rows of logits exist at a time, in blocks that cores can share. It takes 232 ms on two
cores for a quarter of the positions of v3's phase 1b; composed, 728 ms on one (docs/speed.md).
"""

import numpy as np

from minigrad import Tensor, apply
from minigrad import functional as F
from minigrad.ops import TIED_HEAD
from minigrad.ops.cross_entropy import log_sum_exp

from .head import Head

ROWS = 256  # of logits that exist at a time in `nll`: 51 MB in float32 for V = 50,257


class ExactHead(Head):
    def forward(self, h: Tensor, table: Tensor) -> Tensor:
        return F.linear(h, table)  # (..., D) -> (..., V)

    def loss(self, h, table, targets, rng=None, *, label_smoothing=0.0, z_loss=0.0, **work):
        logits = self(h, table)  # (N, V): in v3 the largest array of a training step
        return F.cross_entropy(logits, targets, label_smoothing=label_smoothing, z_loss=z_loss)

    def nll(self, h, table, targets):
        nll = np.empty(len(h), np.result_type(h, table))
        for start in range(0, len(h), ROWS):
            rows = slice(start, start + ROWS)
            z = h[rows] @ table.T  # (ROWS, V)
            nll[rows] = log_sum_exp(z) - z[np.arange(len(z)), targets[rows]]
        return nll

    def log_prob(self, h, table):
        z = h @ table.T  # (N, V)
        z -= log_sum_exp(z)[:, None]
        return z

    def next_scores(self, h, table):
        # Four rows of the table side by side, as BLAS reads them, take v3 twice as long.
        return np.vecdot(table, h)


class FusedHead(ExactHead):
    def loss(self, h, table, targets, rng=None, **options):
        return apply(TIED_HEAD, h, table, targets, **options)
