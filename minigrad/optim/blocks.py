"""Elementwise updates in blocks: a block stays in the cache while many lines pass over it.

An update such as AdamW's reads and writes the same arrays in a dozen NumPy calls. On an
embedding of 13 million numbers each call would pass over main memory; on 131,072 of them at a
time it finds them in the cache, and the blocks can be shared out to all cores.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

SIZE = 1 << 17  # numbers: 512 kB in float32; smaller blocks spend their time in Python


def flat_blocks(*arrays: np.ndarray, size: int = SIZE) -> Iterator[tuple[np.ndarray, ...]]:
    """The same part of each array, flat, one part after the other, as views to write to.

    Arrays that are not contiguous have no flat view, and come whole, as one part.
    """
    if not all(array.flags.c_contiguous for array in arrays):
        yield arrays
        return
    flat = [array.reshape(-1) for array in arrays]
    for start in range(0, flat[0].size, size):
        yield tuple(array[start : start + size] for array in flat)
