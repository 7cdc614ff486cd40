"""The counted prior: p(w) = λ p_trigram(w | u, v) + (1-λ) p_network(w), λ = σ(s).

    s = h · a + f · c + b         one number for each position: (N, D) (N, 4) -> (N,)

h is the input of the output layer. f has the logarithms of 1 more than four counts: how often
the contexts u v and v have a next token, and how many different ones. So the gate knows how
much text is behind p_trigram, and h knows where the network is good.

In training, the target's own occurrence is left out of all counts: of p_trigram and of f. With
it, each trigram of a batch would have been seen at least once, and the gate would trust counts
that know the answer. Evaluation and generation use all counts, on other text.

In training, the gradient of the mixture's loss L is followed, and α times that of the network's
own -ln p. With α = 0 the network would learn only what the counts do not know. But at first the
counts are far better, and the gate closes within 50 steps: λ is 0.95. The network then learns
from the few words that the counts miss, and does not become a model of the text. So the gate
never opens. With α > 0 the network learns as if it were alone, until it is worth a share.

The head sampled has no -ln p in training, but a loss of its own, which is enough for the
network. The gate then learns from the exact -ln p of GATE_ROWS of the rows, as constants.

A target needs two tokens before it. The first one of a window has only one, and λ is 0 there:
which trigram of the text it ends, and so what is to be left out, is not known.
"""

import numpy as np

from minigrad import Module, Parameter, Tensor, apply
from minigrad import functional as F
from minigrad.ops.activations import sigmoid
from minigrad.ops.cross_entropy import log_sum_exp

from ...ngrams.kneser_ney import KneserNey
from ..heads.head import Head
from .before import UNKNOWN
from .mixture import MIXTURE, mixture_nll

GATE_ROWS = 32  # of 2,048: more would cost as much as the rest of the head


class CountedPrior(Module):
    """The trigrams of a text, and a gate between them and the network.

    network_loss: α. The gate starts at λ = 1/2 everywhere.
    """

    def __init__(self, ngrams: KneserNey, D: int, network_loss: float, dtype=np.float32):
        self.ngrams, self.network_loss = ngrams, network_loss
        self.gate_hidden = Parameter(np.zeros(D, dtype))  # a
        self.gate_counts = Parameter(np.zeros(4, dtype))  # c
        self.gate_bias = Parameter(np.zeros(1, dtype))  # b

    def loss(self, head: Head, h: Tensor, rows, before, targets, rng, **work) -> Tensor:
        """The mean L of targets that are a part of the counted text, with the gradient of both.

        rng: for the head sampled; work: options of the head.
        Shapes:
            h (N, D); before (N, 2), of tokens_before; targets (N,), and their rows in the table
        """
        if head.exact_in_training:
            nll = head.losses(h, head.weight, rows, **work)  # (N,)
            own = nll.mean()
        else:
            own = head.loss(h, head.weight, rows, rng, **work)
            some = rng.permutation(len(rows))[:GATE_ROWS]
            nll = Tensor(head.nll(h.data[some], head.weight.data, rows[some]))
            h, before, targets = F.select_rows(h, some), before[some], targets[some]
        log_p, f = self._counted(before, targets, h.dtype, left_out=True)
        s = h @ self.gate_hidden + Tensor(f) @ self.gate_counts + self.gate_bias  # (N,)
        L = apply(MIXTURE, nll, s, log_p).mean()
        # It is 0, with the gradient of α own. So the number to read is the loss of the mixture.
        return L + (own - own.data) * self.network_loss

    def nll(self, head: Head, h: np.ndarray, rows, before, targets) -> np.ndarray:
        """-ln p of targets of any other text (N,). Shapes as in `loss`."""
        nll = head.nll(h, head.weight.data, rows)
        log_p, f = self._counted(before, targets, h.dtype)
        return mixture_nll(nll, self._gate(h, f), log_p)[0]

    def log_prob(self, scores: np.ndarray, h: np.ndarray, before: np.ndarray) -> np.ndarray:
        """ln p of every token: scores (..., V) of the network, (..., D), (..., 2) -> (..., V).

        The softmax of the scores is the network's p, by token.
        """
        *shape, V = scores.shape
        rows = scores.reshape(-1, V), h.reshape(-1, h.shape[-1]), before.reshape(-1, 2)
        return np.array([self._row(*row) for row in zip(*rows, strict=True)]).reshape(*shape, V)

    def _row(self, scores, h, before):
        log_p = scores - log_sum_exp(scores[None])  # (V,) of the network
        if UNKNOWN in before:
            return log_p
        f = self._features(self.ngrams.context_counts(*before), h.dtype)  # (4,)
        share = sigmoid(self._gate(h, f))  # λ
        p = share * self.ngrams.row(*before) + (1 - share) * np.exp(log_p)  # (V,) in float64
        return np.log(p).astype(scores.dtype)

    def _counted(self, before, y, dtype, left_out=False):
        """ln p by the counts (N,), -∞ where a token before is unknown, and f (N, 4)."""
        known = (before != UNKNOWN).all(axis=1)  # (N,)
        tokens = *before[known].T, y[known]
        p, counts = self.ngrams.probability_and_counts(*tokens, left_out=left_out)
        log_p, f = np.full(len(y), -np.inf, dtype), np.zeros((len(y), 4), dtype)
        log_p[known], f[known] = np.log(p), self._features(counts, dtype)
        return log_p, f

    def _features(self, counts, dtype):
        return np.log1p(counts.T).astype(dtype)  # (4, N) -> (N, 4)

    def _gate(self, h, f):
        """s of rows: (..., D), (..., 4) -> (...)."""
        return h @ self.gate_hidden.data + f @ self.gate_counts.data + self.gate_bias.data[0]
