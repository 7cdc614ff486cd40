"""Baselines that count tokens: any model that has learned from context must do better.

    unigram    p(w)        = (c(w)       + t · 1/V     ) / (n + t)
    bigram     p(w | v)    = (c(v, w)    + t · p(w)    ) / (n + t)
    trigram    p(w | u, v) = (c(u, v, w) + t · p(w | v)) / (n + t)

c counts an n-gram in the training text. n = Σ_w c is how often its context stands before any
token. t is the number of different tokens after the context: the more there were, the more
probable is a new one. A context that was never seen leaves the decision to the shorter context.
Each row sums to 1: Σ_w c = n, and Σ_w of the lower model is 1.

    memory     16 bytes per different unigram, bigram and trigram; four times as much at the
               peak of the count. `baselines` keeps only the trigrams that it needs
    measured   on one busy core, 2026-11-30, V = 50,257: 4.7 M tokens of textbooks have 1.0 M
               bigrams and 2.7 M trigrams: 1.8 s, 60 MB (`baselines` of 16,384 tokens: 1.4 s;
               0.5 s without the trigram). 50 M tokens drawn at random, which hardly repeat a
               trigram (15 M, 41 M): a minute, 0.9 GB, at the peak 3.1 GB (28 s, 1.3 GB)
    source     Witten & Bell 1991, method C; Chen & Goodman 1999, section 2.4
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .ngram_counts import Counts, ngram_keys


@dataclass(frozen=True)
class NGrams:
    """The unigram, bigram and trigram that were counted on one text."""

    ones: Counts
    pairs: Counts
    triples: Counts

    @classmethod
    def count(
        cls, train: np.ndarray, vocab_size: int, scored: np.ndarray | None = None
    ) -> "NGrams":
        """Count the tokens `train` (N,).

        scored: keep only the trigrams that `losses(scored)` needs. That is all that is right
            then: any other trigram counts as never seen. It saves memory, not time.
        """
        V = vocab_size
        contexts = None if scored is None else np.unique(ngram_keys(scored, 2, V))
        return cls(
            Counts.of(train, 1, V), Counts.of(train, 2, V), Counts.of(train, 3, V, contexts)
        )

    @property
    def vocab_size(self) -> int:
        return self.ones.vocab_size

    def unigram(self, w: np.ndarray) -> np.ndarray:
        """p(w), in the shape of w. Here and below the tokens are integers from 0 to V - 1."""
        return self._unigram_row[w]

    def bigram(self, v: np.ndarray, w: np.ndarray) -> np.ndarray:
        """p(w | v), w after v; the two are broadcast."""
        return self.pairs.interpolate(_int64(v), _int64(w), self.unigram(w))

    def trigram(self, u: np.ndarray, v: np.ndarray, w: np.ndarray) -> np.ndarray:
        """p(w | u, v), w after v after u; the three are broadcast."""
        context = _int64(u) * self.vocab_size + v
        return self.triples.interpolate(context, _int64(w), self.bigram(v, w))

    def row(self, u: int, v: int) -> np.ndarray:
        """p(· | u, v) (V,) in float64: the trigram of all tokens after u, v."""
        u, v = int(u), int(v)
        lower = self.pairs.interpolate_row(v, self._unigram_row)
        return self.triples.interpolate_row(u * self.vocab_size + v, lower)

    def losses(self, tokens: np.ndarray) -> np.ndarray:
        """-ln p of each of `tokens` (M + 1,) after the first: unigram, bigram, trigram (3, M).

        The second token has only one before it, so its trigram loss is that of the bigram.
        """
        v, w = _int64(tokens[:-1]), _int64(tokens[1:])  # (M,)
        probabilities = np.empty((3, len(w)))
        probabilities[0] = self.unigram(w)
        probabilities[1:] = self.pairs.interpolate(v, w, probabilities[0])
        context, lower = v[:-1] * self.vocab_size + v[1:], probabilities[1, 1:]
        probabilities[2, 1:] = self.triples.interpolate(context, w[1:], lower)
        return -np.log(probabilities)

    @cached_property
    def _unigram_row(self):
        return self.ones.interpolate_row(
            0, np.full(self.vocab_size, 1 / self.vocab_size)
        )  # (V,)


@dataclass(frozen=True)
class Baselines:
    """Losses of four counted models on the same scored tokens, in nats per token."""

    uniform: float
    unigram: float
    bigram: float
    trigram: float


def baselines(train: np.ndarray, valid: np.ndarray, vocab_size: int) -> Baselines:
    """Uniform and the interpolated n-grams, counted on `train`, scored on valid[1:]."""
    losses = NGrams.count(train, vocab_size, scored=valid).losses(valid)  # (3, M)
    return Baselines(math.log(vocab_size), *map(float, losses.mean(axis=1)))


def _int64(tokens):
    return np.asarray(tokens, np.int64)
