"""Matrix product of the last two axes; the axes before them broadcast.

forward    y = a @ b                               (..., N, K) (..., K, M) -> (..., N, M)
backward   y_nm = Σ_k a_nk b_km, so
           da_nk = Σ_m dy_nm b_km:  da = dy @ bᵀ   (..., N, K)
           db_km = Σ_n a_nk dy_nm:  db = aᵀ @ dy   (..., K, M)
           summed over broadcast leading axes
vectors    a vector a (K,) is one row (1, K); a vector b (K,) is one column (K, 1). y lacks the
           axis of size 1 that was added: the backward puts it into dy, and takes it out of db
saved      a, b
source     Giles 2008, "Collected matrix derivative results", section 2.2.1
"""

import numpy as np

from ..errors import ShapeError
from .elementwise import sum_to_shape


def matmul_forward(a, b):
    if a.ndim == 0 or b.ndim == 0 or a.shape[-1] != b.shape[-2:][0]:
        raise ShapeError(
            f"matmul: a has shape {a.shape} and b has shape {b.shape}, expected (..., N, K) "
            f"and (..., K, M); each may also be a vector (K,)"
        )
    try:
        return np.asarray(a @ b), (a, b)
    except ValueError:
        raise ShapeError(
            f"matmul: the leading axes of a {a.shape} and b {b.shape} do not broadcast"
        ) from None


def matmul_backward(dy, saved):
    a, b = saved
    row, column = np.atleast_2d(a), b[:, None] if b.ndim == 1 else b
    dy = dy[..., None] if b.ndim == 1 else dy
    dy = dy[..., None, :] if a.ndim == 1 else dy  # (..., N, M)
    da = dy @ np.swapaxes(column, -1, -2)  # (..., N, K)
    db = np.swapaxes(row, -1, -2) @ dy  # (..., K, M)
    return sum_to_shape(da, a.shape), sum_to_shape(db, column.shape).reshape(b.shape)
