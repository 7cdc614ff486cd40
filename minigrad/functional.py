"""The operations of minigrad.ops as functions of Tensors: one line per line of the table."""

from __future__ import annotations

import inspect

from .ops import TABLE
from .tensor import Tensor, apply


def _on_tensors(name: str):
    """The table's operation `name` as a function of Tensors, with its page as docstring."""
    operation = TABLE[name]

    def function(*inputs, **options) -> Tensor:
        return apply(operation, *inputs, **options)

    function.__name__ = function.__qualname__ = name
    function.__signature__ = inspect.signature(operation.forward)
    function.__doc__ = operation.forward.__globals__["__doc__"]
    return function


add = _on_tensors("add")
subtract = _on_tensors("subtract")
multiply = _on_tensors("multiply")
divide = _on_tensors("divide")
power = _on_tensors("power")
exp = _on_tensors("exp")
log = _on_tensors("log")
tanh = _on_tensors("tanh")
sigmoid = _on_tensors("sigmoid")
relu = _on_tensors("relu")
relu_squared = _on_tensors("relu_squared")
sum = _on_tensors("sum")
mean = _on_tensors("mean")
reshape = _on_tensors("reshape")
transpose = _on_tensors("transpose")
concatenate = _on_tensors("concatenate")
index = _on_tensors("index")
select_rows = _on_tensors("select_rows")
matmul = _on_tensors("matmul")
linear = _on_tensors("linear")
ternary_linear = _on_tensors("ternary_linear")
ternary_weights = _on_tensors("ternary_weights")
causal_conv = _on_tensors("causal_conv")
sigmoid_gate = _on_tensors("sigmoid_gate")
relu_squared_gate = _on_tensors("relu_squared_gate")
gated_conv = _on_tensors("gated_conv")
rms_norm = _on_tensors("rms_norm")
embedding = _on_tensors("embedding")
cross_entropy = _on_tensors("cross_entropy")
tied_head = _on_tensors("tied_head")
