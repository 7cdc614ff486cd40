"""Sampled softmax: in training, each row of h chooses among K candidates instead of V words.

    forward    C (K,) are the candidates, rows of the table that hold every target. P_v is the
               probability that v is in C (candidates.py).
               z = h @ w_Cᵀ - ln P                         (N, D) (K, D) -> (N, K)
               loss = mean_n [ lse(z) - z_y ], the cross-entropy over C
    backward   p = softmax(z) over C ;  dz = dy/N (p - onehot(y))                       (N, K)
               dh = dz @ w_C  (N, D) ;  dw_C = dzᵀ @ h  (K, D). Other rows of dw are 0, so dw
               is a RowGradient. ln P is a constant, and has no gradient.
    why ln P   Take one row of h. Its target t is drawn from p(t | h). t is in C for certain,
               and each other v with P_v, independently. So
               P(C | t) = Π_{v in C, v≠t} P_v · Π_{v not in C} (1-P_v) = (a number of C) / P_t
               P(t | C, h) ∝ p(t | h) / P_t      by Bayes, for t in C
               If h @ wᵀ is ln p plus a constant, then softmax(z) is P(t | C, h): the expected
               loss is least where it is least for the exact softmax. Away from there, its
               expected gradient is another one. The difference goes to 0 as P goes to 1.
    saved      dh and dw_C at dy = 1, as on tied_head's page: 4·(N·D + K·D) bytes in float32
    source     Bengio & Senécal 2008, IEEE Transactions on Neural Networks 19(4); candidates
               shared by a batch: Jean et al. 2015, arXiv:1412.2007

Two things are approximate. Draws of a fixed number depend on each other: in 2,048 draws, two
words of probability q and r are both absent with a probability that is too high by the factor
1 + 2048·q·r. And the other targets are not independent of h: words repeat within a text.

The exact softmax judges and generates. nll and log_prob use all words.
"""

from functools import partial

import numpy as np

from minigrad import Operation, apply
from minigrad.errors import ShapeError, expect_integers, expect_shape
from minigrad.ops import RowGradient
from minigrad.ops.cross_entropy import expect_targets
from minigrad.ops.tied_head_fast import reused

from .candidates import Candidates
from .exact import ExactHead
from .slices import nll_and_softmax

ROWS = 512  # rows of z that exist at a time for each worker: 6 MB in float32 for K = 2,800


def sampled_forward(
    h,
    w,
    y,
    *,
    candidates,
    correction,
    with_dw=True,
    parts=1,
    parallel_map=map,
    buffers=None,
):
    """`candidates` (K,) are sorted, and `correction` (K,) is ln P. The rest is work."""
    places = _places(h, w, y, candidates, correction)  # (N,) of the targets in C
    N, K, dtype = len(h), len(candidates), np.result_type(h, w)
    w_c, ln_p = w[candidates], correction.astype(dtype)  # (K, D), (K,)
    buffers = {} if buffers is None else buffers
    # K changes from batch to batch, and a multiple of 512 seldom does.
    memory = reused(buffers, "z", (parts, min(N, ROWS) * -(-K // 512) * 512), dtype)
    spans = [range(N * i // parts, N * (i + 1) // parts) for i in range(parts)]
    dh = np.empty(h.shape, dtype)
    work = partial(_gradients, h, w_c, ln_p, places, dh, with_dw)
    losses, dw_c = zip(*parallel_map(work, spans, memory), strict=True)
    dw = RowGradient(candidates, sum(dw_c), w.shape) if with_dw else None
    return np.asarray(sum(losses) / N, dtype), (dh, dw)


def sampled_backward(dy, saved):
    dh, dw = saved
    if dy == 1:  # the usual case
        return dh, dw, None
    if dw is not None:
        dw = RowGradient(dw.ids, dy * dw.rows, dw.shape)
    return dy * dh, dw, None


def _gradients(h, w_c, ln_p, places, dh, with_dw, span, memory):
    """The loss summed over the rows of a span, and their part of dw_C; writes their dh."""
    N, K, loss, dw_c = len(h), len(w_c), 0.0, 0.0
    for start in span[::ROWS]:
        rows = slice(start, min(start + ROWS, span.stop))
        hr, yr = h[rows], places[rows]  # (R, D), (R,)
        z = memory[: len(hr) * K].reshape(-1, K)
        np.matmul(hr, w_c.T, out=z)
        z -= ln_p
        nll, p = nll_and_softmax(z, yr)  # (R,), (R, K) in the memory of z
        loss += nll.sum()
        p[np.arange(len(p)), yr] -= 1  # p is N dz now; h and dh are divided by N, being smaller
        dh[rows] = p @ w_c / N
        if with_dw:
            dw_c = dw_c + p.T @ (hr / N)  # (K, D)
    return loss, dw_c


def _places(h, w, y, candidates, correction):
    """The place of each target among the candidates; raises if the arrays do not fit."""
    expect_shape("sampled", "h", h, N=None, D=None)
    expect_shape("sampled", "w", w, f"h {h.shape}", V=None, D=h.shape[1])
    expect_targets("sampled", y, len(h), len(w))
    expect_shape("sampled", "candidates", candidates, K=None)
    expect_integers("sampled", "candidates", candidates, below=len(w), size_name="V")
    expect_shape("sampled", "correction", correction, "candidates", K=len(candidates))
    falls = np.flatnonzero(candidates[1:] <= candidates[:-1])
    if len(falls):
        a, b = candidates[falls[0] : falls[0] + 2]
        raise ShapeError(
            f"sampled: candidates holds {b} after {a}, expected rising rows, each once; use "
            "np.unique(candidates)"
        )
    places = np.searchsorted(candidates, y)  # (N,)
    missing = ~np.isin(y, candidates, kind="table")
    if missing.any():
        n = missing.argmax()
        raise ShapeError(
            f"sampled: the target {y[n]} of row {n} is not among the candidates; use "
            "np.union1d(candidates, y)"
        )
    return places


SAMPLED = Operation("sampled", sampled_forward, sampled_backward, integer_inputs=(2,))


class SampledHead(ExactHead):
    """The exact softmax, trained on `config.candidates` draws and the targets of the batch."""

    rows_only = True

    def __init__(self, config, layout, rng, dtype=np.float32):
        self.candidates = Candidates(layout.counts, config.candidates, config.candidates_from)

    def loss(self, h, table, targets, rng, **work):
        candidates, correction = self.candidates.draw(targets, rng)
        options = {"candidates": candidates, "correction": correction}
        options["with_dw"] = table.requires_grad  # a frozen table needs no gradient
        return apply(SAMPLED, h, table, targets, **(options | work))
