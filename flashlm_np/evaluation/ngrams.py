"""Baselines that count tokens: any model that has learned from context must do better."""

import math
from dataclasses import dataclass

import numpy as np

PAIRS = 1 << 22  # neighbours that are counted at once


@dataclass(frozen=True)
class Baselines:
    """Losses of three counted models on the same scored tokens, in nats per token."""

    uniform: float
    unigram: float
    bigram: float


def baselines(train: np.ndarray, valid: np.ndarray, vocab_size: int) -> Baselines:
    """Uniform, unigram and interpolated bigram, counted on `train`, scored on valid[1:].

    Both levels use Witten-Bell interpolation. With c the count of a token after u, n the count
    of u and t the number of different tokens seen after u,
        p(token | u) = (c + t · p_lower(token)) / (n + t).
    The bigram falls back on the unigram, the unigram on the uniform distribution.

    Source: Witten & Bell 1991; Chen & Goodman 1999, section 2.4.
    """
    V = vocab_size
    before, token = valid[:-1].astype(np.int64), valid[1:].astype(np.int64)
    pairs, pair_counts = _count_pairs(train, V)
    followers = np.bincount(pairs // V, minlength=V)  # (V,) different tokens after each
    totals = np.bincount(pairs // V, pair_counts, minlength=V)  # (V,)
    counts = totals + (np.arange(V) == train[-1])  # the last token has no follower
    unigram = _witten_bell(counts, len(train), np.count_nonzero(counts), 1 / V)  # (V,)
    wanted = before * V + token
    place = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
    seen = np.where(pairs[place] == wanted, pair_counts[place], 0)
    bigram = _witten_bell(seen, totals[before], followers[before], unigram[token])
    return Baselines(
        uniform=math.log(V),
        unigram=float(-np.log(unigram[token]).mean()),
        bigram=float(-np.log(bigram).mean()),
    )


def _count_pairs(train, V):
    """The different pairs of neighbours, as first · V + second, and the count of each.

    The pairs are counted in blocks, so a long row of tokens on the disk is never all in memory.
    """
    parts = []
    for start in range(0, len(train) - 1, PAIRS):
        block = train[start : start + PAIRS + 1].astype(np.int64)
        parts.append(np.unique(block[:-1] * V + block[1:], return_counts=True))
    found, counts = (np.concatenate(part) for part in zip(*parts, strict=True))
    pairs, place = np.unique(found, return_inverse=True)
    return pairs, np.bincount(place, counts).astype(np.int64)


def _witten_bell(count, total, different, lower):
    """A context that was never seen has total 0, so that `lower` decides alone."""
    weight = np.maximum(different, 1)
    return (count + weight * lower) / (total + weight)
