"""Baselines that count tokens: any model that has learned from context must do better.

The counted models are those of ngrams/kneser_ney.py: modified Kneser-Ney smoothing, with the
discounts that follow from the training tokens alone.

    cost    V = 50,257, 4.7 M tokens of textbooks, 16,384 of them scored: 1.7 s of processor
            time, 230 MB at the peak of the count
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..ngrams.kneser_ney import KneserNey

BLOCK = 1 << 16  # tokens that are scored at once


@dataclass(frozen=True)
class Baselines:
    """Losses of four counted models on the same scored tokens, in nats per token."""

    uniform: float
    unigram: float
    bigram: float
    trigram: float


def baselines(train: np.ndarray, valid: np.ndarray, vocab_size: int) -> Baselines:
    """Uniform and the interpolated n-grams, counted on `train`, scored on valid[1:]."""
    models = (KneserNey.count(train, n, vocab_size) for n in (1, 2, 3))
    losses = (float(ngram_losses(model, valid).mean()) for model in models)
    return Baselines(math.log(vocab_size), *losses)


def ngram_losses(model: KneserNey, tokens: np.ndarray) -> np.ndarray:
    """-ln p of each of `tokens` (M + 1,) after the first, in nats: (M,).

    The tokens before the first one are unknown.
    """
    n = model.order
    first = max(0, 2 - n)  # the unigram needs no token before
    text = np.concatenate([np.full(max(0, n - 2), -1), tokens])[first:]
    parts = []
    for start in range(0, len(tokens) - 1, BLOCK):
        windows = sliding_window_view(text[start : start + BLOCK + n - 1], n)
        parts.append(model.probability(*windows.T))
    return -np.log(np.concatenate(parts))
