"""An array as a table of texts: some rows and columns, and a line of statistics."""

import numpy as np

ROWS, COLUMNS = 6, 6  # the largest table
NOT_FINITE = {"nan": "NaN", "inf": "∞", "-inf": "−∞"}


def nonzero_rows(array: np.ndarray) -> list[int]:
    """All rows of a small table; else the first ones with a number other than 0, if any."""
    flat = _as_matrix(array)
    if len(flat) <= ROWS:
        return list(range(len(flat)))
    nonzero = np.flatnonzero((flat != 0).any(axis=1))
    chosen = nonzero if nonzero.size else np.arange(len(flat))
    return chosen[:ROWS].tolist()


def table(array: np.ndarray, rows: list[int] | None = None) -> dict:
    """The cells of an array as texts, by default of its first rows.

    All axes but the last are flattened to rows. A row's label holds its indices on these axes.
    """
    flat = _as_matrix(array)
    rows = list(range(min(ROWS, len(flat)))) if rows is None else rows
    cells = flat[rows, :COLUMNS]
    return {
        "shape": str(array.shape),
        "size": array.size,
        "rows": [_row_label(array, row) for row in rows],
        "cells": [[number_text(x) for x in row] for row in cells],
        "cut": _cut_text(flat.shape, cells.shape, rows),
        "about": statistics_text(array),
    }


def number_text(x, digits: int = 4) -> str:
    """A number with some digits; NaN and infinity by their names.

    Example:
        >>> number_text(np.float32(0.123456)), number_text(-np.inf), number_text(3)
        ('0.1235', '−∞', '3')
    """
    if isinstance(x, (int, np.integer, np.bool_)):
        return str(int(x))
    text = f"{x + 0.0:.{digits}g}"  # 0.0: not -0
    return NOT_FINITE.get(text, text)


def statistics_text(array: np.ndarray) -> str:
    """The norm, the range and the fraction of zeros; before them, how many are not finite.

    Example:
        >>> statistics_text(np.array([3.0, 0.0, -4.0, np.nan]))
        '1 NaN! Of the rest: norm 5, from -4 to 3, 25% zeros'
    """
    if not array.size:
        return "no element"
    if array.dtype == bool:
        return f"{array.sum():,} of {array.size:,} are true"
    if array.dtype.kind not in "fc":
        return f"integers from {array.min()} to {array.max()}"
    finite = array[np.isfinite(array)]
    parts = []
    if finite.size:
        scale = float(np.abs(finite).max()) or 1.0  # so that no square overflows
        norm = scale * float(np.linalg.norm(finite / scale))
        ends = number_text(finite.min()), number_text(finite.max())
        parts = [f"norm {norm:.4g}, from {ends[0]} to {ends[1]}"]
    zeros = float((array == 0).mean())
    if zeros and array.size > 1:
        parts.append(f"{zeros:.0%} zeros")
    text = ", ".join(parts)
    nan, infinite = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    remarks = [f"{nan} NaN!"] * (nan > 0) + [f"{infinite} infinite."] * (infinite > 0)
    return " ".join([*remarks, f"Of the rest: {text}" if remarks and text else text]).rstrip()


def _as_matrix(array):
    if not array.ndim or not array.size:
        return array.reshape(1, -1)
    return array.reshape(-1, array.shape[-1])


def _row_label(array, row):
    if array.ndim < 2 or not array.size:
        return ""
    return ", ".join(map(str, np.unravel_index(row, array.shape[:-1])))


def _cut_text(whole, visible, rows):
    cuts = []
    if visible[0] < whole[0]:
        which = "first" if rows == list(range(len(rows))) else "first nonzero"
        cuts.append(f"the {which} {visible[0]:,} of {whole[0]:,} rows")
    if visible[1] < whole[1]:
        cuts.append(f"the first {visible[1]:,} of {whole[1]:,} columns")
    return f"Cut: {' and '.join(cuts)}." if cuts else ""
