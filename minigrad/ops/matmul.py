"""Matrix product of the last two axes; the axes before them broadcast.

forward    y = a @ b                               (..., N, K) (..., K, M) -> (..., N, M)
backward   y_nm = Σ_k a_nk b_km, so
           da_nk = Σ_m dy_nm b_km:  da = dy @ bᵀ   (..., N, K)
           db_km = Σ_n a_nk dy_nm:  db = aᵀ @ dy   (..., K, M)
           summed over broadcast leading axes
saved      a, b
source     Giles 2008, "Collected matrix derivative results", section 2.2.1
"""

import numpy as np

from ..errors import ShapeError
from .elementwise import sum_to_shape


def matmul_forward(a, b):
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2]:
        raise ShapeError(
            f"matmul: a has shape {a.shape} and b has shape {b.shape}, expected (..., N, K) "
            f"and (..., K, M); reshape a vector to a row (1, K) or a column (K, 1)"
        )
    try:
        return a @ b, (a, b)
    except ValueError:
        raise ShapeError(
            f"matmul: the leading axes of a {a.shape} and b {b.shape} do not broadcast"
        ) from None


def matmul_backward(dy, saved):
    a, b = saved
    da = dy @ np.swapaxes(b, -1, -2)
    db = np.swapaxes(a, -1, -2) @ dy
    return sum_to_shape(da, a.shape), sum_to_shape(db, b.shape)
