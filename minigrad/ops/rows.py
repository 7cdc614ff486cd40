"""Row selection: keep some rows of a matrix, such as the positions that are to be scored.

forward    y_p = x[rows_p]                         (N, D), (P,) -> (P, D)
backward   dx[rows_p] += dy_p, rows that were not taken get 0; a row taken twice gets both
saved      rows, and x's shape     8·P bytes
source     y = S x with a selection matrix S of zeros and ones, so dx = Sᵀ dy
"""

from __future__ import annotations

import numpy as np

from ..errors import expect_integers, expect_shape
from .embedding import RowGradient


def select_rows_forward(x, rows):
    expect_shape("select_rows", "x", x, N=None, D=None)
    expect_shape("select_rows", "rows", rows, P=None)
    expect_integers("select_rows", "rows", rows, below=x.shape[0], size_name="N")
    return x[rows], (rows, x.shape)


def select_rows_backward(dy, saved):
    rows, shape = saved
    dx = np.zeros(shape, dy.dtype)
    RowGradient(rows, dy, shape).add_to(dx)
    return dx, None
