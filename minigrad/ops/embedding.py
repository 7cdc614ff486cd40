"""Embedding: look up one row of a table per token id. Also: keep some rows of a matrix.

forward    embedding     y[b,t] = w[ids[b,t]]            (V, D), (...) -> (..., D)
           select_rows   y[m] = x[rows[m]]               (N, D), (M,) -> (M, D)
backward   embedding: dw[id] = Σ of dy over the positions where id stood, other rows are 0.
           A batch uses about 500 of 50,257 rows, so a dense dw would be 99 % zeros. dw is
           returned as the used rows and their ids: a RowGradient.
           select_rows: dx[rows[m]] += dy[m]; rows that were not taken get 0
saved      embedding: ids and the shape of w, 8·B·T bytes
           select_rows: rows and the shape of x, 8·M bytes
source     y = onehot(ids) @ w, so dw = onehot(ids)ᵀ @ dy, without the zeros
"""

import numpy as np

from ..errors import expect_integers, expect_shape


class RowGradient:
    """The gradient of a table of which only some rows were used; an id may repeat.

    Shapes:
        ids (N,), rows (N, D), standing for a table of the given `shape` (V, D).
    """

    def __init__(self, ids, rows, shape):
        self.ids, self.rows, self.shape, self.dtype = ids, rows, shape, rows.dtype

    def summed(self):
        """The ids in ascending order, each once, and the sum of its rows."""
        order = np.argsort(self.ids, kind="stable")
        ids = self.ids[order]
        first = np.flatnonzero(np.diff(ids, prepend=-1))  # the places where a new id begins
        counts = np.diff(first, append=len(ids))
        sums = np.empty((len(first), *self.rows.shape[1:]), self.dtype)
        # np.add.at and np.add.reduceat would do the same, five times slower or more.
        for count in np.unique(counts):
            some = np.flatnonzero(counts == count)  # M of the ids, which occur equally often
            places = order[first[some, None] + np.arange(count)]  # (M, count)
            sums[some] = self.rows[places].sum(axis=1)
        return ids[first], sums

    def compact(self):
        """The same gradient with the ids in ascending order, each once."""
        is_compact = (self.ids[1:] > self.ids[:-1]).all()
        return self if is_compact else RowGradient(*self.summed(), self.shape)

    @staticmethod
    def joined(gradients):
        """The sum of several gradients of one table, as one, in which an id may repeat."""
        if len(gradients) == 1:
            return gradients[0]
        ids, rows = zip(*((g.ids, g.rows) for g in gradients), strict=True)
        return RowGradient(np.concatenate(ids), np.concatenate(rows), gradients[0].shape)

    def cleared(self):
        """The gradient 0 of the same table: no rows."""
        return RowGradient(self.ids[:0], self.rows[:0], self.shape)

    def add_to(self, table):
        """Add the rows into `table` in place. The rows of an id that repeats are summed."""
        ids, rows = self.summed()
        table[ids] += rows

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


def select_rows_forward(x, rows):
    expect_shape("select_rows", "x", x, N=None, D=None)
    expect_shape("select_rows", "rows", rows, M=None)
    expect_integers("select_rows", "rows", rows, below=x.shape[0], size_name="N")
    return x[rows], (rows, x.shape)  # (M, D)


def select_rows_backward(dy, saved):
    rows, shape = saved
    return RowGradient(rows, dy, shape).dense(), None  # (N, D)
