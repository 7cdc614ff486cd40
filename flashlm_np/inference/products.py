"""Every way to multiply by a packed ternary matrix, in one table, and y from any of them.

A way has two functions. `prepare(packed)` is done once; `sums(x, prepared)` gives z = x Tᵀ,
without the scale. `ternary_product` adds what all have in common: the scale, and the choice
between activations in floats and in 8 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .bit_slices import bit_slices, sliced_sums
from .int8 import quantize, sum_dtype
from .packing import PackedTernary
from .signed_sums import signed_rows, signed_sums
from .tables import table_sums


class Way(NamedTuple):
    prepare: Callable  # of a PackedTernary: what `sums` wants
    sums: Callable  # of x (N, D) and that: x Tᵀ (N, O), in x's dtype or int32 for int8


def dense_sums(x: np.ndarray, T: np.ndarray) -> np.ndarray:
    """The matrix product by BLAS, which multiplies.

    NumPy has no fast product of integers; float32 is as exact for them while sums stay below
    2²⁴, that is for D up to 132,104.
    """
    dtype = sum_dtype("dense_sums", x, T.shape[1])
    if x.dtype != np.int8:
        return x @ T.T
    kind = np.float32 if 127 * T.shape[1] < 2**24 else np.float64
    return (x.astype(kind) @ T.T.astype(kind, copy=False)).astype(dtype)


WAYS = {
    "BLAS": Way(lambda packed: packed.unpack().astype(np.float32), dense_sums),
    "unpack, then BLAS": Way(
        lambda packed: packed, lambda x, p: dense_sums(x, p.unpack().astype(np.float32))
    ),
    "signed sums": Way(signed_rows, signed_sums),
    "bit slices": Way(bit_slices, sliced_sums),
    "tables": Way(lambda packed: packed, table_sums),
}


def ternary_product(
    x: np.ndarray,
    packed: PackedTernary,
    way: str = "BLAS",
    *,
    int8: bool = False,
    prepared=None,
) -> np.ndarray:
    """y = x (s T)ᵀ for x (..., D), by one of `WAYS`; `prepared` is what its `prepare` gave.

    Example:
        >>> from .packing import pack
        >>> packed = pack(np.array([[1, 0, -1], [0, 0, 0]]), 0.5)
        >>> ternary_product(np.array([3, 9, 1], np.float32), packed, "tables").tolist()
        [1.0, 0.0]
    """
    prepare, sums = WAYS[way]
    prepared = prepare(packed) if prepared is None else prepared
    rows = x.reshape(-1, x.shape[-1])  # (..., D) -> (N, D)
    if int8:
        q, step = quantize(rows)
        y = sums(q, prepared).astype(np.float32) * (step * packed.scale)
    else:
        y = sums(rows, prepared)
        y = y if packed.scale == 1.0 else y * packed.scale
    return y.reshape(*x.shape[:-1], packed.shape[0])
