"""One level of a Kneser-Ney model: the counts of its n-grams, and their discounts.

The discounts D = (0, D₁, D₂, D₃) of counts of 0, 1, 2, and 3 or more follow from t_i, the
number of different n-grams that occur i times:

    Y = t₁ / (t₁ + 2 t₂) ;   D_i = i - (i + 1) Y t_(i+1) / t_i                     (i = 1, 2, 3)

Leave each occurrence in the text out in turn. An n-gram that occurs i + 1 times is then left
with i, and there are (i + 1) t_(i+1) such moments. So an n-gram that the rest of the text has
i times is the one left out (i + 1) t_(i+1) / t_i times on average: less than i, and D_i is
near the difference. Y, the D₁ of a single discount for all counts, makes the three consistent.

A short text may have no n-gram that occurs, say, four times. Where a t_i is 0, or a D_i is not
in (0, i], all three are those of `SHORT_TEXT`: with them every row still sums to 1.

source   Chen & Goodman 1999, equation 26; the discounts of short texts are those of KenLM
"""

from dataclasses import dataclass

import numpy as np

from .counts import Counts

SHORT_TEXT = (0.5, 1.0, 1.5)


@dataclass(frozen=True)
class Seen:
    """Counts around n-grams h w, as far as they are in the text. All have one shape.

    count: of h w. total, different: of all tokens after h, and how many different ones.
    mass: the sum of their discounts. less: whether the shorter n-gram has lost an occurrence.
    """

    count: np.ndarray
    total: np.ndarray
    different: np.ndarray
    mass: np.ndarray
    less: np.ndarray

    @property
    def weight(self) -> np.ndarray:
        """The part of the probability that the shorter context decides: 1 if h is unseen."""
        return np.where(self.total > 0, self.mass / np.maximum(self.total, 1), 1.0)


@dataclass(frozen=True)
class Level:
    """Counts, and their discounts (4,), whose place is the count, 3 for 3 and more."""

    counts: Counts
    discounts: np.ndarray

    @classmethod
    def of(cls, counts: Counts) -> "Level":
        return cls(counts, np.array([0, *discounts(counts.of_counts)]))

    def look_up(self, context: np.ndarray, token: np.ndarray, less: np.ndarray) -> Seen:
        """What was counted of the n-grams with these keys of contexts and last tokens.

        less: 1 where one occurrence of the n-gram is not in the text, else 0.
        """
        V, sums = self.counts.vocab_size, self.counts.sums
        first = context * V
        key = first + token
        edges = np.stack(np.broadcast_arrays(first, key, key + 1, first + V))
        start, here, after, stop = self.counts.places(edges)
        total, once, twice = np.moveaxis(sums[stop] - sums[start], -1, 0)
        count, different = sums[after, 0] - sums[here, 0], stop - start
        left = np.maximum(count - less, 0)
        _, one, two, three = self.discounts
        mass = one * once + two * twice + three * (different - once - twice)
        return Seen(
            left,
            total - (count - left),
            different - ((count > 0) & (left == 0)),
            mass - self.discount(count) + self.discount(left),
            less * (left == 0),
        )

    def interpolate(self, seen: Seen, lower: np.ndarray | float) -> np.ndarray:
        """p(w | h) from p(w | h') of the shorter context."""
        counted = seen.count - self.discount(seen.count)
        return counted / np.maximum(seen.total, 1) + seen.weight * lower

    def interpolate_row(self, context: int, token: int, seen: Seen, lower: np.ndarray):
        """`interpolate` of the whole vocabulary (V,). `seen` is that of `token`."""
        first = context * self.counts.vocab_size
        start, stop = self.counts.places(np.array([first, first + self.counts.vocab_size]))
        tokens = self.counts.keys[start:stop] - first
        counts = np.where(tokens == token, seen.count, self.counts.counts(start, stop))
        row = seen.weight * lower
        row[tokens] += (counts - self.discount(counts)) / np.maximum(seen.total, 1)
        return row

    def discount(self, count: np.ndarray) -> np.ndarray:
        return self.discounts[np.minimum(count, 3)]


def discounts(of_counts: list[int]) -> tuple[float, float, float]:
    """D₁, D₂ and D₃ from t₁ to t₄."""
    t = np.array([0.0, *of_counts])
    if not t[1:].all():
        return SHORT_TEXT
    Y = t[1] / (t[1] + 2 * t[2])
    D = tuple(float(i - (i + 1) * Y * t[i + 1] / t[i]) for i in (1, 2, 3))
    return D if all(0 < D[i - 1] <= i for i in (1, 2, 3)) else SHORT_TEXT
