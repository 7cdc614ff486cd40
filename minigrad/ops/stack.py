"""Stack: arrays of one shape, side by side along a new axis. And split, its counterpart.

    forward    y[m] = x_m for M arrays of one shape           axis=0: (...) -> (M, ...)
               another `axis` moves the index m to that place
    backward   x_m was copied to one place:  dx_m = dy[m]     (...)
    saved      the axis and M; no array
    source     y = P @ x with a matrix P of zeros and ones, so dx = Pᵀ @ dy

Split cuts one array into several. An operation has one output, so functional.split is written
with one `index` per part, and split_keys gives their keys.
"""

import itertools

import numpy as np

from ..errors import ShapeError, expect_axis


def stack_forward(*arrays, axis=0):
    if not arrays:
        raise ShapeError("stack: there is no array to stack; pass at least one")
    shapes = [a.shape for a in arrays]
    for shape in shapes:
        if shape != shapes[0]:
            raise ShapeError(
                f"stack: the shapes {shapes[0]} and {shape} differ, expected arrays of one "
                "shape; concatenate joins arrays along an axis that they have"
            )
    axis = expect_axis("stack", "the result", arrays[0].ndim + 1, axis)
    return np.stack(arrays, axis=axis), (axis, len(arrays))


def stack_backward(dy, saved):
    axis, M = saved
    parts = np.moveaxis(dy, axis, 0)  # (M, ...)
    return tuple(parts[m, ...] for m in range(M))


def split_keys(shape, sections, axis):
    """The key of each part: `sections` equal parts, or parts that begin at these indices.

    Example:
        >>> split_keys((6, 2), 2, 0)
        [(slice(0, 3, None),), (slice(3, 6, None),)]
    """
    axis = expect_axis("split", "x", len(shape), axis)
    size = shape[axis]
    sections = sections.tolist() if isinstance(sections, np.ndarray) else sections
    if isinstance(sections, (int, np.integer)):
        if sections < 1 or size % sections:
            raise ShapeError(
                f"split: axis {axis} of x {shape} cannot be cut into {sections} equal parts; "
                "pass a number that divides its size, or a list of the indices to cut at"
            )
        sections = [size * i // sections for i in range(1, sections)]
    if not isinstance(sections, (list, tuple)):
        raise TypeError(
            f"split: sections is {sections!r}, expected a number of equal parts, or a list of "
            "the indices to cut at"
        )
    borders = [0, *sections, size]
    are_whole = all(isinstance(i, (int, np.integer)) for i in borders)
    if not are_whole or borders != sorted(borders):
        raise ShapeError(
            f"split: the indices {list(sections)} must be whole numbers that rise from 0 to at "
            f"most {size}, the size of axis {axis} of x {shape}"
        )
    before = (slice(None),) * axis
    return [(*before, slice(start, stop)) for start, stop in itertools.pairwise(borders)]
