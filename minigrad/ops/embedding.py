"""Embedding: look up one row of a table per token id. Also: keep some rows of a matrix.

forward    embedding     y[b,t] = w[ids[b,t]]            (V, D), (...) -> (..., D)
           select_rows   y[m] = x[rows[m]]               (N, D), (M,) -> (M, D)
backward   embedding: dw[id] = Σ of dy over the positions where id stood, other rows are 0.
           A batch uses about 500 of 50,257 rows, so a dense dw would be 99 % zeros. dw is
           returned as the used rows and their ids: row_gradient.py.
           select_rows: dx[rows[m]] += dy[m]; rows that were not taken get 0
saved      embedding: ids and the shape of w, 8·B·T bytes
           select_rows: rows and the shape of x, 8·M bytes
source     y = onehot(ids) @ w, so dw = onehot(ids)ᵀ @ dy, without the zeros
"""

from ..errors import expect_integers, expect_shape
from .row_gradient import RowGradient


def embedding_forward(w, ids):
    expect_shape("embedding", "w", w, V=None, D=None)
    expect_integers("embedding", "ids", ids, below=w.shape[0], size_name="V")
    return w[ids], (ids, w.shape)  # (...) -> (..., D)


def embedding_backward(dy, saved):
    ids, shape = saved
    return RowGradient(ids.ravel(), dy.reshape(-1, shape[1]), shape), None


def select_rows_forward(x, rows):
    expect_shape("select_rows", "x", x, N=None, D=None)
    expect_shape("select_rows", "rows", rows, M=None)
    expect_integers("select_rows", "rows", rows, below=x.shape[0], size_name="N")
    return x[rows], (rows, x.shape)  # (M, D)


def select_rows_backward(dy, saved):
    rows, shape = saved
    return RowGradient(rows, dy, shape).dense(), None  # (N, D)
