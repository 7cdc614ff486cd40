"""The output layer of the MatMul-free model: a BitLinear whose matrix is not the embedding's.

    z = BitLinear(h) = q @ Qᵀ       (N, D) -> (N, V): q has 8 bits, and Q is ternary
    loss                            the mean cross-entropy of z, as in v3

Also this matrix, the largest of all, is ternary. So the logits of a token need no products of
weights and activations. `losses` and, with --no-fused, `loss` are composed of two operations.

BIT_HEAD is the fused form. It gives q and Q to the tied head of v3, in whose blocks never more
than 512 rows of logits exist: for 1,024 tokens and V = 50,257, one array of z takes 206 MB.

    forward    q and Q as on the page of bit_linear ;  loss as on the page of tied_head
    backward   tied_head gives dq and dQ. Both pass straight through the roundings: dw = dQ, and
               dh and dg are those of RMSNorm with dy = dq
    saved      h, r, g, dq and dQ       4·(2·N·D + N + D + V·D) bytes in float32
"""

import numpy as np

from minigrad import Operation, Tensor, apply
from minigrad import functional as F
from minigrad.layers import normal
from minigrad.ops.bit_linear import absmax, absmean, bit_linear_forward
from minigrad.ops.rms_norm import rms_norm_backward, rms_norm_forward
from minigrad.ops.tied_head_fast import (
    WORK_OPTIONS,
    tied_head_fast_backward,
    tied_head_fast_forward,
)

from ..config import Config
from ..heads.exact import ExactHead
from .layers import INITIAL_STD, Norm


def bit_head_forward(h, w, g, y, *, eps, **options):
    a, (_, _, r) = rms_norm_forward(h, g, eps=eps)  # (N, D)
    (k, s), (t, m) = absmax(a), absmean(w)
    loss, gradients = tied_head_fast_forward(s * k, m * t, y, **options)
    return loss, (h, r, g, gradients)


def bit_head_backward(dy, saved):
    h, r, g, gradients = saved
    dq, dw, _ = tied_head_fast_backward(dy, gradients)
    dh, dg = rms_norm_backward(dq, (h, g, r))
    return dh, dw, dg, None


BIT_HEAD = Operation(
    "bit_head",
    bit_head_forward,
    bit_head_backward,
    integer_inputs=(3,),
    work_options=WORK_OPTIONS,
)


class BitHead(ExactHead):
    """Logits (..., V) of rows (..., D). The argument `table` is the head's own `weight`."""

    def __init__(self, config: Config, rng, dtype=np.float32):
        V, D = config.vocab_size, config.d_model
        self.weight = normal(rng, (V, D), INITIAL_STD, dtype)
        self.norm, self.fused = Norm(D, config, dtype), config.fused

    def forward(self, h: Tensor, table: Tensor) -> Tensor:
        return F.bit_linear(h, table, self.norm.weight, eps=self.norm.eps)

    def loss(self, h, table, targets, rng=None, **options):
        if not self.fused:
            return super().loss(h, table, targets, rng, **options)
        g = self.norm.weight
        return apply(BIT_HEAD, h, table, g, targets, eps=self.norm.eps, **options)

    def losses(self, h: Tensor, table: Tensor, targets: np.ndarray, **work) -> Tensor:
        log_p = F.log_softmax(self(h, table))  # (N, V)
        return -log_p[np.arange(len(targets)), targets]

    def logits(self, h: np.ndarray, table: np.ndarray) -> np.ndarray:
        return bit_linear_forward(h, table, self.norm.weight.data, eps=self.norm.eps)[0]

    def next_scores(self, h: np.ndarray, table: np.ndarray) -> np.ndarray:
        return self.logits(h, table)
