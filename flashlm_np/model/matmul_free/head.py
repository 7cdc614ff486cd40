"""The output layer of the MatMul-free model: a BitLinear whose matrix is not the embedding's.

    z = BitLinear(h)        (..., D) -> (..., V), then a softmax over all V words, as in v3

This matrix, the largest of all, is ternary, too. So the logits of a token need no products of
weights and activations.
"""

import numpy as np

from minigrad import Tensor
from minigrad import functional as F
from minigrad.layers import normal
from minigrad.ops.bit_linear import bit_linear_forward

from ..config import Config
from ..heads.exact import ExactHead
from .layers import INITIAL_STD, Norm


class BitHead(ExactHead):
    """Logits (..., V) of rows (..., D). The argument `table` is the head's own `weight`."""

    def __init__(self, config: Config, rng, dtype=np.float32):
        V, D = config.vocab_size, config.d_model
        self.weight = normal(rng, (V, D), INITIAL_STD, dtype)
        self.norm = Norm(D, config, dtype)

    def forward(self, h: Tensor, table: Tensor) -> Tensor:
        return F.bit_linear(h, table, self.norm.weight, eps=self.norm.eps)

    def losses(self, h: Tensor, table: Tensor, targets: np.ndarray, **work) -> Tensor:
        log_p = F.log_softmax(self(h, table))  # (N, V)
        return -log_p[np.arange(len(targets)), targets]

    def logits(self, h: np.ndarray, table: np.ndarray) -> np.ndarray:
        return bit_linear_forward(h, table, self.norm.weight.data, eps=self.norm.eps)[0]

    def next_scores(self, h: np.ndarray, table: np.ndarray) -> np.ndarray:
        return self.logits(h, table)
