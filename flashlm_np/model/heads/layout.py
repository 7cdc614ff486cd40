"""The order of the rows of the tied table, and the classes that they are cut into.

A head that works with classes needs the rows of a class next to each other: a slice of the
table costs nothing, while a gather copies it. So the table is put in order once, before the
training, and the order is part of the checkpoint. A head sees rows only. The model maps tokens
to rows on the way in, with `rows`, and scores by row to scores by token on the way out, with
`by_token`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

# Added to each count. Tokens of new text that the training text does not have keep a share.
PSEUDO_COUNT = 0.5
MOST_TOKENS = 2**53  # of a training text: float64 holds each whole number up to there


@dataclass(frozen=True, eq=False)
class TableLayout:
    """Which token each row of the table belongs to, and where the classes start.

    Class c has the rows starts[c] to starts[c + 1] - 1. Rows before starts[0] are in no class:
    the hybrid head scores them one by one. The arrays are read-only.

    Shapes:
        order (V,) int32, the token of each row; counts (V,) int64, how often that token stands
        in the training text; starts (G + 1,) int32, rising from the first row of a class to V.
    """

    order: np.ndarray
    counts: np.ndarray
    starts: np.ndarray

    def __post_init__(self):
        for name, dtype in (("order", np.int32), ("counts", np.int64), ("starts", np.int32)):
            array = np.array(getattr(self, name), dtype)
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @classmethod
    def identity(cls, V: int) -> "TableLayout":
        """Rows in the order of the tokens, without counts, in one class."""
        return cls(np.arange(V), np.zeros(V), [0, V])

    @classmethod
    def from_arrays(cls, arrays, V: int, classes=None, first=None) -> "TableLayout":
        """The layout of arrays that were read, which may be damaged.

        classes, first: their number and the first row of the first one, if they are known.

        Raises:
            ValueError: they are no layout of V tokens, or one with other classes.
        """
        order, counts, starts = (
            _whole_numbers(arrays, name) for name in ("order", "counts", "starts")
        )
        _expect_permutation(order, counts, V)
        _expect_classes(starts, V, classes, first)
        return cls(order, counts, starts)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by name, for a checkpoint. `from_arrays` is the inverse."""
        return {"order": self.order, "counts": self.counts, "starts": self.starts}

    @cached_property
    def rank(self) -> np.ndarray:
        """The row of each token: (V,) int32, the inverse of `order`."""
        rank = np.empty_like(self.order)
        rank[self.order] = np.arange(len(rank), dtype=rank.dtype)
        return rank

    @cached_property
    def frequencies(self) -> np.ndarray:
        """The share of each row in the text, smoothed: (V,) float64, none 0, with the sum 1."""
        smoothed = self.counts + PSEUDO_COUNT  # the sum of halves is exact
        return smoothed / smoothed.sum()

    @cached_property
    def is_identity(self) -> bool:
        """Whether row r belongs to token r."""
        return bool((self.order == np.arange(len(self.order))).all())

    def rows(self, ids: np.ndarray) -> np.ndarray:
        """The rows of token ids, in the shape of `ids`."""
        return ids if self.is_identity else self.rank[ids]

    def by_token(self, scores):
        """Scores (..., V) by row, an array or a Tensor, in the order of the tokens."""
        return scores if self.is_identity else scores[..., self.rank]

    @cached_property
    def shares(self) -> np.ndarray:
        """The share of each class in the text, smoothed: (G,) float64, none 0."""
        smoothed = self.counts + PSEUDO_COUNT
        return np.add.reduceat(smoothed, self.starts[:-1]) / smoothed.sum()

    def class_means(self, table: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """The mean row of each class that starts give, by smoothed count: (V, D) -> (G, D)."""
        weights = (self.counts + PSEUDO_COUNT)[:, None].astype(table.dtype)  # (V, 1)
        first = starts[:-1]
        return np.add.reduceat(table * weights, first) / np.add.reduceat(weights, first)


def _whole_numbers(arrays, name):
    array = arrays.get(name)
    if not isinstance(array, np.ndarray):
        raise ValueError(f"layout: there is no array {name}")
    if not np.issubdtype(array.dtype, np.integer) or array.ndim != 1:
        raise ValueError(
            f"layout: {name} has shape {array.shape} and type {array.dtype}, "
            "expected whole numbers in one row"
        )
    return array


def _expect_permutation(order, counts, V):
    for name, array in (("order", order), ("counts", counts)):
        if array.shape != (V,):
            raise ValueError(f"layout: {name} has shape {array.shape}, expected {(V,)}")
    if (order < 0).any() or (order >= V).any() or len(np.unique(order)) < V:
        raise ValueError(f"layout: order does not name each token from 0 to {V - 1} once")
    if (counts < 0).any() or counts.sum(dtype=np.float64) >= MOST_TOKENS:
        raise ValueError("layout: counts are not whole numbers from 0 on with a sum below 2^53")


def _expect_classes(starts, V, classes, first):
    rising = len(starts) > 1 and (starts[1:] > starts[:-1]).all()
    if not rising or starts[0] < 0 or starts[-1] != V:
        raise ValueError(f"layout: starts do not rise from a first row of a class to {V}")
    found = len(starts) - 1, int(starts[0])
    wanted = found[0] if classes is None else classes, found[1] if first is None else first
    if found != wanted:
        raise ValueError(
            f"layout: there are {found[0]} classes from row {found[1]} on, "
            f"expected {wanted[0]} from row {wanted[1]} on"
        )
