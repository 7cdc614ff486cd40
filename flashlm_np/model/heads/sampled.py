"""Sampled softmax: in training, a row of h chooses among a few words instead of all V.

    forward    Row n has K + 1 rivals: the candidates C (K,), which all rows of h share, and its
               own target. P_v is the probability that v is in C (candidates.py).
               z_nv = h_n · w_v - ln P_v   for v in C, without y_n if it is there      (N, K)
               u_n = h_n · w_{y_n} - ln P_{y_n}                                        (N,)
               loss = mean_n [ ln(Σ_v e^(z_nv) + e^(u_n)) - u_n ]
    backward   The softmax of the K + 1 logits of a row is p (N, K) for z and r (N,) for u.
               dz = dy/N p ;  du = dy/N (r - 1) ;  P is a constant, without a gradient
               dh_n = Σ_v dz_nv w_v + du_n w_{y_n}                                     (N, D)
               dw has the rows dzᵀ @ h (K, D) for C and du_n h_n (N, D) for the targets, as a
               RowGradient. Its other rows are 0.
    why ln P   Take one row. Its target t is drawn from p(t | h). Among its rivals R, t is for
               certain, and each other v with P_v, independently of the rest. So
               P(R | t) = Π_{v in R, v≠t} P_v · Π_{v not in R} (1-P_v) = (a number of R) / P_t
               P(t | R, h) ∝ p(t | h) / P_t      by Bayes, for t in R
               If the logits h @ wᵀ are ln p plus a constant, the softmax of z and u is
               P(t | R, h), and no other has a lower expected loss. So the best model is that of
               the exact softmax. On the way, the expected gradient is another one. The
               difference goes to 0 as P goes to 1.
    saved      dh and the rows of dw at dy = 1, as on tied_head's page: 4·(2·N·D + K·D) bytes
               in float32, and 8·(N + K) of ids
    source     Bengio & Senécal 2008, IEEE Transactions on Neural Networks 19(4); candidates
               shared by a batch: Jean et al. 2015, arXiv:1412.2007

The targets of other rows are no rivals, although they are at hand: rows of one text depend on
each other. A rare word (from the 10,000th to the 30,000th) that is the target of one row of 8
windows of 256 tokens is that of another row, too, with probability 0.23. If rows were
independent, it would be 0.01. With such rivals, P would be too low by a factor of 7, and a
model that knows the text would learn a p(v | h) that is too low.

One thing is approximate. The number of draws is fixed, so each row that is drawn makes the
others a little less likely. Evaluation and generation use the exact softmax over all words.
"""

from functools import partial

import numpy as np

from minigrad import Operation, apply
from minigrad.errors import ShapeError, expect_integers, expect_shape
from minigrad.ops import RowGradient
from minigrad.ops.tied_head import expect_head_sizes
from minigrad.ops.tied_head_fast import WORK_OPTIONS, reused

from .candidates import Candidates
from .exact import ExactHead

ROWS = 512  # rows of z that exist at a time for each worker: 5 MB in float32 for K = 2,400


def sampled_forward(
    h, w, y, *, candidates, log_p, with_dw=True, parts=1, parallel_map=map, buffers=None
):
    """candidates (K,) are rising rows, and log_p (V,) is ln P of each row of the table."""
    _expect_sizes(h, w, y, candidates, log_p)
    N, K, dtype = len(h), len(candidates), np.result_type(h, w)
    w_c, log_p = w[candidates], log_p.astype(dtype)  # (K, D), (V,)
    places = np.searchsorted(candidates, y)  # (N,) in C, of those targets that are in C
    rows = h, w[y], log_p[y], places, np.isin(y, candidates)
    # K changes from batch to batch, and the next multiple of 512 seldom does.
    memory = reused(buffers, "z", (parts, min(N, ROWS) * -(-K // 512) * 512), dtype)
    dh, dw_y = np.empty(h.shape, dtype), np.empty(h.shape, dtype)
    work = partial(_gradients, w_c, log_p[candidates], rows, dh, dw_y, with_dw)
    spans = [range(N * i // parts, N * (i + 1) // parts) for i in range(parts)]
    losses, dw_c = zip(*parallel_map(work, spans, memory), strict=True)
    dw = None
    if with_dw:
        ids = np.concatenate([candidates, y])
        dw = RowGradient(ids, np.concatenate([sum(dw_c), dw_y]), w.shape)
    return np.asarray(sum(losses) / N, dtype), (dh, dw)


def sampled_backward(dy, saved):
    dh, dw = saved
    if dy == 1:  # the usual case
        return dh, dw, None
    if dw is not None:
        dw = RowGradient(dw.ids, dy * dw.rows, dw.shape)
    return dy * dh, dw, None


def _gradients(w_c, log_p, rows, dh, dw_y, with_dw, span, memory):
    """The loss and dw_C (K, D), summed over the rows of a span; writes their dh and dw_y."""
    N, K, loss, dw_c = len(dh), len(w_c), 0.0, np.zeros(w_c.shape, dh.dtype)
    for start in span[::ROWS]:
        here = slice(start, min(start + ROWS, span.stop))
        hr, w_y, log_p_y, places, is_in = (array[here] for array in rows)
        z = memory[: len(hr) * K].reshape(-1, K)
        np.matmul(hr, w_c.T, out=z)
        z -= log_p
        u = (hr * w_y).sum(axis=1) - log_p_y  # (R,)
        losses, p, r = _softmax(z, u, places, is_in)
        loss += losses.sum()
        du = ((r - 1) / N)[:, None]  # (R, 1)
        # dz = p / N. The division is left to dh and h, which are smaller than p.
        dh[here] = p @ w_c / N + du * w_y
        dw_y[here] = du * hr
        if with_dw:
            dw_c += p.T @ (hr / N)
    return loss, dw_c


def _softmax(z, u, places, is_in):
    """The loss of each row (R,), p (R, K) in the memory of z, and r (R,)."""
    top = np.maximum(z.real.max(axis=1), u.real)  # (R,); real: the complex step's are complex
    z -= top[:, None]
    e, e_u = np.exp(z, out=z), np.exp(u - top)  # (R, K), (R,)
    e[is_in, places[is_in]] = 0  # u stands for the target, which is a rival only once
    total = e.sum(axis=1) + e_u  # (R,)
    e /= total[:, None]
    return np.log(total) + top - u, e, e_u / total


def _expect_sizes(h, w, y, candidates, log_p):
    expect_head_sizes("sampled", h, w, y)
    expect_shape("sampled", "log_p", log_p, f"w {w.shape}", V=len(w))
    expect_shape("sampled", "candidates", candidates, K=None)
    expect_integers("sampled", "candidates", candidates, below=len(w), size_name="V")
    if len(candidates) == 0:
        raise ShapeError("sampled: there are no candidates; draw at least one")
    falls = np.flatnonzero(candidates[1:] <= candidates[:-1])
    if len(falls):
        a, b = candidates[falls[0] : falls[0] + 2]
        raise ShapeError(
            f"sampled: candidates holds {b} after {a}, expected rising rows, each once; use "
            "np.unique(candidates)"
        )


SAMPLED = Operation(
    "sampled",
    sampled_forward,
    sampled_backward,
    integer_inputs=(2,),
    work_options=WORK_OPTIONS,
)


class SampledHead(ExactHead):
    """The exact softmax, trained on `config.candidates` draws and each row's own target."""

    exact_in_training, rows_only = False, True

    def __init__(self, config, layout, rng, dtype=np.float32):
        self.candidates = Candidates(layout.counts, config.candidates, config.candidates_from)

    def loss(self, h, table, targets, rng, **work):
        candidates, log_p = self.candidates.draw(rng), self.candidates.log_p
        return apply(SAMPLED, h, table, targets, candidates=candidates, log_p=log_p, **work)
