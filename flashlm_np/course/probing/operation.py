"""Probes of an operation: its forward, and its backward with what its forward saved."""

from __future__ import annotations

import numpy as np

from minigrad import TABLE
from minigrad.ops import RowGradient

from ..verdict import Trouble
from .inputs import arrays_in, numbers
from .operation_cases import OPERATIONS
from .probe import Probe, several, split


def operation(name: str) -> list[Probe]:
    call = _Operation(name)
    cases, causal = OPERATIONS[name], name == "causal_conv"
    backward = {"says": "argument {}", "symbol": "d{}", "causal": causal}
    return [
        Probe(f"{name}_forward", cases, call.forward, causal=causal),
        Probe(f"{name}_backward", [*map(call.with_dy, cases)], call.backward, **backward),
    ]


class _Operation:
    """Calls of an operation's functions, as the engine makes them."""

    def __init__(self, name):
        self.name, self.reference = name, TABLE[name].forward

    def with_dy(self, case):
        arrays, options = split(self.reference, case)
        y, _ = self.reference(*arrays.values(), **options)
        return case | {"dy": np.asarray(numbers(y.shape, 6))}

    def forward(self, functions, case, guard):
        return {"y": self._forward(functions, case)[0]}

    def backward(self, functions, case, guard):
        _, saved = self._forward(functions, case)
        guard.watch("saved", saved)
        gradients = self._backward(functions, case, saved)
        guard.during = ", when called a second time with the same dy and saved"
        again = self._backward(functions, case, saved)
        for name, gradient in gradients.items():
            if not _same(gradient, again[name]):
                raise Trouble(
                    f"{self.name}_backward, argument {name}: a second call with the same dy "
                    "and saved gives another gradient",
                    "leave what was saved as it is; a second check needs it, too.",
                )
        return gradients

    def _forward(self, functions, case):
        name = f"{self.name}_forward"
        arrays, options = split(self.reference, case)
        return several(name, functions[name](*arrays.values(), **options), ["y", "saved"])

    def _backward(self, functions, case, saved):
        name, (arrays, _) = f"{self.name}_backward", split(self.reference, case)
        gradients = functions[name](case["dy"], saved)
        hint = "one gradient per array of the forward, None for integers."
        several(name, gradients, [f"d{array}" for array in arrays], hint)
        for array, gradient in zip(arrays, gradients, strict=True):
            if isinstance(gradient, RowGradient) and not _is_whole(gradient):
                raise Trouble(
                    f"{name}, argument {array}: no table can be made of this RowGradient",
                    "it is RowGradient(ids, rows, shape) with ids (N,), rows (N, D) and shape "
                    "(V, D); ids.ravel() and dy.reshape(-1, D) have such shapes.",
                )
        return dict(zip(arrays, gradients, strict=True))


def _is_whole(gradient):
    """Whether rows by id fit together; they are the student's, so anything may be in them."""
    try:
        return (np.ndim(gradient.ids), gradient.dense().ndim) == (1, 2)
    except Exception:
        return False


def _same(one, other):
    """Whether two gradients hold the same bits."""
    ours, theirs = arrays_in(one), arrays_in(other)
    return len(ours) == len(theirs) and all(map(_equal, ours, theirs))


def _equal(a, b):
    return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
