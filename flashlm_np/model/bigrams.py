"""Rows for pairs of tokens: a second table, of which a hash of the last two tokens picks a row.

    pair     n = u V + v, with v the token at a position and u the one before it
             At the first position of a text there is none, and u = V.
    row      r = ⌊ h M / 2³² ⌋, h = ⌊ (a n mod 2⁶⁴) / 2³² ⌋, a = 2⁶⁴ / golden ratio, made odd
    use      x = embedding[v] + bigrams[r]                            (B, T) -> (B, T, D)

V² pairs share M rows. A pair collides with about (N - 1) / M of N pairs that occur. Pairs in
one row share its vector: the model must tell them apart by embedding[v]. The rows start at 0,
so the model starts as one without them. A step moves only the rows of its pairs.

source   multiply-shift hashing: Dietzfelbinger et al. 1997, doi:10.1006/jagm.1997.0873; a:
         Knuth, "The Art of Computer Programming", volume 3, section 6.4; the table for models
         of words: n-gram embeddings as in Pagliardini et al. 2018, arXiv:1703.02507
"""

import numpy as np

from minigrad import Module, Parameter, Tensor
from minigrad import functional as F

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
HALF = np.uint64(32)  # bits


def pair_rows(before: np.ndarray, ids: np.ndarray, V: int, M: int) -> np.ndarray:
    """The row of each pair of tokens, in a table of M: two arrays of one shape -> the same.

    Example:
        >>> pair_rows(np.array([3, 0]), np.array([1, 1]), V=5, M=100).tolist()
        [88, 61]
    """
    n = before.astype(np.uint64) * np.uint64(V) + ids.astype(np.uint64)
    h = (n * MULTIPLIER) >> HALF  # integers of NumPy's arrays are modulo 2⁶⁴
    return ((h * np.uint64(M)) >> HALF).astype(np.int64)


class BigramTable(Module):
    """`weight` (M, D), which starts at 0."""

    def __init__(self, V: int, M: int, D: int, dtype=np.float32):
        self.V = V
        self.weight = Parameter(np.zeros((M, D), dtype))

    def forward(self, ids: np.ndarray) -> Tensor:
        """The vectors of the pairs that end at each position: ids (B, T) -> (B, T, D)."""
        return F.embedding(self.weight, self.rows(ids))

    def rows(self, ids: np.ndarray, before: int | None = None) -> np.ndarray:
        """The rows of the pairs in ids (..., T). `before` is the token before the first one."""
        first = self.V if before is None else before
        earlier = np.roll(ids.astype(np.int64), 1, axis=-1)
        earlier[..., :1] = first
        return pair_rows(earlier, ids, self.V, len(self.weight.data))
