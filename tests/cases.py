"""Inputs for every operation of the table: all sizes different, both signs, every option.

The tests of the operations, of the gradient checker and of the planted bugs use CASES. Arrays
are float64; ids are integers. A case is drawn once and never written to.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np

from minigrad import TABLE, Operation

rng = np.random.default_rng(2024)


@dataclass(frozen=True, eq=False)
class Case:
    """One call of an operation: its arrays, its options, and a label."""

    operation_name: str
    label: str
    arrays: tuple
    given_options: dict = field(default_factory=dict)

    @property
    def options(self) -> dict:
        """The options of one call: a generator is copied, so every call draws the same."""
        return {
            name: deepcopy(value) if isinstance(value, np.random.Generator) else value
            for name, value in self.given_options.items()
        }

    @property
    def operation(self) -> Operation:
        return TABLE[self.operation_name]

    @property
    def numbers(self) -> int:
        """The number of floating-point inputs, which have derivatives."""
        return sum(a.size for a in self.arrays if a.dtype.kind == "f")

    def __str__(self):
        return f"{self.operation_name}: {self.label}"


def cases_of(name: str) -> list[Case]:
    return [case for case in CASES if case.operation_name == name]


def normal(*shape):
    """Random numbers of both signs."""
    return np.asarray(rng.standard_normal(shape))


def away(*shape):
    """Random numbers of both signs, none within 0.2 of 0: for kinks and divisors."""
    x = normal(*shape)
    return np.asarray(x + 0.2 * np.sign(x))


def positive(*shape):
    return np.asarray(np.abs(away(*shape)))


def view(array):
    """Return the same numbers as a view with a negative stride on an array twice as long."""
    return np.repeat(array[..., ::-1], 2, axis=-1)[..., ::-2]


def generator(seed):
    """A generator for an option; it draws nothing from the stream of the arrays."""
    return np.random.default_rng(seed)


def ids(below, *shape):
    return rng.integers(0, below, shape)


BROADCASTS = {
    "same shape": ((2, 3, 5), (2, 3, 5)),
    "leading axis": ((2, 3, 5), (3, 5)),
    "two leading axes": ((5,), (2, 3, 5)),
    "axis of size 1": ((2, 3, 5), (2, 1, 5)),
    "each stretches the other": ((3, 1, 7), (5, 1)),
    "scalar right": ((3, 5), ()),
    "scalar left": ((), (3, 5)),
    "two scalars": ((), ()),
    "one element": ((1,), (1, 1)),
}
ONE_NUMBER = {"scalar": (), "vector": (7,), "matrix": (3, 5), "no element": (0, 3)}
AXES = {
    "all": {},
    "first": {"axis": 0},
    "last, negative": {"axis": -1},
    "two": {"axis": (0, 2)},
    "two, negative, kept": {"axis": (-1, 0), "keepdims": True},
    "all, kept": {"keepdims": True},
}
KEYS = {
    "integer": 1,
    "negative integer": -1,
    "slice": slice(1, None),
    "backward slice": (slice(None), slice(None, None, -2)),
    "new axis and ellipsis": (None, ..., 2),
    "repeated ids": np.array([2, 0, 2, 2]),
    "repeated ids and slice": (slice(1, 3), np.array([[4, 0], [4, 4]])),
    "repeated pairs": (np.array([0, 2, 0]), np.array([1, 4, 1])),
    "one element": (1, 3),
    "nothing": slice(0, 0),
}
TERNARY = {
    "default": {},
    "scale mean": {"scale": "mean", "threshold": 0.5},
    "scale kept": {"scale": "kept", "threshold": 0.7},
    "all kept": {"threshold": 0.0, "scale": "kept"},
    "none kept": {"threshold": 9.0, "scale": "kept"},
}
LOSSES = {
    "plain": {},
    "smoothed": {"label_smoothing": 0.1},
    "z-loss": {"z_loss": 0.05},
    "smoothed and z-loss": {"label_smoothing": 0.2, "z_loss": 0.01},
}


def _cases():
    for name in ("add", "subtract", "multiply", "divide"):
        for label, (a, b) in BROADCASTS.items():
            yield name, label, (normal(*a), away(*b))
        yield name, "view", (view(normal(3, 5)), view(away(2, 1, 5)))

    yield "power", "p = -1", (away(3, 5),), {"p": -1}
    for p in (3, 2, 1, 0):
        yield "power", f"p = {p}", (away(3, 5),), {"p": p}
        yield "power", f"p = {p} at zero", (np.array([0.0, -2.0, 0.0]),), {"p": p}
    yield "power", "square root", (positive(2, 3),), {"p": 0.5}
    yield "power", "scalar", (away(),), {"p": 3}
    yield "power", "view", (view(positive(2, 3)),), {"p": -1.5}

    draws = {"log": positive, "relu": away}
    for name in ("exp", "log", "tanh", "sigmoid", "relu", "relu_squared"):
        draw = draws.get(name, normal)
        for label, shape in ONE_NUMBER.items():
            yield name, label, (draw(*shape),)
        yield name, "view", (view(draw(2, 3)),)
    yield "relu_squared", "zeros and others", (np.array([0.0, 1.5, -2.0, 0.0]),)
    yield "relu", "all negative", (-positive(5),)
    yield "sigmoid", "far out", (np.array([-40.0, -5.0, 5.0, 40.0]),)

    for name in ("sum", "mean"):
        for label, options in AXES.items():
            yield name, label, (normal(2, 3, 5),), options
        yield name, "scalar", (normal(),)
        yield name, "view", (view(normal(3, 5)),), {"axis": 1}

    yield "reshape", "whole", (normal(2, 3, 5),), {"shape": (5, 6)}
    yield "reshape", "one size left open", (normal(2, 3, 5),), {"shape": (3, -1)}
    yield "reshape", "scalar", (normal(),), {"shape": (1, 1)}
    yield "reshape", "view", (view(normal(2, 3)),), {"shape": (3, 2)}

    yield "transpose", "reversed", (normal(2, 3, 5),)
    yield "transpose", "cycle", (normal(2, 3, 5),), {"axes": (1, 2, 0)}
    yield "transpose", "cycle of equal sizes", (normal(3, 3, 3),), {"axes": (1, 2, 0)}
    yield "transpose", "negative axes", (normal(2, 3, 5),), {"axes": (-1, 0, -2)}
    yield "transpose", "scalar", (normal(),)
    yield "transpose", "view", (view(normal(3, 5)),)

    yield "concatenate", "three", (normal(2, 3), normal(5, 3), normal(1, 3))
    yield "concatenate", "last axis", (normal(2, 3), normal(2, 5), normal(2, 1)), {"axis": -1}
    yield "concatenate", "middle axis", (normal(2, 3, 5), normal(2, 7, 5)), {"axis": 1}
    yield "concatenate", "equal sizes", (normal(2, 3), normal(2, 3), normal(2, 3))
    yield "concatenate", "only one", (normal(2, 3),)
    yield "concatenate", "view", (view(normal(2, 3)), view(normal(2, 5))), {"axis": 1}

    for label, key in KEYS.items():
        yield "index", label, (normal(3, 5),), {"key": key}
    yield "index", "mask", (normal(2, 3),), {"key": np.array([[1, 0, 1], [0, 0, 1]], bool)}
    yield "index", "view", (view(normal(3, 5)),), {"key": np.array([1, 1])}

    yield "select_rows", "repeated", (normal(5, 3), np.array([4, 0, 4, 4, 2, 0, 1]))
    yield "select_rows", "none", (normal(5, 3), np.array([], int))
    yield "select_rows", "short integers", (normal(5, 3), np.array([1, 4], np.uint8))
    yield "select_rows", "view", (view(normal(5, 3)), view(np.array([3, 3, 0])))

    yield "matmul", "matrices", (normal(2, 3), normal(3, 5))
    yield "matmul", "batches", (normal(2, 3, 5), normal(2, 5, 7))
    yield "matmul", "one matrix for all", (normal(2, 3, 5), normal(5, 7))
    yield "matmul", "one matrix for all, left", (normal(3, 5), normal(2, 5, 7))
    yield "matmul", "each stretches the other", (normal(3, 1, 2, 5), normal(1, 2, 5, 7))
    yield "matmul", "equal sizes", (normal(3, 3), normal(3, 3))
    yield "matmul", "view", (view(normal(2, 3)), normal(5, 3).T)

    yield "linear", "bias", (normal(2, 3, 5), normal(7, 5), normal(7))
    yield "linear", "no bias", (normal(2, 3, 5), normal(7, 5))
    yield "linear", "one position", (normal(5), normal(3, 5), normal(3))
    yield "linear", "equal sizes", (normal(3, 3), normal(3, 3), normal(3))
    yield "linear", "view", (view(normal(2, 5)), normal(5, 7).T, view(normal(7)))

    for label, options in TERNARY.items():
        yield "ternary_linear", label, (normal(2, 3, 5), normal(7, 5)), options
    yield "ternary_linear", "zero weights", (normal(2, 5), np.zeros((3, 5))), {"scale": "mean"}
    yield "ternary_linear", "view", (view(normal(2, 5)), normal(5, 7).T), {"scale": "kept"}

    for label, options in TERNARY.items():
        yield "ternary_weights", label, (normal(7, 5, 3),), options
    yield "ternary_weights", "zero weights", (np.zeros((3, 5)),), {"scale": "mean"}
    yield "ternary_weights", "view", (view(normal(2, 5)),), {"scale": "kept"}

    for label, x, w, options in [
        ("one group", (2, 7, 3), (5, 3, 2), {}),
        ("dilation", (2, 7, 3), (5, 3, 3), {"dilation": 2}),
        ("groups", (2, 5, 6), (4, 3, 3), {"groups": 2}),
        ("groups and dilation", (1, 7, 6), (9, 2, 2), {"groups": 3, "dilation": 3}),
        ("a group per channel", (2, 5, 3), (3, 1, 4), {"groups": 3}),
        ("shorter than the reach", (2, 3, 4), (6, 2, 5), {"groups": 2, "dilation": 2}),
        ("one position", (2, 1, 3), (5, 3, 3), {"dilation": 2}),
        ("one tap", (2, 5, 3), (7, 3, 1), {}),
    ]:
        yield "causal_conv", label, (normal(*x), normal(*w)), options
        yield "gated_conv", label, (normal(*x), normal(*w), normal(*w)), options
    x, w = view(normal(2, 5, 3)), view(normal(2, 3, 3))
    yield "causal_conv", "view", (x, w)
    yield "gated_conv", "view", (x, w, normal(3, 3, 2).T)

    for name in ("sigmoid_gate", "relu_squared_gate"):
        yield name, "sequence", (normal(2, 3, 5), normal(2, 3, 5))
        yield name, "vector", (normal(7), normal(7))
        yield name, "view", (view(normal(3, 5)), normal(5, 3).T)
    yield "relu_squared_gate", "zeros", (np.array([0.0, 1.0, -1.0]), normal(3))

    yield "rms_norm", "sequence", (normal(2, 3, 5), normal(5))
    yield "rms_norm", "one vector", (normal(7), normal(7))
    yield "rms_norm", "large epsilon", (normal(3, 5), normal(5)), {"eps": 0.5}
    yield "rms_norm", "small", (0.01 * normal(2, 3), normal(3))
    yield "rms_norm", "view", (view(normal(3, 5)), view(normal(5)))

    yield "layer_norm", "sequence", (normal(2, 3, 5), normal(5), normal(5))
    yield "layer_norm", "one vector", (normal(7), normal(7), normal(7))
    yield "layer_norm", "large epsilon", (normal(3, 5), normal(5), normal(5)), {"eps": 0.5}
    yield "layer_norm", "no epsilon", (normal(3, 5), normal(5), normal(5)), {"eps": 0.0}
    yield "layer_norm", "far from 0", (normal(2, 3) + 9.0, normal(3), normal(3))
    yield "layer_norm", "no position", (normal(0, 3), normal(3), normal(3))
    yield "layer_norm", "view", (view(normal(3, 5)), view(normal(5)), view(normal(5)))

    for label, shape in ONE_NUMBER.items():
        yield "dropout", label, (normal(*shape),), {"p": 0.5, "rng": generator(1)}
    yield "dropout", "often", (normal(3, 7),), {"p": 0.9, "rng": generator(2)}
    yield "dropout", "never", (normal(3, 5),), {"p": 0.0, "rng": generator(3)}
    yield "dropout", "view", (view(normal(3, 5)),), {"p": 0.3, "rng": generator(4)}

    yield "embedding", "repeated", (normal(5, 3), np.array([[4, 0, 4], [2, 4, 0]]))
    yield "embedding", "one id", (normal(5, 3), np.array(2))
    yield "embedding", "no id", (normal(5, 3), np.zeros((2, 0), int))
    yield "embedding", "short integers", (normal(7, 2), ids(7, 2, 3).astype(np.uint16))
    yield "embedding", "view", (view(normal(5, 3)), view(ids(5, 2, 3)))

    for label, options in LOSSES.items():
        yield "cross_entropy", label, (normal(3, 5), np.array([4, 0, 4])), options
        yield "tied_head", label, (normal(3, 2), normal(7, 2), np.array([6, 0, 6])), options
    both = LOSSES["smoothed and z-loss"]
    yield "cross_entropy", "large logits", (50 * normal(2, 5), np.array([1, 2])), both
    yield "cross_entropy", "short integers", (normal(2, 5), np.array([1, 4], np.uint8)), both
    yield "cross_entropy", "view", (view(normal(3, 5)), view(ids(5, 3))), both
    yield "tied_head", "view", (view(normal(3, 5)), normal(5, 7).T, view(ids(7, 3))), both


CASES = [Case(*case) for case in _cases()]
