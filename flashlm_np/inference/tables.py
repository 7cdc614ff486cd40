"""A product by look-up: the packed byte is an index into a table of 243 signed sums.

tables     for each group g of five inputs x_0 ... x_4, and each byte c = Σ_k digit_k 3^k:
           t_g[c] = Σ_k ±x_k, with + for the digit 1 and - for the digit 2      (G, 243, N)
           It is built digit by digit. With t for the first k digits,
           t[3^k + c] = t[c] + x_k  and  t[2·3^k + c] = t[c] - x_k
forward    z_no = Σ_g t_g[code_og], added from left to right; y = s z           (N, O)
bytes      the weights take 1.6 bits each and are never unpacked.
           In float32 the tables take 4·243·G·N bytes
cost       N·G·(242 + O) additions, G = ⌈D/5⌉. 242 of them build a table:
           2·(1 + 3 + 9 + 27 + 81). A matrix with two of three weights not 0 needs
           N·O·D·2/3 by definition: for O = 683 and D = 256, 48,000 instead of 117,000
bound      float: |z - exact| ≤ γ Σ_{d: T_od ≠ 0} |x_nd| with γ = D u / (1 - D u), u = 2⁻²⁴
           in float32, for any order of the additions. Integers: exact
source     T-MAC, arXiv:2407.00088, and bitnet.cpp, arXiv:2502.11880, look up groups too.
           The bound: Higham, Accuracy and Stability, 2nd ed., section 4.2
"""

import numpy as np

from minigrad.errors import expect_shape

from .packing import PackedTernary

FIVE, SUMS = 5, 3**5


def table_sums(x: np.ndarray, packed: PackedTernary) -> np.ndarray:
    """x Tᵀ (N, O) in x's dtype, or in int32 for an int8 x. `packed` must be base-3."""
    if packed.encoding != "base-3":
        raise ValueError(f"table_sums: the matrix is {packed.encoding}, expected base-3")
    expect_shape("table_sums", "x", x, N=None, D=packed.shape[1])
    (N, D), G = x.shape, packed.codes.shape[1]
    dtype = np.int32 if x.dtype == np.int8 else x.dtype  # five int8 do not fit in an int8
    groups = np.zeros((G * FIVE, N), dtype)  # zeros fill up the last group
    groups[:D] = x.T
    t = signed_sums_of_five(groups.reshape(G, FIVE, N))  # (G, 243, N)
    z = np.zeros((packed.shape[0], N), dtype)  # (O, N): a look-up takes a whole row of a table
    for table, codes in zip(t, packed.codes.T, strict=True):
        z += table.take(codes, axis=0)  # (243, N), (O,) -> (O, N)
    return z.T


def signed_sums_of_five(x: np.ndarray) -> np.ndarray:
    """The sum that each byte stands for: groups of five inputs (C, 5, N) -> (C, 243, N)."""
    C, _, N = x.shape
    t = np.empty((C, SUMS, N), x.dtype)
    t[:, 0] = 0
    for k in range(FIVE):
        m = 3**k
        t[:, m : 2 * m] = t[:, :m] + x[:, k, None]
        t[:, 2 * m : 3 * m] = t[:, :m] - x[:, k, None]
    return t
