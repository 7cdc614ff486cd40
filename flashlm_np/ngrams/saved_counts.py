"""Counts as arrays for a file, and back. What comes from a file is checked.

    sizes     (2,) int64: n and V
    keys      (m,) int64, ascending and all different, from 0 to Vⁿ - 1
    counts    (m,) uint32, at least 1

12 bytes per different n-gram: 33 MB for the 2.7 million trigrams of 4.7 million tokens.
"""

import numpy as np

from .counts import Counts, expect_keys_that_fit

DTYPES = {"sizes": "int64", "keys": "int64", "counts": "uint32"}


def counts_to_arrays(counts: Counts) -> dict[str, np.ndarray]:
    """The three arrays above."""
    sizes = np.array([counts.n, counts.vocab_size])
    arrays = {"sizes": sizes, "keys": counts.keys, "counts": counts.counts()}
    return {name: arrays[name].astype(dtype, copy=False) for name, dtype in DTYPES.items()}


def counts_from_arrays(arrays: dict[str, np.ndarray]) -> Counts:
    """The counts that `counts_to_arrays` gave. Raises a ValueError that says what is wrong."""
    if set(arrays) != set(DTYPES):
        found, expected = ", ".join(sorted(arrays)) or "none", ", ".join(DTYPES)
        raise ValueError(f"counts of n-grams are the arrays {expected}; found {found}")
    for name, dtype in DTYPES.items():
        array = arrays[name]
        if array.dtype != dtype or array.ndim != 1:
            raise ValueError(
                f"{name} is {array.dtype} {array.shape}, expected a row of {dtype}"
            )
    sizes, keys, counts = (arrays[name] for name in DTYPES)
    if len(sizes) != 2 or not (1 <= sizes[0] <= 63 and sizes[1] >= 1):
        raise ValueError(f"sizes is {sizes.tolist()[:9]}, expected n and V, at least 1")
    n, V = map(int, sizes)
    expect_keys_that_fit(n, V)
    if len(keys) != len(counts):
        raise ValueError(f"there are {len(keys):,} keys, but {len(counts):,} counts")
    if len(keys) and (keys[0] < 0 or keys[-1] >= V**n or np.any(keys[1:] <= keys[:-1])):
        raise ValueError(f"the keys do not ascend from 0 to {V:,}^{n} - 1")
    if np.any(counts == 0):
        raise ValueError(f"the n-gram with key {keys[counts.argmin()]} occurs 0 times")
    return Counts.from_keys(n, V, keys, counts.astype(np.int64))
