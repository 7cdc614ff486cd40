"""A language model: what training, evaluation and generation ask of one.

    h = hidden(ids)                             (B, T) -> (B, T, D)
    logits = lm_head(h, its table)              (B, T, D) -> (B, T, V)

A model makes the hidden rows, and this class does the rest with them, in the same way for all.
"""

import numpy as np

from minigrad import Module, Tensor, no_grad
from minigrad import functional as F
from minigrad.layers import Embedding

from ..ngrams.kneser_ney import KneserNey
from .heads.head import Head
from .heads.layout import TableLayout
from .prior.before import tokens_before


class LanguageModel(Module):
    """The common part of the models. Each has these attributes.

    embedding: the rows of the tokens. lm_head: the output layer, with its table as `weight`.
    layout: the order of the words in this table.
    ngrams, prior: the counts that take part, or None.
    """

    embedding: Embedding
    lm_head: Head
    layout: TableLayout
    ngrams: KneserNey | None = None
    prior = None

    def hidden(self, ids: np.ndarray) -> Tensor:
        """The input of the head at every position: ids (B, T) -> (B, T, D)."""
        raise NotImplementedError(f"{type(self).__name__} has no hidden")

    def forward(self, ids: np.ndarray) -> Tensor:
        """Logits of the next token at every position: ids (B, T) -> (B, T, V).

        Heads other than the exact one, and a prior, give ln p, without a gradient.
        """
        h = self.hidden(ids)
        scores = self.layout.by_token(self.lm_head(h, self.lm_head.weight))
        if self.prior is None:
            return scores
        before = tokens_before(ids).reshape(*ids.shape, -1)
        return Tensor(self.prior.log_prob(scores.data, h.data, before))

    def hidden_rows(self, ids: np.ndarray, positions: np.ndarray | None = None) -> Tensor:
        """The input of the head as rows (N, D): of all B·T positions, or of those given."""
        h = self.hidden(ids)
        h = h.reshape(-1, h.shape[-1])  # (B, T, D) -> (B·T, D)
        return h if positions is None else F.select_rows(h, positions)

    def loss(self, ids, targets, positions=None, rng=None, **options) -> Tensor:
        """Mean loss in nats: ids (B, T), targets (B, T), each the token after its id.

        With flat `positions` (N,), only these are scored. In v3 a step that scores a quarter of
        them takes a third of the time, because the head costs most (docs/speed.md).

        rng: for the sampled head. options: label_smoothing and z_loss, of the exact head.
        """
        y = targets.reshape(-1)  # (B·T,)
        y = y if positions is None else y[positions]  # (N,)
        h, before = self.hidden_rows(ids, positions), tokens_before(ids, positions)  # (N, D)
        return self.loss_of_rows(h, before, y, rng, **options)

    def loss_of_rows(self, h, before, targets, rng=None, **options) -> Tensor:
        """Mean loss of hidden rows (N, D) for the tokens targets (N,) after `before` (N, 2)."""
        y = self.layout.rows(targets)
        if self.prior is None:
            return self.lm_head.loss(h, self.lm_head.weight, y, rng, **options)
        return self.prior.loss(self.lm_head, h, y, before, targets, rng, **options)

    def nll(self, h: np.ndarray, before: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The exact -ln p of each token: (N, D), (N, 2), (N,) -> (N,)."""
        y = self.layout.rows(targets)
        if self.prior is None:
            return self.lm_head.nll(h, self.lm_head.weight.data, y)
        return self.prior.nll(self.lm_head, h, y, before, targets)

    def next_logits(self, ids: np.ndarray) -> np.ndarray:
        """Logits (B, V) of the token after ids (B, T), without recording anything."""
        with no_grad():
            last = self.hidden(ids)[:, -1]  # (B, D)
            scores = self.layout.by_token(self.lm_head(last, self.lm_head.weight).data)
        if self.prior is None:
            return scores
        before = tokens_before(ids).reshape(*ids.shape, -1)[:, -1]  # (B, 2)
        return self.prior.log_prob(scores, last.data, before)
