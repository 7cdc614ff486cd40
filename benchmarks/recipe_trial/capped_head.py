"""The exact head with a bias for each word, and with a soft cap on its logits.

    forward    z = h @ wᵀ + b                                    (N, D) (V, D) (V,) -> (N, V)
               u = c tanh(z / c), or u = z without a cap c
               loss = mean_n [ ln Σ_v e^(u_nv) - u_ny ]
    backward   du = dy/N (softmax(u) - onehot(y)) ;  dz = du (1 - (u/c)²), or du
               dh = dz @ w ;  dw = dzᵀ @ h ;  db = Σ_n dz_n
    saved      u, 4·N·V bytes in float32, and the inputs
    source     the cap: Gemma 2, arXiv:2408.00118, section 2

Blocks of words do not depend on each other but for the sum over all words, so workers share
them, as in minigrad/ops/tied_head_fast.py. All N rows are in memory at once.
"""

import numpy as np

from flashlm_np.model.heads.exact import ExactHead
from minigrad import Operation, Parameter, apply
from minigrad.ops.cross_entropy import log_sum_exp
from minigrad.ops.tied_head import expect_head_sizes
from minigrad.ops.tied_head_fast import WORK_OPTIONS, reused

BLOCK = 1024  # words: 2 MB of logits in float32 for 512 rows


def capped_head_forward(
    h, w, b, y, *, cap=None, with_dw=True, parts=1, parallel_map=map, buffers=None
):
    expect_head_sizes("capped_head", h, w, y)
    blocks = [slice(start, start + BLOCK) for start in range(0, len(w), BLOCK)]

    def scores(words):
        u = capped(h @ w[words].T + b[words], cap)  # (N, BLOCK)
        return u, log_sum_exp(u)

    us, lses = zip(*parallel_map(scores, blocks), strict=True)
    lse = log_sum_exp(np.column_stack(lses))  # (N,)
    u_y = capped((h * w[y]).sum(axis=1) + b[y], cap)
    return np.asarray((lse - u_y).mean()), (
        h,
        w,
        b,
        y,
        us,
        lse,
        cap,
        (with_dw, parallel_map, buffers),
    )


def capped_head_backward(dy, saved):
    h, w, b, y, us, lse, cap, work = saved
    with_dw, parallel_map, buffers = work
    blocks = [slice(start, start + BLOCK) for start in range(0, len(w), BLOCK)]
    dw = reused(buffers, "dw", w.shape, w.dtype) if with_dw else None
    db = np.empty_like(b)

    def gradients(u, words):
        dz = np.exp(u - lse[:, None])  # (N, BLOCK), still softmax(u)
        here = np.flatnonzero((y >= words.start) & (y < words.stop))
        dz[here, y[here] - words.start] -= 1
        dz *= dy / len(h)
        if cap is not None:
            dz *= 1 - (u / cap) ** 2
        if with_dw:
            np.matmul(dz.T, h, out=dw[words])
        db[words] = dz.sum(axis=0)
        return dz @ w[words]  # (N, D)

    return sum(parallel_map(gradients, us, blocks)), dw, db, None


def capped(z, cap):
    return z if cap is None else cap * np.tanh(z / cap)


CAPPED_HEAD = Operation(
    "capped_head",
    capped_head_forward,
    capped_head_backward,
    integer_inputs=(3,),
    work_options=WORK_OPTIONS,
)


class CappedHead(ExactHead):
    """The exact head with a soft cap, or with a bias (V,) that is trained, or both."""

    def __init__(self, V: int, cap: float | None = None, bias: np.ndarray | None = None):
        self.cap, self.zeros = cap, np.zeros(V, np.float32)
        self.bias = None if bias is None else Parameter(bias)

    def loss(self, h, table, targets, rng=None, *, label_smoothing=0.0, z_loss=0.0, **work):
        if label_smoothing or z_loss:
            raise ValueError("CappedHead: it has the plain loss only; set both to 0")
        b = self.zeros if self.bias is None else self.bias
        return apply(CAPPED_HEAD, h, table, b, targets, cap=self.cap, **work)

    def log_prob(self, h, table):
        b = self.zeros if self.bias is None else self.bias.data
        u = capped(h @ table.T + b, self.cap)  # (N, V)
        return u - log_sum_exp(u)[:, None]

    def nll(self, h, table, targets):
        return -self.log_prob(h, table)[np.arange(len(h)), targets]
