"""Inputs for functions that are no operations, and for the engine, the smallest first."""

from __future__ import annotations

import numpy as np

from minigrad.ops import RowGradient

from .inputs import Case, case, numbers

_SCALES = [
    {"threshold": 0.5},
    {"threshold": 0.5, "scale": "mean"},
    {"threshold": 0.75, "scale": "kept"},
    {"threshold": 9.0, "scale": "kept"},
]
TERNARIZE = [
    case({"w": [[1.0, -0.5]]}),
    case({"w": [[2.0, 1.0], [-6.0, 0.0]]}),
    case({"w": [[1.0, -1.0]]}),  # |w| = τ is not above τ
    *(case({"w": (2, 3)}, **options) for options in _SCALES),
    case({"w": (2, 3)}, scale="mean"),
    case({"w": [[0.0, 0.0]]}, scale="kept"),
]
_SMALL, _LARGE = {"p": [1.0], "g": [0.5]}, {"p": (2, 3), "g": (2, 3)}
ADAMW = [
    case(_SMALL | {"m": [0.0], "v": [0.0]}, t=1, lr=0.5),
    case(_SMALL | {"m": [1.0], "v": [4.0]}, t=2, lr=0.5),
    case(_SMALL | {"m": [1.0], "v": [4.0]}, t=2, lr=0.5, weight_decay=0.5),
    case(_SMALL | {"m": [1.0], "v": [4.0]}, t=1, lr=0.5, eps=0.5),
    case(_SMALL | {"m": [1.0], "v": [4.0]}, t=3, lr=0.5, betas=(0.5, 0.75)),
    case(
        _LARGE | {"m": (2, 3), "v": [[1.0, 4.0, 0.25], [9.0, 1.0, 0.0]]},
        t=2,
        lr=0.25,
        betas=(0.5, 0.75),
        eps=0.5,
        weight_decay=0.5,
    ),
]
NEWTON_SCHULZ = [
    case({"g": (1, 2)}, steps=1),
    case({"g": (2, 3)}, steps=1),
    case({"g": (2, 3)}),
    case({"g": (4, 2)}),
    case({"g": (3, 3)}, steps=2),
    case({"g": [[0.0, 0.0]]}),
]
_MATRIX = {"p": (2, 3), "g": (2, 3)}
NORMUON = [
    case(_MATRIX | {"m": [[0.0] * 3] * 2, "v": [[0.0], [0.0]]}, lr=0.5),
    case(_MATRIX | {"m": (2, 3), "v": [[1.0], [0.25]]}, lr=0.5),
    case(_MATRIX | {"m": (2, 3), "v": [[1.0], [0.25]]}, lr=0.5, beta1=0.5, beta2=0.75),
    case(_MATRIX | {"m": (2, 3), "v": [[1.0], [0.25]]}, lr=0.5, weight_decay=0.5),
    case(_MATRIX | {"m": (2, 3), "v": [[1.0], [0.25]]}, lr=0.5, eps=0.5, beta2=0.75),
    case(_MATRIX | {"m": (2, 3), "v": [[1.0], [0.25]]}, lr=0.5, beta2=0.75, form="published"),
    case(
        {"p": (3, 2), "g": (3, 2), "m": (3, 2), "v": [[1.0], [0.25], [4.0]]},
        lr=0.25,
        beta1=0.5,
        beta2=0.75,
        weight_decay=0.5,
        form="published",
    ),
]
PACK = [
    case({"T": [[1]]}, scale=1.0, encoding="base-3"),
    case({"T": [[-1]]}, scale=1.0, encoding="base-3"),
    case({"T": [[1]]}, scale=0.5, encoding="2-bit"),
    case({"T": [[0, 1, -1]]}, scale=0.5, encoding="base-3"),
    case({"T": [[0, 1, -1]]}, scale=0.5, encoding="2-bit"),
    case({"T": [[0.0, 1.0], [-1.0, 0.0]]}, scale=0.5, encoding="base-3"),
    case({"T": [[1, 0, -1, -1, 0, 1], [0, 1, 1, 0, 1, -1]]}, scale=2.0, encoding="base-3"),
    case({"T": [[1, 0, -1, -1, 0, 1], [0, 1, 1, 0, 1, -1]]}, scale=2.0, encoding="2-bit"),
]
SIGNED_SUMS = [
    case({"x": [[[1.0], [0.0], [0.0], [0.0], [0.0]]]}),
    case({"x": (1, 5, 1)}),
    case({"x": (2, 5, 3)}),
]
_PRODUCTS = [  # x and T, which is packed
    case({"x": (1, 5), "T": [[1, 0, 0, 0, 0]]}),
    case({"x": (1, 5), "T": [[0, 1, -1, 1, 0]]}),
    case({"x": (1, 2), "T": [[1, 0], [-1, -1], [0, 1]]}),
    case({"x": (2, 7), "T": [[1, 0, -1, -1, 0, 1, -1], [0, 1, 1, 0, 1, -1, 0], [1] * 7]}),
    case({"x": np.full((1, 5), 127, np.int8), "T": [[1, 1, 1, 1, 1]]}),
]


def products() -> list[Case]:
    """x and packed T."""
    from ...inference.packing import pack

    return [{"x": case["x"], "packed": pack(case["T"], 1.0)} for case in _PRODUCTS]


_TWICE = RowGradient(np.array([1, 1]), numbers((2, 2)), (3, 2))
ACCUMULATE = [
    case({"data": (2,)}, gradients=[numbers((2,), 1)]),
    case({"data": (2,)}, gradients=[numbers((2,), 1), numbers((2,), 4)]),
    case({"data": (3, 2)}, gradients=[_TWICE]),
    case({"data": (3, 2)}, gradients=[numbers((3, 2), 1), _TWICE, numbers((3, 2), 4)]),
]
GRAPHS = [
    case({"x": (2,)}, loss="x * 2"),
    case({"x": (2,)}, loss="x * 2 * 3"),
    case({"x": (2,)}, loss="x * x + x"),
    case({"x": (2,), "w": (2,)}, loss="x * w + x"),
    case({"x": (2,), "w": (2,)}, loss="x * w + x", into={}),
    case({"x": (2,)}, loss="(y := x * x) * y"),
    case({"x": (2,)}, loss="(y := x * 3) * 2 * y"),
    case({"x": (2,)}, loss="(y := x * 3) * (y * 2)"),
    case({"w": (3, 2)}, loss="F.embedding(w, [1, 1]) + w[:2]"),
    case({"w": (3, 2)}, loss="F.embedding(w * 2, [1, 1])"),
    case({"x": (2,)}, loss="chain(x, 2000)"),
]
