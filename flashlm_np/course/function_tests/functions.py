"""The tests of functions that are no operations, each with its smallest inputs first."""

import numpy as np

from minigrad.ops.bit_linear import absmax, absmean
from minigrad.ops.elementwise import sum_to_shape
from minigrad.ops.ternary import ternarize
from minigrad.optim.adamw import adamw_update
from minigrad.optim.normuon import newton_schulz, normuon_update

from ...inference.packing import PackedTernary, pack
from ...inference.tables import signed_sums_of_five, table_sums
from ..variants import case, free
from . import FunctionTest, ObjectTest, UpdateTest

_SUM_TO_SHAPE = [
    case({"dy": (2,)}, shape=(2,)),
    case({"dy": (2,)}, shape=(1,)),
    case({"dy": (2,)}, shape=()),
    case({"dy": (2, 3)}, shape=(3,)),
    case({"dy": (2, 3)}, shape=(2, 1)),
    case({"dy": (2, 3, 4)}, shape=(3, 1)),
    # an axis of size 1 beside a stretched one, on either side of the added axes
    case({"dy": (1, 2, 3)}, shape=(1, 3)),
    case({"dy": (2, 1, 3)}, shape=(1, 1)),
    case({"dy": (2, 3, 1)}, shape=(1, 1)),
]
_TERNARIZE = [
    case({"w": free([[1.0, -0.5]])}),
    case({"w": [[2.0, 1.0], [-6.0, 0.0]]}),
    case({"w": [[1.0, -1.0]]}),  # |w| = τ is not above τ
    case({"w": (2, 3)}, threshold=0.5),
    case({"w": (2, 3)}, threshold=0.5, scale="mean"),
    case({"w": (2, 3)}, threshold=0.75, scale="kept"),
    case({"w": (2, 3)}, threshold=9.0, scale="kept"),
    case({"w": (2, 3)}, scale="mean"),
    case({"w": [[0.0, 0.0]]}, scale="kept"),
    case({"w": [[1.0, -2.0, 3.0]]}, scale="kept"),  # |w| = τ is not kept
    case({"w": [[1.0, float("nan"), -2.0]]}),
    case({"w": [[1.0, float("-inf")]]}),
]
_ABSMAX = [
    case({"a": free([[1.0, -2.0]])}),
    case({"a": [[-3.0, 1.0]]}),
    case({"a": free([1.0, 3.0, -2.0], start=4)}),
    case({"a": [[127.0, 2.5, 0.5, -1.5]]}),  # s is 1, and a half goes to the even integer
    case({"a": [[1.0, 3.0], [-7.0, 2.0], [0.0, 0.0]]}),  # each row has its own step
    case({"a": [[6e-6, -2e-6]]}),
    case({"a": free([[[1.0, 3.0]], [[5.0, -4.0]]])}),
]
_ABSMEAN = [
    case({"w": free([[1.0, -2.0]])}),
    case({"w": free([[0.25, -3.0, 1.0]], start=4)}),
    case({"w": [[0.5, -1.5, 1.0]]}),  # m is 1, and a half goes to the even integer
    case({"w": [[0.25, -0.5], [6.0, -7.0]]}),  # the mean is that of the whole matrix
    case({"w": [[0.0, 0.0]]}),
    case({"w": [[6e-6, -8e-6]]}),
]

_SMALL = {"p": [1.0], "g": free([0.5], start=4)}  # another p could become 0, after a step of lr
_STATE = {"m": free([1.0], start=8), "v": [4.0]}
_MATRIX = {"p": (2, 3), "g": (2, 3), "m": (2, 3)}
_V_OF_ELEMENTS = {"v": [[1.0, 4.0, 0.25], [9.0, 1.0, 0.0]]}
_V_OF_ROWS = {"v": [[1.0], [0.25]]}
_TALL = {"p": (3, 2), "g": (3, 2), "m": (3, 2), "v": [[1.0], [0.25], [4.0]]}
_DECAY = {"lr": 0.25, "weight_decay": 0.5}
_ADAMW = [
    case(_SMALL | {"m": [0.0], "v": [0.0]}, t=1, lr=0.5),
    case(_SMALL | _STATE, t=2, lr=0.5),
    case(_SMALL | _STATE, t=2, lr=0.5, weight_decay=0.5),
    case(_SMALL | _STATE, t=1, lr=0.5, eps=0.5),
    case(_SMALL | _STATE, t=3, lr=0.5, betas=(0.5, 0.75)),
    case(_MATRIX | _V_OF_ELEMENTS, t=2, betas=(0.5, 0.75), eps=0.5, **_DECAY),
]
_NEWTON_SCHULZ = [
    case({"g": (1, 2)}, steps=1),
    case({"g": (2, 3)}, steps=1),
    case({"g": (2, 3)}),
    case({"g": (4, 2)}),
    case({"g": (3, 3)}, steps=2),
    case({"g": [[0.0, 0.0]]}),
    case({"g": [[1e-7, -2e-7]]}, steps=1),
]
_NORMUON = [
    case(_MATRIX | {"m": [[0.0] * 3] * 2, "v": [[0.0], [0.0]]}, lr=0.5),
    case(_MATRIX | _V_OF_ROWS, lr=0.5),
    case(_MATRIX | _V_OF_ROWS, lr=0.5, beta1=0.5, beta2=0.75),
    case(_MATRIX | _V_OF_ROWS, lr=0.5, weight_decay=0.5),
    case(_MATRIX | _V_OF_ROWS, lr=0.5, eps=0.5, beta2=0.75),
    case(_MATRIX | _V_OF_ROWS, lr=0.5, beta2=0.75, form="published"),
    case(_TALL, beta1=0.5, beta2=0.75, form="published", **_DECAY),
]

_ROWS = [[1, 0, -1, -1, 0, 1], [0, 1, 1, 0, 1, -1]]
_SCALE = free(0.5, then=lambda scale: abs(float(scale)))
_PACK = [
    case({"T": [[1, 0, 0, 0, 0]]}, scale=1.0, encoding="base-3"),
    case({"T": [[-1]]}, scale=1.0, encoding="base-3"),
    case({"T": [[1]]}, scale=0.5, encoding="2-bit"),
    case({"T": free([[0, 1, -1]])}, scale=_SCALE, encoding="base-3"),
    case({"T": free([[0, 1, -1]])}, scale=_SCALE, encoding="2-bit"),
    case({"T": [[0.0, 1.0], [-1.0, 0.0]]}, scale=0.5, encoding="base-3"),
    case({"T": free(_ROWS)}, scale=2.0, encoding="base-3"),
    case({"T": free(_ROWS)}, scale=2.0, encoding="2-bit"),
]
_SIGNED_SUMS = [
    case({"x": x}) for x in ([[[1.0], [0.0], [0.0], [0.0], [0.0]]], (1, 5, 1), (2, 5, 3))
]
_PRODUCTS = [  # x (N, D) and T (O, D)
    ((1, 5), [[1, 0, 0, 0, 0]]),
    ((1, 5), [[0, 1, -1, 1, 0]]),
    ((1, 2), [[1, 0], [-1, -1], [0, 1]]),
    ((2, 7), [[1, 0, -1, -1, 0, 1, -1], [0, 1, 1, 0, 1, -1, 0], [1] * 7]),
    (np.full((1, 5), 127, np.int8), [[1, 1, 1, 1, 1]]),
]
_TABLE_SUMS = [
    case({"x": x, "packed": free(T, then=lambda T: pack(T, 1.0))}) for x, T in _PRODUCTS
]

FUNCTION_TESTS = [
    FunctionTest(sum_to_shape, _SUM_TO_SHAPE, "sum"),
    FunctionTest(ternarize, _TERNARIZE, "T", "s"),
    FunctionTest(absmax, _ABSMAX, "k", "s"),
    FunctionTest(absmean, _ABSMEAN, "t", "m"),
    UpdateTest(adamw_update, _ADAMW),
    FunctionTest(newton_schulz, _NEWTON_SCHULZ, "x"),
    UpdateTest(normuon_update, _NORMUON),
    ObjectTest(pack, _PACK, PackedTernary, "encoding", "shape", "scale", "codes"),
    FunctionTest(signed_sums_of_five, _SIGNED_SUMS, "t"),
    FunctionTest(table_sums, _TABLE_SUMS, "z"),
]
