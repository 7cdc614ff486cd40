"""Test cases of the engine's functions: gradients for one leaf, and graphs.

Many of the graphs have gradients that share memory. add passes the same array dy to both of its
inputs. reshape, transpose and concatenate pass views of dy. A walk that adds in place changes
the gradient of another node there.
"""

import numpy as np

from minigrad.ops import RowGradient

from ..inputs import Case
from ..variants import Free, case

_TABLE, _DOUBLE = Free((3, 2), 1), Free((3, 2), 1, then=lambda table: 2 * table)
_TWICE = Free((2, 2), then=lambda rows: RowGradient(np.array([1, 1]), rows, (3, 2)))

GRADIENTS: list[Case] = [
    case({"data": (2,)}, gradients=[Free((2,), 1)]),
    case({"data": (2,)}, gradients=[Free((2,), 1), Free((2,), 4)]),
    case({"data": (3, 2)}, gradients=[_TWICE]),
    case({"data": (3, 2)}, gradients=[_TABLE, _TWICE, _DOUBLE]),
    case({"data": (3, 2)}, gradients=[_TWICE, _TWICE]),
    case({"data": ()}, gradients=[Free(()), Free((), 1)]),
]
_X, _XW = {"x": (2,)}, {"x": (2,), "w": (2,)}
_MATRICES, _TABLES = {"x": (2, 2), "w": (2, 2)}, {"w": (3, 2)}

GRAPHS: list[Case] = [
    case(_X, loss="x * 2"),
    case(_X, loss="x * 2 * 3"),
    case(_X, loss="x * x + x"),
    case(_XW, loss="x * w + x"),
    # dy itself reaches two leaves, a leaf and a node, or two nodes
    case(_X, loss="x + x"),
    case(_XW, loss="x + w"),
    case(_XW, loss="(w * 3 + (y := x * 2)) + y"),
    case(_XW, loss="(y := x * 2) + (w * 3 + y)"),
    case(_XW, loss="(w * 3 - (y := x * 2)) + y"),
    case(_XW, loss="((z := w * 3) + (y := x * 2)) + (y + z) + y"),
    case(_X, loss="(y := x + 1) + y"),
    case(_X, loss="(y := x * x) * y"),
    case(_X, loss="(y := x * 3) * 2 * y"),
    case(_X, loss="(y := x * 3) * (y * 2)"),
    # views of dy
    case(_MATRICES, loss="w + x.T"),
    case(_MATRICES, loss="(w * 3 + (y := x * 2).T) + y.T"),
    case({"x": (2, 2), "w": (4,)}, loss="(w * 3 + (y := x * 2).reshape(4)) + y.reshape(4)"),
    case(_XW, loss="F.concatenate(y := x * 2, z := w * 3) + F.concatenate(z, y)"),
    case(_XW, loss="(w * 3 + (y := x * 2)[::-1]) + y"),
    # gradients by rows
    case(_TABLES, loss="F.embedding(w, [1, 1]) + w[:2]"),
    case(_TABLES, loss="F.embedding(w * 2, [1, 1])"),
    case(_TABLES, loss="F.embedding(y := w * 2, [1, 1]) + F.embedding(y, [0, 1])"),
    case(_TABLES, loss="F.embedding(y := w * 2, [1, 1]) + y[:2]"),
    case(_TABLES, loss="(w * 3 + (y := w * 2)) + F.embedding(y, [1, 2, 1])"),
    # two walks, whose gradients add up, and a graph deeper than Python's stack
    case(_XW, loss="x * w + x", walks=2),
    case(_X, loss="chain(x, 1100)"),
]
