"""The counts of the n-grams of a text in ascending order, where a context is a slice.

An n-gram is n neighbouring tokens. Its key is a number, whose digits in base V are the tokens:

    key = context · V + token,   context = the key of the n - 1 tokens before (0 for n = 1)

The keys of all n-grams with one context are neighbours in the order. The largest key is below
V³ = 1.27e14 for V = 50,257, and int64 holds V up to 2,097,151 for n = 3.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

BLOCK = 1 << 22  # n-grams that are counted at once


@dataclass(frozen=True)
class Counts:
    """How often each n-gram of one length occurs: 20 bytes per different n-gram.

    Shapes:
        keys (m,) int64, ascending and all different; sums (m + 1, 3) int32, of which sums[i]
        describes keys[:i]: their occurrences together, how many of them occur once, how many
        twice. So the difference of two rows describes the keys between, without rounding.
    """

    n: int
    vocab_size: int
    keys: np.ndarray
    sums: np.ndarray

    @classmethod
    def of(cls, text: np.ndarray, n: int, vocab_size: int) -> "Counts":
        """Count the n-grams of `text` (N,).

        The text is read in blocks, so a long row of tokens on the disk is never all in memory.

        Raises:
            ValueError: a token is not below vocab_size, or a key does not fit in 64 bits.
        """
        expect_keys_that_fit(n, vocab_size)
        parts = [(np.empty(0, np.int64), np.empty(0, np.int64))]
        for start in range(0, len(text) - n + 1, BLOCK):
            keys = ngram_keys(text[start : start + BLOCK + n - 1], n, vocab_size)
            parts.append(np.unique(keys, return_counts=True))
            # Each part is over twice as long as the next: an n-gram is merged log₂(N) times.
            while len(parts) > 1 and len(parts[-2][0]) <= 2 * len(parts[-1][0]):
                parts[-2:] = [_merge(parts[-2:])]
        while len(parts) > 1:
            parts[-2:] = [_merge(parts[-2:])]
        return cls.from_keys(n, vocab_size, *parts[0])

    @classmethod
    def from_keys(cls, n: int, vocab_size: int, keys: np.ndarray, counts: np.ndarray):
        """The table of ascending keys (m,), the i-th of which occurs counts[i] times."""
        dtype = np.int32 if counts.sum() < 1 << 31 else np.int64
        sums = np.zeros((len(keys) + 1, 3), dtype)
        for column, values in enumerate((counts, counts == 1, counts == 2)):
            np.cumsum(values, out=sums[1:, column])
        return cls(n, vocab_size, keys, sums)

    @cached_property
    def of_counts(self) -> list[int]:
        """How many n-grams occur once, twice, three and four times."""
        return [int(np.count_nonzero(self.counts() == c)) for c in (1, 2, 3, 4)]

    def counts(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """How often keys[start:stop] occur."""
        return np.diff(self.sums[start : None if stop is None else stop + 1, 0])

    def continuations(self) -> "Counts":
        """Count the n-grams of length n - 1 by the different tokens that stand before them."""
        shorter = self.keys % self.vocab_size ** (self.n - 1)
        keys, counts = np.unique(shorter, return_counts=True)
        return Counts.from_keys(self.n - 1, self.vocab_size, keys, counts)

    def places(self, keys: np.ndarray) -> np.ndarray:
        """How many n-grams have smaller keys than these, in the shape of `keys`.

        The keys are sorted first. Neighbours then take the same way through the table, which
        is in the cache: 3 to 7 times as fast.
        """
        flat = keys.ravel()
        order = np.argsort(flat)
        places = np.empty(len(flat), np.int64)
        places[order] = np.searchsorted(self.keys, flat[order])
        return places.reshape(keys.shape)


def expect_keys_that_fit(n: int, vocab_size: int) -> None:
    """Raise a ValueError if the keys of n-grams need more than 63 bits."""
    if vocab_size**n >= 1 << 63:
        raise ValueError(f"{n}-grams of {vocab_size:,} tokens do not fit in 64 bits")


def expect_ids(tokens: np.ndarray, vocab_size: int, least: int = 0) -> None:
    """Raise a ValueError if a token is not from `least` to vocab_size - 1."""
    if tokens.size and not least <= tokens.min() <= tokens.max() < vocab_size:
        found = f"{tokens.min()} to {tokens.max()}"
        raise ValueError(
            f"the ids of {vocab_size} tokens are {least} to {vocab_size - 1}, not {found}"
        )


def ngram_keys(tokens: np.ndarray, n: int, vocab_size: int) -> np.ndarray:
    """The keys of all n-grams of `tokens` (N,), in their order: (N - n + 1,) int64."""
    expect_ids(tokens, vocab_size)
    tokens, many = tokens.astype(np.int64), max(0, len(tokens) - n + 1)
    keys = np.zeros(many, np.int64)
    for i in range(n):
        keys = keys * vocab_size + tokens[i : i + many]
    return keys


def _merge(parts):
    """One part from two. Equal keys become one, which has the sum of their counts."""
    keys, counts = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.argsort(keys, kind="stable")  # merges two rows that ascend
    keys, counts = keys[order], counts[order]
    first = np.flatnonzero(np.diff(keys, prepend=-1))  # the first of each run of equal keys
    return keys[first], np.add.reduceat(counts, first)
