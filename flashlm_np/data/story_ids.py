"""The embedded stories as token ids, for training and for validation."""

import time

import numpy as np

from .stories import stories
from .tokenizers.tokenizer import Tokenizer

VALIDATION_SEED = 2026  # the same for every run, whatever its seed


def training_stories(seed: int, count: int, tokenizer: Tokenizer) -> np.ndarray:
    """The ids (N,) of `count` stories that are generated from `seed`."""
    rng = np.random.default_rng(seed)
    rows = [tokenizer.encode(stories.generate(rng)) for _ in range(count)]
    return _separated(rows, tokenizer)


def seconds_for(count: int, tokenizer: Tokenizer, timed: int = 100) -> float:
    """Estimate how long training_stories takes for `count` stories, by timing a few."""
    training_stories(0, 1, tokenizer)  # reads the grammar
    start = time.perf_counter()
    training_stories(0, timed, tokenizer)
    return (time.perf_counter() - start) / timed * count


def validation_stories(tokens: int, tokenizer: Tokenizer) -> tuple[np.ndarray, float]:
    """Whole stories, at least one, of about `tokens` tokens.

    Returns: the ids (M + 1,), and the best possible loss of the last M in nats per token.
    """
    rng = np.random.default_rng(VALIDATION_SEED)
    rows, nats, count = [], 0.0, 0
    while not rows or count < tokens:
        text = stories.generate(rng)
        rows.append(tokenizer.encode(text))
        nats -= stories.score(text)
        count += len(rows[-1]) + 1
    return _separated(rows, tokenizer), nats / count


def _separated(rows, tokenizer):
    """Join rows of ids, with the end-of-text token before and after each."""
    end = np.array([tokenizer.end_of_text], tokenizer.dtype)
    return np.concatenate([end, *(part for ids in rows for part in (ids, end))])
