"""An array as a table of texts: some rows and columns, and a line of statistics."""

import numpy as np

MOST = 6  # rows and columns of the largest table
NOT_FINITE = {"nan": "NaN", "inf": "∞", "-inf": "−∞"}


def nonzero_rows(array: np.ndarray, most: int = MOST) -> list[int]:
    """All rows of a small table; else the first ones with a number other than 0, if any."""
    flat = _as_matrix(array)
    if len(flat) <= most:
        return list(range(len(flat)))
    nonzero = np.flatnonzero((flat != 0).any(axis=1))
    chosen = nonzero if nonzero.size else np.arange(len(flat))
    return chosen[:most].tolist()


def table(array: np.ndarray, rows: list[int] | None = None, most: int = MOST) -> dict:
    """The cells of an array as texts, by default of its first rows, and what they are.

    All axes but the last are flattened to rows. A row's label holds its indices on these axes.
    """
    flat = _as_matrix(array)
    rows = list(range(min(most, len(flat)))) if rows is None else rows
    return {
        "shape": str(array.shape),
        "size": array.size,
        "rows": [_row_label(array, row) for row in rows],
        "cut": _cut_text(flat.shape, (len(rows), min(most, flat.shape[1])), rows),
        **cells(array, rows, most),
    }


def cells(array: np.ndarray, rows: list[int], most: int = MOST) -> dict:
    """The part of a table that differs between arrays of one shape."""
    numbers = _as_matrix(array)[rows, :most].tolist()
    texts = [[number_text(x) for x in row] for row in numbers]
    return {"cells": texts, "about": statistics_text(array)}


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
    zeros = array.size - np.count_nonzero(array)
    if zeros and array.size > 1:
        parts.append(f"{zeros / array.size:.0%} zeros")
    text = ", ".join(parts)
    if finite.size == array.size:
        return text
    nan, infinite = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    remarks = [f"{nan} NaN!"] * (nan > 0) + [f"{infinite} infinite."] * (infinite > 0)
    return " ".join([*remarks, f"Of the rest: {text}" if text else ""]).rstrip()


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
