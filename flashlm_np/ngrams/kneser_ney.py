"""Interpolated n-grams with modified Kneser-Ney smoothing.

    p(w | h) = (c(h w) - D(c(h w)) + m(h) p(w | h')) / n(h)                   h = u v, h' = v
    n(h) = Σ_w c(h w) ;   m(h) = Σ_w D(c(h w)) = D₁ N₁(h) + D₂ N₂(h) + D₃ N₃(h)

Each count gives a discount D away (level.py). The shorter context h', which is h without its
first token, distributes their sum m(h). N_i(h) is the number of different tokens that stand i
times after h; N₃ is that of 3 times or more. A context that was never seen gives p(w | h'). The
shortest context, of no token, falls back on 1/V. Each row sums to 1: Σ_w (c - D) = n - m.

For the longest n-grams c is the number of occurrences. **For the shorter ones it is the number
of different tokens before them.** Let the model keep the frequencies of the shorter n-grams:

    Σ_u n(u v) p(w | u v) = c(v w)                         on the left, n p = c - D + m p(w | v)
    Σ_u c(u v w) - Σ_u D(c(u v w)) + p(w | v) Σ_u m(u v) = c(v w)      and Σ_u c(u v w) = c(v w)
    p(w | v) = Σ_u D(c(u v w)) / Σ_u m(u v)

With one discount for all counts this is N(· v w) / Σ_w N(· v w), where N counts the different
u: "Francisco" is frequent, but only after "San", and after another token it is improbable.

**Leave-one-out.** A model that trains on the text that was counted must not find its own target
in the counts. `left_out` gives p as if one occurrence of u v w were not in the text:

    c(u v w) and n(u v) are 1 less, and m(u v) has D(c - 1) in place of D(c)
    if c(u v w) was 1, then u is no longer a token before v w: the same happens to N(· v w)
    if that was 1, too, it happens to N(· w)

The discounts stay. It is exact for one occurrence, yet too good by 0.25 nats for a text of
documents, which repeat their own n-grams: see docs/ngrams.md.

    memory     20 bytes per different n-gram of each length
    measured   4.7 M tokens of textbooks: 76 MB; 2,048 probabilities in 5 to 7 ms of one core
    source     Kneser & Ney 1995; Chen & Goodman 1999, sections 2.7 and 3
"""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from .counts import Counts, expect_ids
from .level import Level, Seen
from .saved_counts import counts_from_arrays, counts_to_arrays


class KneserNey:
    """The probability of a token after the order - 1 tokens before it.

    A token of the context that is -1 is unknown, because it stands before the start of a text.
    Then the shorter context decides, as for one that was never seen.

    Example:
        >>> trigram = KneserNey.count(np.array([0, 1, 0, 1, 1, 0, 1]), 3, vocab_size=3)
        >>> trigram.row(0, 1).round(3).tolist()
        [0.5, 0.458, 0.042]
    """

    def __init__(self, counts: Counts):
        """The model of the counts of its longest n-grams."""
        self.order, self.vocab_size = counts.n, counts.vocab_size
        tables = [counts]
        while tables[-1].n > 1:
            tables.append(tables[-1].continuations())
        self.levels = [Level.of(table) for table in tables]  # the longest n-grams first

    @classmethod
    def count(cls, text: np.ndarray, order: int, vocab_size: int) -> "KneserNey":
        """Count the n-grams of length `order` in the tokens `text` (N,)."""
        return cls(Counts.of(text, order, vocab_size))

    def probability(self, *tokens: np.ndarray, left_out: bool = False) -> np.ndarray:
        """p(w | u, v) in float64; the tokens u, v, w are broadcast.

        left_out: as if one occurrence of u, v, w were not in the text.
        """
        return self.probability_and_counts(*tokens, left_out=left_out)[0]

    def context_counts(self, *context: np.ndarray, left_out: np.ndarray | None = None):
        """How often the contexts u v and v have a next token, and how many different ones.

        left_out: the token w, if one occurrence of u, v, w is not to be counted.
        Shapes: (2·order - 2, ...) int64: those of u v, then those of v.
        """
        w = 0 if left_out is None else left_out
        return _context_counts(self.look_up(*context, w, less=left_out is not None))

    def probability_and_counts(self, *tokens: np.ndarray, left_out: bool = False):
        """`probability` and `context_counts` in one search."""
        seen, p = self.look_up(*tokens, less=left_out), 1 / self.vocab_size
        for level, found in zip(self.levels[::-1], seen[::-1], strict=True):
            p = level.interpolate(found, p)
        return p, _context_counts(seen)

    def row(self, *context: int, left_out: int | None = None) -> np.ndarray:
        """p(· | u, v) (V,) in float64: all tokens after u, v.

        left_out: a token w. The row is then that of the text with one u, v, w less.
        """
        w = 0 if left_out is None else int(left_out)
        seen = self.look_up(*context, w, less=left_out is not None)
        row = np.full(self.vocab_size, 1 / self.vocab_size)
        keys = self.keys([np.int64(token) for token in context])
        for level, key, found in zip(self.levels[::-1], keys[::-1], seen[::-1], strict=True):
            row = level.interpolate_row(int(key), w, found, row)
        return row

    @cached_property
    def unigram(self) -> np.ndarray:
        """p(w) (V,), where no token is known before w."""
        return self.row(*[-1] * (self.order - 1))

    def arrays(self) -> dict[str, np.ndarray]:
        """All that the model is made of, for a file: saved_counts.py."""
        return counts_to_arrays(self.levels[0].counts)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "KneserNey":
        """The model that gave `arrays`. Raises a ValueError that says what is wrong."""
        return cls(counts_from_arrays(arrays))

    def look_up(self, *tokens, less) -> list[Seen]:
        """What each level has counted of the tokens u, v, w, the longest n-grams first."""
        tokens = np.broadcast_arrays(*(np.asarray(token, np.int64) for token in tokens))
        self._expect(tokens)
        seen, less = [], np.int64(less)
        for level, key in zip(self.levels, self.keys(tokens[:-1]), strict=True):
            seen.append(level.look_up(key, tokens[-1], less))
            less = seen[-1].less
        return seen

    def keys(self, context: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The keys of u v, of v and of no token. -1, which no n-gram has, if one is unknown."""
        keys, unknown = [np.int64(0)], False
        for i, token in enumerate(context[::-1]):
            unknown = unknown | (token < 0)
            keys.append(np.where(unknown, -1, keys[-1] + token * self.vocab_size**i))
        return keys[::-1]

    def _expect(self, tokens):
        """Raise a ValueError for too few or too many tokens, or a wrong id."""
        if len(tokens) != self.order:
            raise ValueError(f"{len(tokens)} tokens for n-grams of {self.order}")
        for token in tokens[:-1]:
            expect_ids(token, self.vocab_size, least=-1)
        expect_ids(tokens[-1], self.vocab_size)


def _context_counts(seen):
    return np.array([part for found in seen[:-1] for part in (found.total, found.different)])
