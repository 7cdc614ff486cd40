"""The MatMul-free language model: an embedding, L blocks, and an output layer of its own.

    x = embeddings[ids]                           (B, T) -> (B, T, D)
    x = block_l(x, b_l), l = 0 to L-1             (B, T, D), each with its own weights
    logits = lm_head(norm(x))                     (B, T, D) -> (B, T, V)

    p = softmax of lower_bounds over the blocks   (L, D)
    b_l = p_1 + ... + p_l                         (L, D), the lower bound of f in block l

b_0 is 0, and b_l rises with l: lower blocks may forget at once, upper ones remember for long.
At first p is 1/L. There are no positions: the order of the words acts through the recurrence.

A text that was read is known from L·D numbers, one state h for each block. So `run` takes the
states before the ids and returns those after them.
"""

from collections.abc import Sequence

import numpy as np

from minigrad import Module, Parameter, Tensor
from minigrad import functional as F
from minigrad.layers import Embedding

from ...ngrams.kneser_ney import KneserNey
from ..config import Config
from ..heads.layout import TableLayout
from ..language_model import LanguageModel
from .head import BitHead
from .layers import Block, Norm


def bounds_of(numbers: Tensor) -> Tensor:
    """The lower bound of f in each block, from the learned numbers: (L, D) -> (L, D)."""
    p = F.softmax(numbers, axis=0)  # (L, D)
    return F.cumulative_sum(p, axis=0) - p[0]  # p_0 is left out, so that b_0 is 0


class Backbone(Module):
    """All but the output layer."""

    def __init__(self, config: Config, rng, dtype=np.float32):
        V, D, L = config.vocab_size, config.d_model, config.blocks
        self.embeddings = Embedding(V, D, rng=rng, std=config.embedding_std, dtype=dtype)
        self.lower_bounds = Parameter(np.zeros((L, D), dtype)) if config.lower_bounds else None
        self.layers = [Block(config, rng, dtype) for _ in range(L)]
        self.norm = Norm(D, config, dtype)

    def bounds(self) -> list[Tensor | None]:
        """The lower bound (D,) of each block; None where there is none."""
        if self.lower_bounds is None:
            return [None] * len(self.layers)
        b = bounds_of(self.lower_bounds)  # (L, D)
        return [b[l] for l in range(len(self.layers))]

    def forward(
        self, ids: np.ndarray, states: Sequence[np.ndarray | None] | None = None
    ) -> tuple[Tensor, list[np.ndarray]]:
        x, last = self.embeddings(ids), []  # (B, T, D)
        before = [None] * len(self.layers) if states is None else states
        for block, b, h0 in zip(self.layers, self.bounds(), before, strict=True):
            x, h = block(x, b, h0)
            last.append(h)
        return self.norm(x), last


class MatMulFreeLM(LanguageModel):
    """The model. `config` gives every size; weights are drawn from `rng`.

    layout, ngrams: the parameters of other models; this one has none of both.
    """

    def __init__(
        self,
        config: Config,
        rng: np.random.Generator,
        dtype=np.float32,
        layout: TableLayout | None = None,
        ngrams: KneserNey | None = None,
    ):
        self.layout = TableLayout.identity(config.vocab_size)
        self.model = Backbone(config, rng, dtype)
        self.lm_head = BitHead(config, rng, dtype)

    @property
    def embedding(self) -> Embedding:
        return self.model.embeddings

    def run(
        self, ids: np.ndarray, states: Sequence[np.ndarray | None] | None = None
    ) -> tuple[Tensor, list[np.ndarray]]:
        """The input of the head (B, T, D), and the state (B, D) of each block after the ids.

        states: those after the text before the ids (B, T); by default there is no such text.
        """
        return self.model(ids, states)

    def hidden(self, ids: np.ndarray) -> Tensor:
        return self.run(ids)[0]
