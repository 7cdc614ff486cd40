"""The tests of functions that are no operations, each with its smallest inputs first."""

import numpy as np

from minigrad.ops.elementwise import sum_to_shape
from minigrad.ops.ternary import ternarize
from minigrad.optim.adamw import adamw_update
from minigrad.optim.normuon import newton_schulz, normuon_update

from ...inference.packing import PackedTernary, pack
from ...inference.tables import signed_sums_of_five, table_sums
from ..inputs import case
from . import FunctionTest, ObjectTest, UpdateTest

_SMALL, _STATE = {"p": [1.0], "g": [0.5]}, {"m": [1.0], "v": [4.0]}
_MATRIX = {"p": (2, 3), "g": (2, 3), "m": (2, 3)}
_V = {"v": [[1.0], [0.25]]}
_ROWS = [[1, 0, -1, -1, 0, 1], [0, 1, 1, 0, 1, -1]]
_INT8 = np.full((1, 5), 127, np.int8)


def _product(x, T):
    """A case of table_sums: x (N, D) and T (O, D), packed."""
    return case({"x": x, "packed": pack(np.array(T), 1.0)})


FUNCTION_TESTS = [
    FunctionTest(
        sum_to_shape,
        [
            case({"dy": (2,)}, shape=(2,)),
            case({"dy": (2,)}, shape=(1,)),
            case({"dy": (2,)}, shape=()),
            case({"dy": (2, 3)}, shape=(3,)),
            case({"dy": (2, 3)}, shape=(2, 1)),
            case({"dy": (2, 3, 4)}, shape=(3, 1)),
        ],
        "sum",
    ),
    FunctionTest(
        ternarize,
        [
            case({"w": [[1.0, -0.5]]}),
            case({"w": [[2.0, 1.0], [-6.0, 0.0]]}),
            case({"w": [[1.0, -1.0]]}),  # |w| = τ is not above τ
            case({"w": (2, 3)}, threshold=0.5),
            case({"w": (2, 3)}, threshold=0.5, scale="mean"),
            case({"w": (2, 3)}, threshold=0.75, scale="kept"),
            case({"w": (2, 3)}, threshold=9.0, scale="kept"),
            case({"w": (2, 3)}, scale="mean"),
            case({"w": [[0.0, 0.0]]}, scale="kept"),
        ],
        "T",
        "s",
    ),
    UpdateTest(
        adamw_update,
        [
            case(_SMALL | {"m": [0.0], "v": [0.0]}, t=1, lr=0.5),
            case(_SMALL | _STATE, t=2, lr=0.5),
            case(_SMALL | _STATE, t=2, lr=0.5, weight_decay=0.5),
            case(_SMALL | _STATE, t=1, lr=0.5, eps=0.5),
            case(_SMALL | _STATE, t=3, lr=0.5, betas=(0.5, 0.75)),
            case(
                _MATRIX | {"v": [[1.0, 4.0, 0.25], [9.0, 1.0, 0.0]]},
                t=2,
                lr=0.25,
                betas=(0.5, 0.75),
                eps=0.5,
                weight_decay=0.5,
            ),
        ],
    ),
    FunctionTest(
        newton_schulz,
        [
            case({"g": (1, 2)}, steps=1),
            case({"g": (2, 3)}, steps=1),
            case({"g": (2, 3)}),
            case({"g": (4, 2)}),
            case({"g": (3, 3)}, steps=2),
            case({"g": [[0.0, 0.0]]}),
        ],
        "x",
    ),
    UpdateTest(
        normuon_update,
        [
            case(_MATRIX | {"m": [[0.0] * 3] * 2, "v": [[0.0], [0.0]]}, lr=0.5),
            case(_MATRIX | _V, lr=0.5),
            case(_MATRIX | _V, lr=0.5, beta1=0.5, beta2=0.75),
            case(_MATRIX | _V, lr=0.5, weight_decay=0.5),
            case(_MATRIX | _V, lr=0.5, eps=0.5, beta2=0.75),
            case(_MATRIX | _V, lr=0.5, beta2=0.75, form="published"),
            case(
                {"p": (3, 2), "g": (3, 2), "m": (3, 2), "v": [[1.0], [0.25], [4.0]]},
                lr=0.25,
                beta1=0.5,
                beta2=0.75,
                weight_decay=0.5,
                form="published",
            ),
        ],
    ),
    ObjectTest(
        pack,
        [
            case({"T": [[1, 0, 0, 0, 0]]}, scale=1.0, encoding="base-3"),
            case({"T": [[-1]]}, scale=1.0, encoding="base-3"),
            case({"T": [[1]]}, scale=0.5, encoding="2-bit"),
            case({"T": [[0, 1, -1]]}, scale=0.5, encoding="base-3"),
            case({"T": [[0, 1, -1]]}, scale=0.5, encoding="2-bit"),
            case({"T": [[0.0, 1.0], [-1.0, 0.0]]}, scale=0.5, encoding="base-3"),
            case({"T": _ROWS}, scale=2.0, encoding="base-3"),
            case({"T": _ROWS}, scale=2.0, encoding="2-bit"),
        ],
        PackedTernary,
        "encoding",
        "shape",
        "scale",
        "codes",
    ),
    FunctionTest(
        signed_sums_of_five,
        [
            case({"x": [[[1.0], [0.0], [0.0], [0.0], [0.0]]]}),
            case({"x": (1, 5, 1)}),
            case({"x": (2, 5, 3)}),
        ],
        "t",
    ),
    FunctionTest(
        table_sums,
        [
            _product((1, 5), [[1, 0, 0, 0, 0]]),
            _product((1, 5), [[0, 1, -1, 1, 0]]),
            _product((1, 2), [[1, 0], [-1, -1], [0, 1]]),
            _product((2, 7), [[1, 0, -1, -1, 0, 1, -1], [0, 1, 1, 0, 1, -1, 0], [1] * 7]),
            _product(_INT8, [[1, 1, 1, 1, 1]]),
        ],
        "z",
    ),
]
