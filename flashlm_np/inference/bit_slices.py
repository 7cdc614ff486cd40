"""The product by masks: one bit per weight says whether it is +1, another whether it is -1.

    masks      plus_o and minus_o, D bits each: 2 bits per weight
    floats     z_no = Σ_d (bits(x_nd) & keep_od) ^ flip_od, read as floats again  (N, O)
               keep is all ones where the weight is not 0; flip is the sign bit where it is -1:
               to multiply by 0 is an AND, and to multiply by -1 is an XOR
    integers   an int8 in two's complement is x = Σ_{b<7} 2^b x_b - 2⁷ x_7. Slice b of a token
               is the D bits x_b, and a whole product of bits is one AND and one count:
               c_b = popcount(x_b & plus_o) - popcount(x_b & minus_o)
               z_no = Σ_{b<7} c_b << b  -  c_7 << 7
    bytes      2·O·⌈D/64⌉·8 for the masks; 8·N·⌈D/64⌉·8 for the slices of int8 tokens.
               Working: about 1 MB, whatever N, O and D are
    cost       floats: N·O·D additions, zeros included, each with its AND and XOR.
               integers: 16·N·O·⌈D/64⌉ words, each an AND, a popcount and an addition, which
               stand for 64 weights; then 8·N·O shifts
    bound      floats: as in signed_sums.py. Integers: exact
    source     bit-serial products: Umuroglu et al. 2018 (BISMO), arXiv:1806.08862

Floats cannot be sliced, because their exponents differ: for them the masks are only another way
to write the definition. For integers they are another algorithm.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .int8 import sum_dtype
from .packing import PackedTernary

BITS = 8  # slices of an int8
BLOCK = 1 << 16  # terms, or counts, that exist at once
POSITIONS = 16  # of floats at once: they share the masks that are unpacked


class BitSlices(NamedTuple):
    """The masks (O, W), in words of 64 bits; the bits after D are 0."""

    shape: tuple[int, int]
    plus: np.ndarray
    minus: np.ndarray


def bit_slices(packed: PackedTernary) -> BitSlices:
    T = packed.unpack()
    return BitSlices(packed.shape, _words(T == 1), _words(T == -1))


def sliced_sums(x: np.ndarray, slices: BitSlices) -> np.ndarray:
    """x Tᵀ (N, O) in x's dtype, or in int32 for an int8 x."""
    dtype = sum_dtype("sliced_sums", x, slices.shape[1])
    return _integer_sums(x, slices) if x.dtype == np.int8 else _float_sums(x, slices, dtype)


def _float_sums(x, slices, dtype):
    (O, D), N = slices.shape, len(x)
    bits = np.ascontiguousarray(x).view(f"i{dtype.itemsize}")  # the same bits, as integers
    sign = bits.dtype.itemsize * 8 - 1  # the place of the sign bit
    z = np.empty((N, O), dtype)
    step = max(1, BLOCK // (min(N, POSITIONS) * D + 1))
    for o in range(0, O, step):
        plus, minus = (_unpacked(m[o : o + step], D).astype(bits.dtype) for m in slices[1:])
        keep, flip = -(plus | minus), minus << sign  # (o, D); -1 is all ones
        for n in range(0, N, POSITIONS):
            terms = bits[n : n + POSITIONS, None] & keep  # (n, o, D)
            terms ^= flip
            z[n : n + POSITIONS, o : o + step] = terms.view(dtype).sum(axis=2)
    return z


def _integer_sums(q, slices):
    (O, _), N = slices.shape, len(q)
    masks = np.concatenate([slices.plus, slices.minus]).T.copy()  # (W, 2·O)
    z = np.empty((N, O), np.int32)
    step = max(1, BLOCK // (BITS * 2 * O))
    for n in range(0, N, step):
        words = _slices(q[n : n + step])  # (n, 8, W)
        counts = np.zeros((len(words), BITS, 2 * O), np.int32)
        for w, mask in enumerate(masks):
            counts += np.bitwise_count(words[:, :, w, None] & mask)
        c = counts[..., :O] - counts[..., O:]  # (n, 8, 2·O) -> (n, 8, O)
        c <<= np.arange(BITS, dtype=np.int32)[:, None]
        z[n : n + step] = c[:, :-1].sum(axis=1) - c[:, -1]  # the last slice is the signs
    return z


def _slices(q):
    """The eight bits of each int8, apart: (N, D) -> (N, 8, W)."""
    bits = np.arange(BITS, dtype=np.uint8)[:, None]
    return _words(q.view(np.uint8)[:, None] >> bits & 1)


def _words(bits):
    """Bits (..., D), each in a byte, as words (..., W) of 64 bits, filled up with zeros."""
    packed = np.packbits(bits, axis=-1)
    missing = -packed.shape[-1] % 8
    packed = np.pad(packed, [(0, 0)] * (bits.ndim - 1) + [(0, missing)])
    return packed.view(np.uint64)


def _unpacked(words, D):
    """The inverse for D bits of each row: words (O, W) -> (O, D), each in a byte."""
    return np.unpackbits(words.view(np.uint8), axis=1, count=D)
