"""Inputs for every operation of the table: all sizes different, both signs, every option.

The tests of the operations, of the gradient checker and of the planted bugs use CASES. Arrays
are float64; ids are integers. A case is drawn once and never written to.
"""

from __future__ import annotations

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
    options: dict = field(default_factory=dict)

    @property
    def operation(self) -> Operation:
        return TABLE[self.operation_name]

    @property
    def numbers(self) -> int:
        """The number of floating-point inputs, which have derivatives."""
        return sum(a.size for a in self.arrays if a.dtype.kind == "f")

    def __str__(self):
        return f"{self.operation_name}: {self.label}"


def locked(arrays):
    """Copies of the arrays that cannot be written to."""
    copies = [np.array(array) for array in arrays]
    for array in copies:
        array.flags.writeable = False
    return copies


def arrays_in(saved):
    """All arrays of nested tuples and lists."""
    if isinstance(saved, (tuple, list)):
        return [array for item in saved for array in arrays_in(item)]
    return [saved] if isinstance(saved, np.ndarray) else []


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


def mask(*shape):
    """Random booleans."""
    return np.asarray(rng.random(shape) < 0.5)


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
ALONG = {
    "last": {},
    "first": {"axis": 0},
    "two, negative": {"axis": (-1, 0)},
}
LIMITS = {
    "two limits": {"low": -0.1, "high": 0.15},
    "lower limit": {"low": 0.0},
    "upper limit": {"high": -0.1},
    "no limit": {},
    "equal limits": {"low": 0.1, "high": 0.1},
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
EINSUMS = {
    "matrix product": ("nk,km->nm", (2, 3), (3, 5)),
    "heads": ("bth,hd->btd", (2, 3, 5), (5, 7)),
    "shared axis that stays": ("bti,bsi->bts", (2, 3, 5), (2, 7, 5)),
    "three": ("ij,jk,kl->li", (2, 3), (3, 5), (5, 2)),
    "letter of one array": ("ij,k->i", (2, 3), (5,)),
    "no arrow": ("kj,ki", (2, 3), (2, 5)),
    "one array, turned": ("abc->cab", (2, 3, 5)),
    "one array, summed": ("abc->b", (2, 3, 5)),
    "outer": ("i,j->ij", (2,), (3,)),
    "to a number": ("i,i->", (7,), (7,)),
    "numbers": (",->", (), ()),
    "dots": ("...ij,jk->...ik", (2, 7, 3, 5), (5, 2)),
    "dots that broadcast": ("i...,...i->...", (3, 2, 1), (5, 3)),
    "dots and no arrow": ("...i", (2, 3, 5)),
    "dots that are summed": ("...i->i", (2, 3, 5)),
    "size 1 stretched": ("ij,ij->ij", (2, 1), (2, 3)),
    "size 1 stretched and summed": ("ij,jk->k", (1, 3), (1, 5)),
    "no element": ("ij,jk->ik", (2, 0), (0, 3)),
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

    for label, (a, b) in BROADCASTS.items():
        yield "general_power", label, (positive(*a), normal(*b))
    yield "general_power", "view", (view(positive(3, 5)), view(normal(2, 1, 5)))

    draws = {"log": positive, "sqrt": positive, "relu": away, "abs": away}
    for name in ("exp", "log", "sqrt", "abs", "tanh", "sigmoid", "relu", "relu_squared"):
        draw = draws.get(name, normal)
        for label, shape in ONE_NUMBER.items():
            yield name, label, (draw(*shape),)
        yield name, "view", (view(draw(2, 3)),)
    yield "relu_squared", "zeros and others", (np.array([0.0, 1.5, -2.0, 0.0]),)
    yield "relu", "all negative", (-positive(5),)
    yield "sigmoid", "far out", (np.array([-40.0, -5.0, 5.0, 40.0]),)

    for options in ({"approximate": "none"}, {"approximate": "tanh"}):
        form = options["approximate"]
        for label, shape in ONE_NUMBER.items():
            yield "gelu", f"{label}, {form}", (normal(*shape),), options
        far = np.array([-30.0, -5.0, -1e-9, 0.0, 5.0, 30.0])
        yield "gelu", f"far out, {form}", (far,), options
    yield "gelu", "view", (view(normal(2, 3)),)
    for label, shape in ONE_NUMBER.items():
        yield "silu", label, (normal(*shape),)
    yield "silu", "far out", (np.array([-40.0, -5.0, 0.0, 5.0, 40.0]),)
    yield "silu", "view", (view(normal(2, 3)),)

    for label, axis in {"first axis": 0, "middle axis": 1, "last axis": -1}.items():
        yield "cumulative_sum", label, (normal(2, 3, 5),), {"axis": axis}
    yield "cumulative_sum", "vector", (normal(7),), {"axis": 0}
    yield "cumulative_sum", "no element", (normal(0, 3),), {"axis": 0}
    yield "cumulative_sum", "view", (view(normal(3, 5)),), {"axis": 1}

    for label, options in LIMITS.items():
        yield "clip", label, (away(3, 5),), options
        yield "clip", f"{label}, scalar", (away(),), options
    yield "clip", "no element", (away(0, 3),), {"low": -0.1, "high": 0.1}
    yield "clip", "view", (view(away(3, 5)),), {"low": -0.1, "high": 0.1}

    for name in ("maximum", "minimum"):
        for label, (a, b) in BROADCASTS.items():
            yield name, label, (normal(*a), normal(*b))
        yield name, "no element", (normal(0, 3), normal(3))
        yield name, "view", (view(normal(3, 5)), view(normal(2, 1, 5)))

    for label, (a, b) in BROADCASTS.items():
        shape = np.broadcast_shapes(a, b)
        yield "where", label, (mask(*shape), normal(*a), normal(*b))
    yield "where", "the condition is stretched", (mask(3, 1), normal(2, 3, 5), normal(5))
    yield "where", "the condition stretches both", (mask(2, 3, 1), normal(5), normal())
    yield "where", "one boolean", (np.array(True), normal(3), normal(3))
    yield "where", "integers", (np.array([2, 0, -1]), normal(3), normal(3))
    yield "where", "no element", (mask(0, 3), normal(3), normal(0, 3))
    yield "where", "view", (view(mask(3, 5)), view(normal(3, 5)), normal(5, 3).T)

    later = np.triu(np.ones((5, 5), bool), k=1)
    yield "masked_fill", "causal", (normal(2, 3, 5, 5), later), {"value": -100.0}
    yield "masked_fill", "same shape", (normal(3, 5), mask(3, 5)), {"value": 2.5}
    yield "masked_fill", "integers", (normal(3), np.array([2, 0, -1])), {"value": 0.0}
    yield "masked_fill", "one boolean", (normal(3), np.array(False)), {"value": 1.0}
    yield "masked_fill", "scalar", (normal(), np.array(False)), {"value": 1.0}
    yield "masked_fill", "no element", (normal(0, 3), mask(3)), {"value": 1.0}
    yield "masked_fill", "view", (view(normal(3, 5)), view(mask(5))), {"value": 1.0}

    for name in ("sum", "mean", "var", "max", "min"):
        for label, options in AXES.items():
            yield name, label, (normal(2, 3, 5),), options
        yield name, "scalar", (normal(),)
        yield name, "view", (view(normal(3, 5)),), {"axis": 1}
    for name in ("var", "max", "min"):
        yield name, "one element each", (normal(3, 1),), {"axis": 1}
        yield name, "no row", (normal(0, 3),), {"axis": 1}
        yield name, "scalar, with an axis", (normal(),), {"axis": 0}
    yield "var", "a sample", (normal(3, 5),), {"axis": 0, "ddof": 1}
    yield "var", "a sample, all, kept", (normal(3, 5),), {"ddof": 1, "keepdims": True}
    yield "var", "far from 0", (100 + normal(3, 5),), {"axis": -1, "ddof": 1}

    for name in ("softmax", "log_softmax"):
        for label, options in ALONG.items():
            yield name, label, (normal(2, 3, 5),), options
        yield name, "one row", (normal(7),)
        yield name, "rows of one entry", (normal(3, 1),)
        yield name, "scalar", (normal(),)
        yield name, "no row", (normal(0, 3),)
        yield name, "far from 0", (30 + 3 * normal(2, 5),)
        yield name, "view", (view(normal(3, 5)),), {"axis": 0}

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

    for label, axis in {"first axis": 0, "middle axis": 1, "last axis": -1}.items():
        yield "stack", label, (normal(2, 3), normal(2, 3), normal(2, 3)), {"axis": axis}
    yield "stack", "only one", (normal(2, 3),), {"axis": 2}
    yield "stack", "numbers", (normal(), normal(), normal())
    yield "stack", "no element", (normal(2, 0), normal(2, 0)), {"axis": 1}
    yield "stack", "view", (view(normal(2, 3)), normal(3, 2).T)

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
    yield "matmul", "two vectors", (normal(5), normal(5))
    yield "matmul", "matrix and vector", (normal(2, 3), normal(3))
    yield "matmul", "vector and matrix", (normal(3), normal(3, 5))
    yield "matmul", "batch and vector", (normal(2, 3, 5), normal(5))
    yield "matmul", "vector and batch", (normal(5), normal(2, 5, 7))
    yield "matmul", "view", (view(normal(2, 3)), normal(5, 3).T)

    for label, (subscripts, *shapes) in EINSUMS.items():
        yield "einsum", label, (*(normal(*s) for s in shapes),), {"subscripts": subscripts}
    views = view(normal(2, 3)), normal(5, 3).T
    yield "einsum", "view", views, {"subscripts": "nk,km->mn"}

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

    for label, x in {
        "sequence": normal(2, 3, 5),
        "one position": normal(5),
        "no position": normal(0, 5),
        "a row of zeros": normal(2, 5) * [[0], [1]],
    }.items():
        yield "bit_linear", label, (x, normal(7, 5), normal(5))
    sizes = 10.0 ** np.array([[1], [-2], [-4], [-7]])
    yield "bit_linear", "rows of all sizes", (sizes * normal(4, 11), normal(3, 11), normal(11))
    yield "bit_linear", "large epsilon", (normal(2, 5), normal(3, 5), normal(5)), {"eps": 0.5}
    yield "bit_linear", "small weights", (normal(2, 5), 8e-6 * normal(3, 5), normal(5))
    yield "bit_linear", "zero weights", (normal(2, 5), np.zeros((3, 5)), normal(5))
    yield "bit_linear", "view", (view(normal(2, 5)), normal(5, 3).T, view(normal(5)))

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

    for label, x, w in [
        ("sequence", (2, 7, 3), (3, 5)),
        ("shorter than the reach", (2, 3, 5), (5, 4)),
        ("one position", (2, 1, 3), (3, 2)),
        ("one tap", (2, 5, 3), (3, 1)),
    ]:
        yield "depthwise_conv", label, (normal(*x), normal(*w))
    yield "depthwise_conv", "view", (view(normal(2, 5, 3)), normal(2, 3).T)

    for label, x, options in [
        ("one head", (2, 5, 6), {}),
        ("heads", (2, 3, 12), {"heads": 3}),
        ("later positions", (1, 7, 4), {"heads": 2, "first": 90}),
        ("another base", (2, 5, 6), {"base": 3.0}),
        ("one position", (2, 1, 4), {"first": 5}),
        ("no position", (2, 0, 4), {}),
    ]:
        yield "rotary", label, (normal(*x),), options
    yield "rotary", "view", (view(normal(2, 5, 6)),), {"heads": 3}

    for label, x, options in [
        ("one head", (2, 5, 3), {}),
        ("heads", (2, 7, 6), {"heads": 3}),
        ("heads of one number", (1, 5, 3), {"heads": 3}),
        ("one position", (2, 1, 4), {"heads": 2}),
        ("no position", (2, 0, 4), {"heads": 2}),
    ]:
        yield "causal_attention", label, (normal(*x), normal(*x), normal(*x)), options
    q, k, v = 2 * normal(2, 5, 3), normal(2, 5, 3), normal(2, 5, 3)
    yield "causal_attention", "sharp", (q, k, v)
    q, k, v = view(normal(2, 5, 3)), normal(3, 5, 2).T, view(normal(2, 5, 3))
    yield "causal_attention", "view", (q, k, v)

    for name in ("sigmoid_gate", "relu_squared_gate", "silu_gate"):
        yield name, "sequence", (normal(2, 3, 5), normal(2, 3, 5))
        yield name, "vector", (normal(7), normal(7))
        yield name, "view", (view(normal(3, 5)), normal(5, 3).T)
    yield "silu_gate", "far out", (np.array([-40.0, -5.0, 0.0, 5.0, 40.0]), normal(5))
    yield "relu_squared_gate", "zeros", (np.array([0.0, 1.0, -1.0]), normal(3))

    for label, (B, T, D) in {
        "sequence": (2, 5, 3),
        "one text": (1, 7, 2),
        "two chunks of two": (2, 4, 2),
        "four chunks of three": (1, 12, 2),
        "one position": (3, 1, 2),
        "no position": (2, 0, 3),
    }.items():
        a, z = normal(B, T, D), 2 * normal(B, T, D)
        yield "mlgru", label, (a, z, rng.random(D), normal(B, D))
    a, z = normal(2, 3, 5), normal(2, 3, 5)
    yield "mlgru", "no bound", (a, z, np.zeros(5), np.zeros((2, 5)))
    yield "mlgru", "all stays", (a, z, np.ones(5), normal(2, 5))
    far = np.array([[[-40.0], [-5.0], [0.0], [5.0], [40.0]]])
    yield "mlgru", "far out", (far, far[:, ::-1] / 3, np.array([0.25]), normal(1, 1))
    yield "mlgru", "view", (view(a), view(z), view(rng.random(5)), normal(5, 2).T)

    yield "rms_norm", "sequence", (normal(2, 3, 5), normal(5))
    yield "rms_norm", "one vector", (normal(7), normal(7))
    yield "rms_norm", "large epsilon", (normal(3, 5), normal(5)), {"eps": 0.5}
    yield "rms_norm", "small", (0.01 * normal(2, 3), normal(3))
    yield "rms_norm", "view", (view(normal(3, 5)), view(normal(5)))

    yield "gated_norm", "sequence", (normal(2, 3, 5), normal(2, 3, 5), normal(5))
    yield "gated_norm", "one vector", (normal(7), normal(7), normal(7))
    yield "gated_norm", "no position", (normal(0, 3), normal(0, 3), normal(3))
    yield "gated_norm", "large epsilon", (normal(3, 5), normal(3, 5), normal(5)), {"eps": 0.5}
    yield "gated_norm", "far out", (normal(2, 3), 40 * normal(2, 3), normal(3))
    yield "gated_norm", "view", (view(normal(3, 5)), normal(5, 3).T, view(normal(5)))

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
