"""The counts of the n-grams of a text in ascending order, where a context is a slice.

An n-gram is n neighbouring tokens. Its key is a number, whose digits in base V are the tokens:

    key = context · V + token,   context = the key of the n - 1 tokens before (0 for n = 1)

The keys of all n-grams with one context are neighbours in the order. The largest key is below
V³ = 1.27e14 for V = 50,257, and int64 holds V up to 2,097,151 for n = 3.
"""

from dataclasses import dataclass

import numpy as np

BLOCK = 1 << 22  # n-grams that are counted at once


@dataclass(frozen=True)
class Counts:
    """How often each n-gram of one length occurs in a text: 16 bytes per different n-gram.

    Shapes:
        keys (m,) int64, ascending and all different; sums (m + 1,) int64, of which sums[i] is
        the number of occurrences of keys[:i] together.
    """

    vocab_size: int
    keys: np.ndarray
    sums: np.ndarray

    @classmethod
    def of(
        cls, text: np.ndarray, n: int, vocab_size: int, contexts: np.ndarray | None = None
    ) -> "Counts":
        """Count all n-grams of `text` (N,), or only those with one of `contexts`, ascending.

        The text is read in blocks, so a long row of tokens on the disk is never all in memory.

        Raises:
            ValueError: a token is not below vocab_size, or a key does not fit in 64 bits.
        """
        if vocab_size**n >= 1 << 63:
            raise ValueError(f"{n}-grams of {vocab_size:,} tokens do not fit in 64 bits")
        parts = [(np.empty(0, np.int64), np.empty(0, np.int64))]
        for start in range(0, len(text) - n + 1, BLOCK):
            keys = ngram_keys(text[start : start + BLOCK + n - 1], n, vocab_size)
            parts.append(_select(*np.unique(keys, return_counts=True), vocab_size, contexts))
            # Each part is over twice as long as the next: an n-gram is merged log₂(N) times.
            while len(parts) > 1 and len(parts[-2][0]) <= 2 * len(parts[-1][0]):
                parts[-2:] = [_merge(parts[-2:])]
        while len(parts) > 1:
            parts[-2:] = [_merge(parts[-2:])]
        keys, counts = parts[0]
        return cls(vocab_size, keys, np.concatenate([[0], np.cumsum(counts)]))

    def interpolate(
        self, context: np.ndarray | int, token: np.ndarray, lower: np.ndarray | float
    ) -> np.ndarray:
        """p(token | context) by Witten-Bell from p_lower(token); the three are broadcast.

        A context that was never seen has n = t = 0. It gives p_lower.
        """
        first = context * self.vocab_size
        t, n = self._between(first, first + self.vocab_size)
        _, c = self._between(first + token, first + token + 1)
        weight = np.maximum(t, 1)
        return (c + weight * lower) / (n + weight)

    def interpolate_row(self, context: int, lower: np.ndarray) -> np.ndarray:
        """`interpolate` of the whole vocabulary: p(· | context) (V,) from p_lower (V,)."""
        first = context * self.vocab_size
        i, j = np.searchsorted(self.keys, [first, first + self.vocab_size])
        weight = max(j - i, 1)
        row = weight * lower  # (V,)
        row[self.keys[i:j] - first] += np.diff(self.sums[i : j + 1])
        return row / (self.sums[j] - self.sums[i] + weight)

    def _between(self, first, stop):
        """How many different n-grams have first <= key < stop, and how often they occur."""
        i, j = np.searchsorted(self.keys, first), np.searchsorted(self.keys, stop)
        return j - i, self.sums[j] - self.sums[i]


def ngram_keys(tokens: np.ndarray, n: int, vocab_size: int) -> np.ndarray:
    """The keys of all n-grams of `tokens` (N,), in their order: (N - n + 1,) int64."""
    if len(tokens) and not 0 <= tokens.min() <= tokens.max() < vocab_size:
        found = f"{tokens.min()} to {tokens.max()}"
        raise ValueError(
            f"the ids of {vocab_size} tokens are 0 to {vocab_size - 1}, not {found}"
        )
    tokens, many = tokens.astype(np.int64), max(0, len(tokens) - n + 1)
    keys = np.zeros(many, np.int64)
    for i in range(n):
        keys = keys * vocab_size + tokens[i : i + many]
    return keys


def _select(keys, counts, V, contexts):
    """The n-grams with one of the contexts. Both orders ascend, so the search is fast."""
    if contexts is None:
        return keys, counts
    context = keys // V
    wanted = np.searchsorted(contexts, context, "right") > np.searchsorted(contexts, context)
    return keys[wanted], counts[wanted]


def _merge(parts):
    """One part from two. Equal keys become one, which has the sum of their counts."""
    keys, counts = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.argsort(keys, kind="stable")  # merges two rows that ascend
    keys, counts = keys[order], counts[order]
    first = np.flatnonzero(np.diff(keys, prepend=-1))  # the first of each run of equal keys
    return keys[first], np.add.reduceat(counts, first)
