"""Embedding: look up one row of a table per token id.

forward    y[b,t] = w[ids[b,t]]                    (V, D), (...) -> (..., D)
backward   dw[id] = Σ of dy over the positions where id stood; all other rows are 0.
           A table of 50,257 rows of which a batch touches 500 would be 99 % zeros, so
           dw is returned as the touched rows and their ids: a RowGradient.
saved      ids, and w's shape      8·B·T bytes
source     y = onehot(ids) w, so dw = onehot(ids)ᵀ dy, without the zeros
"""

from __future__ import annotations

import numpy as np

from ..errors import expect_integers, expect_shape


class RowGradient:
    """The gradient of a table of which only some rows were used; an id may repeat.

    Shapes:
        ids (N,), rows (N, D), standing for a table of the given `shape` (V, D).
    """

    def __init__(self, ids, rows, shape):
        self.ids, self.rows, self.shape, self.dtype = ids, rows, shape, rows.dtype

    def add_to(self, table):
        """Add the rows into `table` in place, each id in turn, so that repeats accumulate."""
        order = np.argsort(self.ids, kind="stable")
        ids = self.ids[order]
        first = np.flatnonzero(np.diff(ids, prepend=-1))  # where a new id begins
        if first.size:
            table[ids[first]] += np.add.reduceat(self.rows[order], first, axis=0)

    def dense(self):
        """The whole table (V, D), zeros included."""
        table = np.zeros(self.shape, self.dtype)
        self.add_to(table)
        return table

    @property
    def nbytes(self):
        return self.ids.nbytes + self.rows.nbytes


def embedding_forward(w, ids):
    expect_shape("embedding", "w", w, V=None, D=None)
    expect_integers("embedding", "ids", ids, below=w.shape[0], size_name="V")
    return w[ids], (ids, w.shape)  # (...) -> (..., D)


def embedding_backward(dy, saved):
    ids, shape = saved
    return RowGradient(ids.ravel(), dy.reshape(-1, shape[1]), shape), None
