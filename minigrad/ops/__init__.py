"""THE TABLE: every operation, its forward, its backward, and what a checker must know of it.

An operation is a pair of plain functions on arrays:

    y, saved  = forward(*arrays, **options)
    gradients = backward(dy, saved)          one per array, None for arrays of integers

They never write to their inputs, to dy or to saved. Each page of this folder explains one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import (
    activations,
    causal_conv,
    cross_entropy,
    elementwise,
    embedding,
    gated,
    gated_conv,
    linear,
    matmul,
    reductions,
    rms_norm,
    rows,
    shaping,
    ternary,
    ternary_weights,
    tied_head,
)
from .embedding import RowGradient


@dataclass(frozen=True)
class Operation:
    """A named pair of functions on arrays.

    surrogate: for an operation whose true derivative teaches nothing, the function whose
        gradient backward returns instead: surrogate(*arrays, **options) gives a smooth
        function of the arrays that equals the operation where it was made.
    side: for an operation with kinks, on which side of a kink each element lies (-1, 0, 1);
        two inputs with different sides have a kink between them.
    integer_inputs: positions of the arrays that are ids or rows, not numbers to differentiate.
    stretch: for an operation that broadcasts, its arrays with the shapes that it stretches
        them to; each one's gradient is then summed back to the shape that it came with.
    how: options that say how, and not what, is computed, such as buffers.
    value: for an operation whose forward makes its gradients, too: its value alone.
    """

    name: str
    forward: Callable
    backward: Callable
    surrogate: Callable | None = None
    side: Callable | None = None
    integer_inputs: tuple[int, ...] = ()
    stretch: Callable | None = None
    how: tuple[str, ...] = ()
    value: Callable | None = None


def _bind(page, name: str, **facts) -> Operation:
    """The operation `name` that a page defines as name_forward and name_backward."""
    return Operation(
        name, getattr(page, f"{name}_forward"), getattr(page, f"{name}_backward"), **facts
    )


_OPERATIONS = (
    _bind(elementwise, "add", stretch=np.broadcast_arrays),
    _bind(elementwise, "subtract", stretch=np.broadcast_arrays),
    _bind(elementwise, "multiply", stretch=np.broadcast_arrays),
    _bind(elementwise, "divide", stretch=np.broadcast_arrays),
    _bind(elementwise, "power"),
    _bind(activations, "exp"),
    _bind(activations, "log"),
    _bind(activations, "tanh"),
    _bind(activations, "sigmoid"),
    _bind(activations, "relu", side=activations.relu_side),
    _bind(activations, "relu_squared"),
    _bind(reductions, "sum"),
    _bind(reductions, "mean"),
    _bind(shaping, "reshape"),
    _bind(shaping, "transpose"),
    _bind(shaping, "concatenate"),
    _bind(shaping, "index"),
    _bind(rows, "select_rows", integer_inputs=(1,)),
    _bind(matmul, "matmul", stretch=matmul.stretch),
    _bind(linear, "linear"),
    _bind(ternary, "ternary_linear", surrogate=ternary.straight_through),
    _bind(
        ternary_weights, "ternary_weights", surrogate=ternary_weights.weights_straight_through
    ),
    _bind(causal_conv, "causal_conv"),
    _bind(gated, "sigmoid_gate"),
    _bind(gated, "relu_squared_gate"),
    _bind(gated_conv, "gated_conv"),
    _bind(rms_norm, "rms_norm"),
    _bind(embedding, "embedding", integer_inputs=(1,)),
    _bind(cross_entropy, "cross_entropy", integer_inputs=(1,)),
    _bind(
        tied_head,
        "tied_head",
        integer_inputs=(2,),
        how=("parts", "each", "buffers", "with_dw"),
        value=tied_head.tied_head_value,
    ),
)

TABLE: dict[str, Operation] = {operation.name: operation for operation in _OPERATIONS}

__all__ = ["TABLE", "Operation", "RowGradient"]
