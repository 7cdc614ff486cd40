"""The exact head: the softmax over all V words, with the embedding's table as its matrix.

    z = h @ tableᵀ          (N, D) (V, D) -> (N, V)
    loss = cross-entropy of z with the targets: minigrad/ops/cross_entropy.py

ExactHead is composed of these two operations. FusedHead computes the same in one operation:
only 512 rows of logits exist at a time, in blocks that cores can share. It takes 232 ms on two
cores for a quarter of the positions of v3's phase 1b; composed, 728 ms on one (docs/speed.md).

Both give the mean of the rows' losses. The fused one computes the gradients of this mean in its
forward pass, when the logits are there. EXACT_NLL gives the loss of each row, whose gradients
may then differ: for a mixture with counts (model/prior/).

    forward    l = ln Σ_v e^(z_v) ;  nll = l - z_y                                    (N,)
               With `added` (N, V), constants, z + added stands for z here.
    backward   dz = dy (e^(z - l) - onehot(y)), with dy = ∂loss/∂nll ;  dh = dz @ w ;
               dw = dzᵀ @ h
    saved      e^(z - top):  4·N·V bytes in float32, in blocks.py, and a little more
"""

import numpy as np

from minigrad import Operation, Tensor, apply
from minigrad import functional as F
from minigrad.ops import TIED_HEAD
from minigrad.ops.cross_entropy import log_sum_exp
from minigrad.ops.tied_head import expect_head_sizes
from minigrad.ops.tied_head_fast import WORK_OPTIONS, reused

from .blocks import block_gradients, block_softmaxes
from .head import Head
from .slices import Group

ROWS = 256  # of logits that exist at a time in `nll`: 51 MB in float32 for V = 50,257


def exact_nll_forward(h, w, y, *, added=None, with_dw=True, buffers=None, **work):
    expect_head_sizes("exact_nll", h, w, y)
    rows = np.arange(len(h))
    all_words = Group(rows, 0, len(w))
    softmaxes = block_softmaxes(h, w, [all_words], added=added, buffers=buffers, **work)
    z_y = (h * w[y]).sum(axis=1) + (0 if added is None else added[rows, y])  # (N,)
    nll = softmaxes.lse[0] - z_y
    return nll, (h, w, y, softmaxes, with_dw, buffers, work)


def exact_nll_backward(dy, saved):
    h, w, y, softmaxes, with_dw, buffers, work = saved
    dw = reused(buffers, "dw", w.shape, w.dtype) if with_dw else None
    return block_gradients(dy, [dy], h, w, y, softmaxes, dw, **work), dw, None


EXACT_NLL = Operation(
    "exact_nll",
    exact_nll_forward,
    exact_nll_backward,
    integer_inputs=(2,),
    work_options=WORK_OPTIONS,
)


class ExactHead(Head):
    def forward(self, h: Tensor, table: Tensor) -> Tensor:
        return F.linear(h, table)  # (..., D) -> (..., V)

    def loss(self, h, table, targets, rng=None, *, label_smoothing=0.0, z_loss=0.0, **work):
        logits = self(h, table)  # (N, V): in v3 the largest array of a training step
        return F.cross_entropy(logits, targets, label_smoothing=label_smoothing, z_loss=z_loss)

    def losses(self, h, table, targets, **work):
        return apply(EXACT_NLL, h, table, targets, **work)

    def logits(self, h: np.ndarray, table: np.ndarray) -> np.ndarray:
        """(N, D), (V, D) -> (N, V)."""
        return h @ table.T

    def nll(self, h, table, targets):
        nll = np.empty(len(h), np.result_type(h, table))
        for start in range(0, len(h), ROWS):
            rows = slice(start, start + ROWS)
            z = self.logits(h[rows], table)  # (ROWS, V)
            nll[rows] = log_sum_exp(z) - z[np.arange(len(z)), targets[rows]]
        return nll

    def log_prob(self, h, table):
        z = self.logits(h, table)  # (N, V)
        z -= log_sum_exp(z)[:, None]
        return z

    def next_scores(self, h, table):
        # Four rows of the table side by side, as BLAS reads them, take v3 twice as long.
        return np.vecdot(table, h)


class FusedHead(ExactHead):
    def loss(self, h, table, targets, rng=None, **options):
        return apply(TIED_HEAD, h, table, targets, **options)
