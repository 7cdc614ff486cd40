"""Test cases of the operations by name: the smallest first, with sizes that differ."""

import numpy as np

from ..inputs import Case
from ..variants import Ids, case

_PAIRS = [
    case({"a": (2,), "b": (2,)}),
    case({"a": (2,), "b": (1,)}),
    case({"a": (), "b": (2,)}),
    case({"a": (2, 3), "b": (3,)}),
    case({"a": (2, 3), "b": (2, 1)}),
    case({"a": (3, 1), "b": (2,)}),
    case({"a": (3, 1), "b": (2, 3, 5)}),
]
_TERNARY = [
    {},
    {"threshold": 0.5},
    {"threshold": 0.5, "scale": "mean"},
    {"threshold": 0.75, "scale": "kept"},
    {"threshold": 9.0, "scale": "kept"},
]
_LOSSES = [
    {},
    {"label_smoothing": 0.25},
    {"z_loss": 0.5},
    {"label_smoothing": 0.5, "z_loss": 0.25},
]
_CONVOLUTIONS = [
    ((1, 2, 1), (1, 1, 1), {}),
    ((1, 2, 1), (1, 1, 2), {}),
    ((1, 3, 1), (2, 1, 2), {}),
    ((1, 3, 2), (1, 2, 2), {}),
    ((2, 3, 1), (1, 1, 2), {}),
    ((1, 5, 1), (1, 1, 2), {"dilation": 2}),
    ((1, 2, 4), (2, 2, 1), {"groups": 2}),
    ((1, 3, 1), (1, 1, 3), {"dilation": 2}),  # the first tap sees nothing but padding
    ((2, 6, 4), (6, 2, 3), {"groups": 2, "dilation": 2}),
]
_CLASSES = [  # N, D, targets, starts
    (1, 1, [1], (0, 2)),
    (1, 2, [1], (0, 1, 3)),  # the first word of its class
    (2, 3, [4, 0], (0, 2, 5)),
    (3, 2, [1, 3, 1], (0, 2, 3, 5)),  # two rows of one class, and a class without a target
    (4, 2, [0, 4, 3, 3], (0, 1, 4, 5)),
    (5, 1, [3, 2, 5, 2, 3], (0, 3, 6)),
]
_CANDIDATES = [  # N, D, targets, candidates, and the probability of each word
    (1, 1, [2], [1], [1.0, 0.25, 0.5]),
    (1, 2, [1], [2, 0], [0.5, 0.25, 0.125]),
    (1, 1, [2], [0, 2], [0.5, 0.75, 0.25]),  # the target was drawn, too
    (2, 3, [3, 1], [3, 4, 2], [0.125, 0.25, 0.75, 0.5, 1.0]),
    (3, 2, [5, 0, 5], [0, 2, 3, 5], [0.75, 0.5, 0.25, 0.5, 0.25, 0.125]),
    (4, 1, [1, 1, 3, 2], [2, 1], [0.5, 0.125, 0.25, 1.0]),
]
_STATES = [  # B, T and D, and the lower bounds
    (1, 1, 1, [0.0]),
    (1, 1, 1, [0.25]),
    (1, 2, 1, [0.0]),
    (1, 2, 1, [0.5]),
    (2, 1, 1, [0.25]),
    (1, 4, 1, [0.125]),
    (1, 2, 2, [0.5, 0.25]),
    (2, 3, 3, [0.75, 0.0, 0.25]),
]


def _two_level(N, D, y, starts):
    V, G = starts[-1], len(starts) - 1
    return case({"h": (N, D), "w": (V, D), "c": (G, D), "b": (G,), "y": y}, starts=starts)


def _sampled(N, D, y, candidates, probabilities):
    options = {"candidates": np.array(candidates), "log_p": np.log(probabilities)}
    return case({"h": (N, D), "w": (len(probabilities), D), "y": y}, **options)


def _states(B, T, D, bounds):
    return case({"a": (B, T, D), "z": (B, T, D), "b": bounds, "h0": (B, D)})


OPERATION_CASES: dict[str, list[Case]] = {
    "add": _PAIRS,
    "multiply": _PAIRS,
    "sum": [
        case({"x": (2,)}),
        case({"x": (2, 3)}, axis=0),
        case({"x": (2, 3)}, axis=-1, keepdims=True),
        case({"x": (2, 3)}, keepdims=True),
        case({"x": (2, 3, 4)}, axis=(0, 2)),
        case({"x": (2, 3, 4)}, axis=(-1, 0), keepdims=True),
    ],
    "matmul": [
        case({"a": (2, 2), "b": (2, 2)}),
        case({"a": (1, 2), "b": (2, 1)}),
        case({"a": (2, 3), "b": (3, 4)}),
        case({"a": (2, 1, 3), "b": (3, 4)}),
        case({"a": (1, 3), "b": (2, 3, 4)}),
        case({"a": (2, 1, 1, 3), "b": (4, 3, 2)}),
    ],
    "linear": [
        case({"x": (1, 2), "w": (3, 2), "b": (3,)}),
        case({"x": (2, 3), "w": (4, 3), "b": (4,)}),
        case({"x": (2, 3), "w": (4, 3)}),
        case({"x": (2,), "w": (3, 2), "b": (3,)}),
        case({"x": (2, 3, 2), "w": (4, 2), "b": (4,)}),
    ],
    "relu_squared": [case({"x": x}) for x in ((1,), (3,), [0.0, -2.0, 0.5], (2, 3))],
    "sigmoid": [case({"x": x}) for x in ([0.0], (2,), (2, 3), [-1000.0, 1000.0])],
    "sigmoid_gate": [
        case({"g": [0.0], "v": (1,)}),
        case({"g": (2,), "v": (2,)}),
        case({"g": (2, 3), "v": (2, 3)}),
    ],
    "rms_norm": [
        case({"x": (1, 2), "w": (2,)}),
        case({"x": (2, 3), "w": (3,)}),
        case({"x": (1, 2), "w": (2,)}, eps=0.25),
        case({"x": (2,), "w": (2,)}),
        case({"x": (2, 3, 4), "w": (4,)}, eps=0.5),
    ],
    "embedding": [
        *(case({"w": (3, 2), "ids": Ids(ids, 3)}) for ids in ([1], [2, 0], [1, 1])),
        case({"w": (4, 2), "ids": Ids([[1, 0, 1], [3, 1, 3]], 4)}),
    ],
    "causal_conv": [case({"x": x, "w": w}, **options) for x, w, options in _CONVOLUTIONS],
    "ternary_linear": [
        *(case({"x": (1, 2), "w": (2, 2)}, **options) for options in _TERNARY),
        case({"x": (2, 3), "w": (4, 3)}),
        case({"x": (2, 3, 2), "w": (4, 2)}, threshold=0.5, scale="kept"),
    ],
    "cross_entropy": [
        *(case({"z": (1, 2), "y": Ids([1], 2)}, **o) for o in _LOSSES),
        *(case({"z": (2, 3), "y": Ids([2, 0], 3)}, **o) for o in _LOSSES),
        case({"z": (3, 2), "y": Ids([1, 1, 0], 2)}),
        case({"z": [[1000.0, 0.0, -1000.0]], "y": [1]}),
        case({"z": [[-1000.0, -1001.0]], "y": [0]}),
        case({"z": [[1000.0, 1001.0], [0.0, -1.0]], "y": [0, 1]}),  # each row has its own top
    ],
    "tied_head": [
        *(case({"h": (1, 2), "w": (3, 2), "y": Ids([1], 3)}, **o) for o in _LOSSES),
        *(
            case({"h": (2, 3), "w": (4, 3), "y": Ids([3, 0], 4)}, **options)
            for options in _LOSSES
        ),
        case({"h": (3, 1), "w": (2, 1), "y": Ids([1, 1, 0], 2)}),
        case({"h": [[1000.0]], "w": [[1.0], [-1.0]], "y": [1]}),
        case({"h": (514, 1), "w": (2, 1), "y": [1, 0] * 257}),  # two blocks of the page's
    ],
    "two_level": [_two_level(*sizes) for sizes in _CLASSES],
    "sampled": [_sampled(*sizes) for sizes in _CANDIDATES],
    "bit_linear": [  # no a / s is near a half, which float32 may round to the other side
        case({"x": (1, 2), "w": (1, 2), "g": (2,)}),
        case({"x": (2, 2), "w": (2, 2), "g": (2,)}),
        case({"x": (2, 3), "w": (4, 3), "g": [-1.0, 3.0, -2.0]}),
        case({"x": (1, 3), "w": (2, 3), "g": [-1.0, 3.0, -2.0]}, eps=0.25),
        case({"x": (3,), "w": (2, 3), "g": [-1.0, 3.0, -2.0]}),
        case({"x": [[1e-9, -3e-9]], "w": (2, 2), "g": (2,)}),  # smaller than SMALLEST
        case({"x": (2, 3, 4), "w": (3, 4), "g": [-3.0, 4.0, 1.0, -0.5]}, eps=0.5),
    ],
    "mlgru": [_states(*sizes) for sizes in _STATES],
    "attention": [
        case(dict.fromkeys("qkv", (1, 1, 1))),
        case(dict.fromkeys("qkv", (1, 2, 1))),
        case(dict.fromkeys("qkv", (1, 3, 2))),
        case(dict.fromkeys("qkv", (1, 2, 2)), heads=2),
        case(dict.fromkeys("qkv", (1, 3, 4)), heads=2),
        case(dict.fromkeys("qkv", (2, 3, 4)), heads=2),
        case({"q": [[[1000.0], [-1000.0]]], "k": [[[1.0], [2.0]]], "v": (1, 2, 1)}),
    ],
}
