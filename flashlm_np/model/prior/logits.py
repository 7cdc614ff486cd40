"""The second form: the network's logits are added to the logarithms of the counts.

    p(w) = p_g(w) e^(z_w) / Σ_v p_g(v) e^(z_v)         z = h @ tableᵀ, p_g = p_trigram(· | u, v)
         = softmax(z + ln p_g)_w
    loss   -ln p(y), and dz = p - onehot(y): those of the exact head, whose logits have a
           constant more (heads/exact.py)

With z = 0 it is the trigram. The network learns where the trigram is wrong, and with its whole
gradient: no gate takes a part of it. A run starts near z = 0 if --logit-scale is below 1.

The price is that all V words need their p_g and their z. So only the exact head has this form.
In training, the target's own occurrence is left out of the counts of its row, as in counted.py.
The first target of a window has one token before it. There p_g is the bigram's.
"""

import numpy as np

from minigrad import Module, Tensor
from minigrad.ops.cross_entropy import log_sum_exp

from ...ngrams.kneser_ney import KneserNey
from ...ngrams.rows import log_rows
from ..heads.head import Head


class LogitPrior(Module):
    """The trigrams of a text, whose ln p is added to the logits. It has no parameters."""

    def __init__(self, ngrams: KneserNey):
        self.ngrams = ngrams

    def loss(self, head: Head, h: Tensor, rows, before, targets, rng, **work) -> Tensor:
        """The mean -ln p of targets that are a part of the counted text."""
        added = log_rows(self.ngrams, before, targets, h.dtype)  # (N, V)
        return head.losses(h, head.weight, rows, added=added, **work).mean()

    def nll(self, head: Head, h: np.ndarray, rows, before, targets) -> np.ndarray:
        """-ln p of targets of any other text (N,)."""
        z = self.scores(h @ head.weight.data.T, before)  # (N, V)
        return log_sum_exp(z) - z[np.arange(len(z)), targets]

    def log_prob(self, scores: np.ndarray, h: np.ndarray, before: np.ndarray) -> np.ndarray:
        """ln p of every token: (..., V) of the network, (..., D), (..., 2) -> (..., V)."""
        z = self.scores(scores.reshape(-1, scores.shape[-1]), before.reshape(-1, 2))
        return (z - log_sum_exp(z)[:, None]).reshape(scores.shape)

    def scores(self, z, before):
        """z + ln p_g of rows: (N, V), (N, 2) -> (N, V)."""
        return z + log_rows(self.ngrams, before, dtype=z.dtype)
