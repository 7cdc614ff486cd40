"""Operations whose gradients are hard to check, each with a right backward.

HARD maps a name to a function that draws a Pair: forward, backward and arrays. The forwards
are plain NumPy, as a user writes them: steep, flat, cancelling, with kinks or jumps close by,
with elements from 1e-8 to 1e8 in one array.

    hard_numbers    smooth functions of one number, also such that lose digits
    hard_kinks      kinks, jumps, poles and steps, most of them close to the point
    hard_rows       masks and losses of rows
    hard_sums       sums, products and norms of rows
    hard_matrices   choices from rows, and products of matrices

benchmarks/gradcheck.py holds each right backward against derivatives with 120 digits.
"""

from dataclasses import replace

import hard_kinks  # noqa: F401  the five files add to HARD
import hard_matrices  # noqa: F401
import hard_numbers  # noqa: F401
import hard_rows  # noqa: F401
import hard_sums  # noqa: F401
import numpy as np
from hard_pairs import HARD, Pair


def build(rng: np.random.Generator, name: str) -> Pair:
    """Draw a pair by its name; its results have the dtype of what they are given."""
    pair = HARD[name](rng)

    def forward(*arrays):
        y, saved = pair.forward(*arrays)
        return in_dtype_of(arrays[0], y), saved

    def backward(dy, saved):
        return tuple(in_dtype_of(dy, g) for g in pair.backward(dy, saved))

    return replace(pair, forward=forward, backward=backward, exact=pair.exact or pair.forward)


def in_dtype_of(x, y):
    """y in float32 if x is; a float64 among the numbers of a function makes it float64."""
    return np.asarray(y, np.float32) if x.dtype == np.float32 else np.asarray(y)
