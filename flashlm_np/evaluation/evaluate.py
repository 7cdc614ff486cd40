"""Honest evaluation: the true loss and its error, beside what counting alone would reach.

Every token of the validation row is scored once, given everything before it that the model can
see: windows overlap by the receptive field, so cutting the row into windows changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from minigrad import no_grad
from minigrad.ops.cross_entropy import log_sum_exp

from ..data.tokenizers.tokenizer import Tokenizer
from ..model.flashlm import FlashLM, receptive_field

WINDOW = 1024  # tokens scored per forward pass
ROWS = 256  # positions whose logits are held at once
BLOCK = 128  # neighbouring tokens that the standard error takes as one measurement
PAIRS = 1 << 22  # neighbours that are counted at once
SMOOTHING = 0.1  # of the label-smoothed number that FlashLM v3 reports


@dataclass(frozen=True)
class Evaluation:
    """Means over the scored tokens, in nats per token, with standard errors.

    loss is the true -ln p; smoothed is FlashLM v3's number, 0.9·loss + 0.1·(mean over the
    vocabulary of -ln p), which is another question and compares with no other model's loss.
    """

    loss: float
    loss_error: float
    smoothed: float
    smoothed_error: float
    bits_per_byte: float
    tokens: int

    @property
    def perplexity(self) -> float:
        """e^loss: between how many equally likely tokens the model seems to choose."""
        return math.exp(min(self.loss, 700.0))


def evaluate(
    model: FlashLM, config, tokens: np.ndarray, tokenizer: Tokenizer, head=None
) -> Evaluation:
    """Score all but the first of `tokens` (M + 1,) with the model's present weights.

    `head`, from rows (N, D) to logits (N, V), may take the place of the model's own.
    """
    context = receptive_field(config) - 1
    losses, smoothed = token_losses(model, tokens, context, head)
    scored_bytes = sum(len(piece) for piece in pieces(tokenizer, tokens[1:]))
    return Evaluation(
        *mean_and_error(losses),
        *mean_and_error(smoothed),
        bits_per_byte=float(losses.sum()) / math.log(2) / max(1, scored_bytes),
        tokens=len(losses),
    )


@np.errstate(over="ignore", invalid="ignore")  # a lost model scores NaN, without a warning
def token_losses(model: FlashLM, tokens: np.ndarray, context: int, head=None):
    """The true and the label-smoothed loss of each token after the first: two arrays (M,)."""
    ids, targets = tokens[:-1].astype(np.int64), tokens[1:].astype(np.int64)
    true, smoothed = np.empty(len(ids)), np.empty(len(ids))
    for start in range(0, len(ids), WINDOW):
        stop = min(start + WINDOW, len(ids))
        first = max(0, start - context)
        with no_grad():
            h = model.hidden(ids[None, first:stop]).data[0, start - first :]  # (n, D)
        for row in range(start, stop, ROWS):
            rows = slice(row, min(row + ROWS, stop))
            hr = h[row - start : rows.stop - start]  # (ROWS, D)
            z = head(hr) if head else hr @ model.lm_head.weight.data.T  # (ROWS, V)
            lse = log_sum_exp(z)
            true[rows] = lse - z[np.arange(len(z)), targets[rows]]
            smoothed[rows] = (1 - SMOOTHING) * true[rows] + SMOOTHING * (lse - z.mean(axis=1))
    return true, smoothed


def mean_and_error(losses: np.ndarray) -> tuple[float, float]:
    """The mean, and its standard error from the spread of blocks of neighbouring tokens.

    Neighbours share their text, so single tokens are not independent measurements; with fewer
    than two whole blocks there is no error to tell, and it is NaN.
    """
    blocks = losses[: len(losses) // BLOCK * BLOCK].reshape(-1, BLOCK).mean(axis=1)
    if len(blocks) < 2:
        return float(losses.mean()), math.nan
    return float(losses.mean()), float(blocks.std(ddof=1) / math.sqrt(len(blocks)))


def pieces(tokenizer: Tokenizer, ids: np.ndarray) -> list[bytes]:
    """The bytes that each id stands for in the text; the end-of-text token stands for none."""
    end = tokenizer.end_of_text
    return [b"" if i == end else tokenizer.tokens[i] for i in ids]


@dataclass(frozen=True)
class Baselines:
    """What counting reaches on the same scored tokens, in nats per token."""

    uniform: float
    unigram: float
    bigram: float


def baselines(train: np.ndarray, valid: np.ndarray, vocab_size: int) -> Baselines:
    """Uniform, unigram and interpolated bigram, counted on `train`, scored on valid[1:].

    Witten-Bell interpolation at both levels: with c the count of a token after u, n the count
    of u and t the number of different tokens seen after u,
        p(token | u) = (c + t · p_lower(token)) / (n + t).
    The bigram falls back on the unigram, the unigram on the uniform distribution.

    Source: Witten & Bell 1991; Chen & Goodman 1999, section 2.4.
    """
    V = vocab_size
    before, token = valid[:-1].astype(np.int64), valid[1:].astype(np.int64)
    pairs, pair_counts = _pairs(train, V)
    followers = np.bincount(pairs // V, minlength=V)  # (V,) different tokens after each
    totals = np.bincount(pairs // V, pair_counts, minlength=V)
    counts = totals + (np.arange(V) == train[-1])
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


def _pairs(train, V):
    """The different pairs of neighbours, as first · V + second, and how often each occurs.

    Counted in blocks, so that a long row of tokens on the disk is never all in memory.
    """
    parts = []
    for start in range(0, len(train) - 1, PAIRS):
        block = train[start : start + PAIRS + 1].astype(np.int64)
        parts.append(np.unique(block[:-1] * V + block[1:], return_counts=True))
    found, counts = (np.concatenate(part) for part in zip(*parts, strict=True))
    pairs, place = np.unique(found, return_inverse=True)
    return pairs, np.bincount(place, counts).astype(np.int64)


def _witten_bell(count, total, different, lower):
    """A context that was never seen has total 0, and leaves everything to `lower`."""
    weight = np.maximum(different, 1)
    return (count + weight * lower) / (total + weight)
