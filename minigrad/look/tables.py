"""An array as a small table of texts: a corner of it, what was cut, and what it is like."""

from __future__ import annotations

import numpy as np

ROWS, COLUMNS = 6, 6


def corner_rows(array: np.ndarray) -> list[int]:
    """Which rows of an array a table shows: the first that hold something, else the first."""
    flat = _two_axes(array)
    full = np.flatnonzero((flat != 0).any(axis=1))
    chosen = full if full.size else np.arange(len(flat))
    return chosen[:ROWS].tolist()


def table(array: np.ndarray, rows: list[int] | None = None) -> dict:
    """Texts of an array's cells and a line about the whole; the leading axes make its rows.

    rows: which of them; by default the first.
    """
    flat = _two_axes(array)
    rows = list(range(min(ROWS, len(flat)))) if rows is None else rows
    cells = flat[rows, :COLUMNS]
    return {
        "shape": shape_text(array.shape),
        "size": array.size,
        "rows": [_label(array, row) for row in rows],
        "cells": [[number(x) for x in row] for row in cells],
        "cut": _cut(flat.shape, cells.shape, rows),
        "about": about(array),
    }


def number(x) -> str:
    """Four digits; what is not finite in words that cannot be overlooked."""
    if isinstance(x, (int, np.integer, np.bool_)):
        return str(int(x))
    return (
        f"{x + 0.0:.4g}" if np.isfinite(x) else {"nan": "NaN", "inf": "∞", "-inf": "−∞"}[str(x)]
    )


def about(array: np.ndarray) -> str:
    """Norm, range, and the share of zeros; how many numbers are lost, if any."""
    if not array.size:
        return "no element"
    if array.dtype.kind not in "fc":
        return f"integers from {array.min()} to {array.max()}"
    finite = array[np.isfinite(array)]
    parts = []
    if finite.size:
        scale = float(np.abs(finite).max()) or 1.0  # so that no square overflows
        norm = scale * float(np.linalg.norm((finite / scale).ravel()))
        parts = [f"norm {norm:.4g}", f"from {number(finite.min())} to {number(finite.max())}"]
    zeros = float((array == 0).mean())
    if zeros and array.size > 1:
        parts.append(f"{zeros:.0%} zeros")
    if lost := array.size - finite.size:
        parts = [f"{lost} NaN or infinite!" + " Of the rest:" * bool(parts), ", ".join(parts)]
        return " ".join(parts).strip()
    return ", ".join(parts)


def shape_text(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _two_axes(array):
    return (
        array.reshape(-1, array.shape[-1])
        if array.ndim and array.size
        else array.reshape(1, -1)
    )


def _label(array, row):
    """Where a row of the table is within the array: the indices of its leading axes."""
    if array.ndim < 2 or not array.size:
        return ""
    return ", ".join(str(int(i)) for i in np.unravel_index(row, array.shape[:-1]))


def _cut(whole, shown, rows):
    cuts = []
    if shown[0] < whole[0]:
        which = "first" if rows == list(range(len(rows))) else "first used"
        cuts.append(f"the {which} {shown[0]:,} of {whole[0]:,} rows")
    if shown[1] < whole[1]:
        cuts.append(f"the first {shown[1]:,} of {whole[1]:,} columns")
    return f"Cut: {' and '.join(cuts)}." if cuts else ""
