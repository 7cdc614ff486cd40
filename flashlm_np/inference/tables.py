"""The product by look-up: all 243 signed sums of five inputs, and the packed byte is the index.

tables     for each group g of five inputs x_0 ... x_4, and each byte c = Σ_k digit_k 3^k:
           t_g[c] = ±x_k for the digits 1 and 2, summed over the five      (G, 243, N)
           made digit by digit: with t for the first k digits,
           t[3^k + c] = t[c] + x_k  and  t[2·3^k + c] = t[c] - x_k
forward    z_no = Σ_g t_g[code_og]: a gather and a sum; y = s z                (N, O)
bytes      the packed ones, 1.6 bits per weight, and no others: nothing is prepared.
           Working: tables and sums of 256 positions·groups, 4·256·(243 + O) in float32, and
           at most 8·256·O for places: 2.3 MB for O = 683, whatever N and D are
cost       N·G·(242 + O) additions, G = ⌈D/5⌉, of which 242 build: 2·(1 + 3 + 9 + 27 + 81).
           A matrix with two of three weights not 0 has N·O·D·2/3: for O = 683, D = 256,
           48,000 instead of 117,000
bound      as in signed_sums.py. With more than 128 positions a group is added at a time,
           from left to right: z is then, to the last bit, the sum in that order
source     T-MAC, arXiv:2407.00088, and bitnet.cpp, arXiv:2502.11880, look up groups too
"""

from __future__ import annotations

import numpy as np

from .int8 import sum_dtype
from .packing import PackedTernary

FIVE, SUMS = 5, 3**5
BLOCK = 256  # positions times groups whose tables exist at once: 249 kB in float32


def table_sums(x: np.ndarray, packed: PackedTernary) -> np.ndarray:
    """x Tᵀ (N, O) in x's dtype, or in int32 for an int8 x. `packed` must be base-3."""
    if packed.encoding != "base-3":
        raise ValueError(f"table_sums: the matrix is {packed.encoding}, expected base-3")
    O, D = packed.shape
    z = np.zeros((O, len(x)), sum_dtype("table_sums", x, D))
    groups = _groups(x)  # (G, 5, N)
    G, _, N = groups.shape
    step = BLOCK // max(1, min(N, BLOCK))  # groups at once
    for n in range(0, N, BLOCK):
        here = slice(n, n + BLOCK)
        for g in range(0, G, step):
            tables = signed_sums_of_five(groups[g : g + step, :, here])  # (C, 243, n)
            z[:, here] += _look_up(tables, packed.codes[:, g : g + step], z.dtype)
    return z.T  # (O, N) -> (N, O)


def signed_sums_of_five(x: np.ndarray) -> np.ndarray:
    """For groups of five inputs (C, 5, N) the sum that each byte stands for (C, 243, N)."""
    C, _, N = x.shape
    t = np.empty((C, SUMS, N), x.dtype)
    t[:, 0] = 0
    for k in range(FIVE):
        m = 3**k
        np.add(t[:, :m], x[:, k, None], out=t[:, m : 2 * m])
        np.subtract(t[:, :m], x[:, k, None], out=t[:, 2 * m : 3 * m])
    return t


def _groups(x):
    """x by groups of five (G, 5, N), filled up with zeros; int8 in int16, which 5·128 fits."""
    N, D = x.shape
    G = -(-D // FIVE)
    groups = np.zeros((G * FIVE, N), np.int16 if x.dtype == np.int8 else x.dtype)
    groups[:D] = x.T
    return groups.reshape(G, FIVE, N)


def _look_up(tables, codes, dtype):
    """Σ_c tables[c, codes[o, c]]: (C, 243, N), (O, C) -> (O, N)."""
    C, _, N = tables.shape
    places = codes.T + SUMS * np.arange(C)[:, None]  # (C, O)
    found = tables.reshape(C * SUMS, N).take(places, axis=0)  # (C, O, N)
    return found[0] if C == 1 else found.sum(axis=0, dtype=dtype)
