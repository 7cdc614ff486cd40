"""Checks that gradients fit their weights: arrays, and rows of a table.

The gradient of a table may be a RowGradient: some rows, and their ids, which may repeat. The
sum of the rows of an id is a row of the gradient. All other rows are 0.
"""

import numpy as np

from ..errors import ShapeError, expect_integers, named_kind
from ..ops import RowGradient
from ..tensor import Tensor

HALF, SINGLE = np.dtype(np.float16), np.dtype(np.float32)


def wide(dtype: np.dtype) -> np.dtype:
    """The precision to compute in: float32 for float16, else the same."""
    return SINGLE if dtype == HALF else dtype


def fitting_gradient(where: str, name: str, parameter: Tensor, by_rows: bool = False):
    """The gradient in the precision of the update. Raises if it does not fit the tensor.

    It is an array, or with `by_rows` a RowGradient in which each id occurs once, in order.
    """
    g = parameter.grad
    if not parameter.data.flags.writeable:
        raise ValueError(f"{where}: the array of {name} is read-only; make {name} from a copy")
    if not is_real(g):
        raise TypeError(
            f"{where}: the gradient of {name} is {kind_of_gradient(g)}, expected an array of "
            "real numbers"
        )
    if g.shape != parameter.shape:
        raise ShapeError(
            f"{where}: the gradient of {name} has shape {g.shape}, expected {parameter.shape}"
        )
    if isinstance(g, RowGradient):
        rows = _fitting_rows(where, name, g, parameter.dtype)
        return rows if by_rows else rows.dense()
    g = _in_precision_of(parameter.dtype, g)
    return rows_of(g) if by_rows else g


def is_real(g) -> bool:
    """Whether g is an array of real numbers, without a mask, or a RowGradient of such rows."""
    g = g.rows if isinstance(g, RowGradient) else g
    return isinstance(g, np.ndarray) and g.dtype.kind in "fiu" and not hasattr(g, "filled")


def _fitting_rows(where, name, g, dtype):
    expect_integers(where, f"the ids of the gradient of {name}", g.ids, g.shape[0], "rows")
    if g.rows.shape != (g.ids.size, *g.shape[1:]) or g.ids.ndim != 1:
        raise ShapeError(
            f"{where}: the gradient of {name} has ids {g.ids.shape} and rows {g.rows.shape}, "
            f"expected (N,) and (N, {', '.join(map(str, g.shape[1:]))})"
        )
    g = g.compact()
    ids = g.ids.astype(np.int64, copy=False)  # small types cannot hold all row numbers
    return RowGradient(ids, _in_precision_of(dtype, g.rows), g.shape)


def _in_precision_of(dtype, g):
    if g.dtype == dtype and g.dtype != HALF:  # the usual case
        return g
    with np.errstate(over="ignore"):  # an infinite number is found by expect_finite
        return g.astype(wide(dtype), copy=False)


def rows_of(g: np.ndarray) -> RowGradient:
    """The rows of a dense gradient that are not all 0."""
    ids = np.flatnonzero(g.any(axis=1))
    return RowGradient(ids, g[ids], g.shape)


def kind_of_gradient(g) -> str:
    """A short description of g for a message: 'an array of complex64', 'a list'."""
    if isinstance(g, RowGradient):
        return f"a RowGradient whose rows are {kind_of_gradient(g.rows)}"
    if hasattr(g, "filled"):
        return "an array with a mask"
    return f"an array of {g.dtype}" if isinstance(g, np.ndarray) else named_kind(g)
