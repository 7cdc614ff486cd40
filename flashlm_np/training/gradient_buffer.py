"""All gradients of a step in one array, for one message.

A dense gradient takes its numbers. A RowGradient takes the rows of a union of ids, in which its
own rows have their places and the others are 0.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from minigrad.ops import RowGradient

Gradient = np.ndarray | RowGradient


def packed(
    gradients: Sequence[Gradient],
    unions: Sequence[np.ndarray],
    share: float,
    buffer: np.ndarray,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """share · each gradient in one array, and its parts in the gradients' shapes.

    unions: for each RowGradient, the ids in ascending order, its own among them.
    buffer: the array of the last step, which is used again if it fits.
    """
    shapes = list(_shapes(gradients, unions))
    sizes = [int(np.prod(shape)) for shape in shapes]
    dtype = np.result_type(*(g.dtype for g in gradients))
    if buffer.shape != (sum(sizes),) or buffer.dtype != dtype:
        buffer = np.empty(sum(sizes), dtype)
    parts = np.split(buffer, np.cumsum(sizes)[:-1])
    views = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
    left = iter(unions)
    for g, view in zip(gradients, views, strict=True):
        if isinstance(g, RowGradient):
            g = g.compact()  # each id once, because the rows of an id are written, not added
            view.fill(0)
            view[np.searchsorted(next(left), g.ids)] = share * g.rows
        else:
            np.multiply(g, share, out=view)
    return buffer, views


def unpacked(
    gradients: Sequence[Gradient], unions: Sequence[np.ndarray], views: Sequence[np.ndarray]
) -> Iterable[Gradient]:
    """Yield the gradients that the parts of the array stand for, of the same kinds."""
    left = iter(unions)
    for g, view in zip(gradients, views, strict=True):
        yield RowGradient(next(left), view, g.shape) if isinstance(g, RowGradient) else view


def _shapes(gradients, unions):
    left = iter(unions)
    for g in gradients:
        yield (len(next(left)), *g.shape[1:]) if isinstance(g, RowGradient) else g.shape
