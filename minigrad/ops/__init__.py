"""The table of operations: a name, a forward and a backward for each.

An operation is a pair of plain functions on arrays:

    y, saved  = forward(*arrays, **options)
    gradients = backward(dy, saved)          one per array, None for arrays of integers

They never write to their inputs, to dy or to saved. Each file of this folder is the page of one
operation, or of a few that belong together: its mathematics, its derivation, its two functions.
row_gradient.py holds the gradient of a lookup.
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from . import (
    activations,
    bit_linear,
    causal_attention_fast,
    causal_conv_fast,
    cross_entropy,
    cumulative_sum,
    depthwise_conv,
    dropout,
    einsum,
    elementwise,
    embedding,
    gated,
    gated_conv,
    gated_norm,
    gelu,
    general_power,
    layer_norm,
    linear,
    matmul,
    max_min,
    mlgru_fast,
    piecewise,
    reductions,
    rms_norm,
    rotary,
    shaping,
    silu_gate,
    softmax,
    stack,
    ternary,
    tied_head_fast,
    variance,
    where,
)
from .row_gradient import RowGradient


@dataclass(frozen=True, eq=False)
class Operation:
    """A named pair of functions on arrays.

    integer_inputs: positions of the arrays that hold ids or booleans; they have no gradient.
    work_options: options that change the work but not the result, such as buffers. A viewer
        does not show them, and does not pass them on when it runs the forward again.
    """

    name: str
    forward: Callable
    backward: Callable
    integer_inputs: tuple[int, ...] = ()
    work_options: tuple[str, ...] = ()


ADD = Operation("add", elementwise.add_forward, elementwise.add_backward)
SUBTRACT = Operation("subtract", elementwise.subtract_forward, elementwise.subtract_backward)
MULTIPLY = Operation("multiply", elementwise.multiply_forward, elementwise.multiply_backward)
DIVIDE = Operation("divide", elementwise.divide_forward, elementwise.divide_backward)
POWER = Operation("power", elementwise.power_forward, elementwise.power_backward)
GENERAL_POWER = Operation(
    "general_power", general_power.general_power_forward, general_power.general_power_backward
)
EXP = Operation("exp", activations.exp_forward, activations.exp_backward)
LOG = Operation("log", activations.log_forward, activations.log_backward)
SQRT = Operation("sqrt", activations.sqrt_forward, activations.sqrt_backward)
TANH = Operation("tanh", activations.tanh_forward, activations.tanh_backward)
SIGMOID = Operation("sigmoid", activations.sigmoid_forward, activations.sigmoid_backward)
RELU = Operation("relu", activations.relu_forward, activations.relu_backward)
RELU_SQUARED = Operation(
    "relu_squared", activations.relu_squared_forward, activations.relu_squared_backward
)
ABS = Operation("abs", piecewise.abs_forward, piecewise.abs_backward)
CLIP = Operation("clip", piecewise.clip_forward, piecewise.clip_backward)
MAXIMUM = Operation("maximum", piecewise.maximum_forward, piecewise.maximum_backward)
MINIMUM = Operation("minimum", piecewise.minimum_forward, piecewise.minimum_backward)
WHERE = Operation("where", where.where_forward, where.where_backward, integer_inputs=(0,))
MASKED_FILL = Operation(
    "masked_fill", where.masked_fill_forward, where.masked_fill_backward, integer_inputs=(1,)
)
GELU = Operation("gelu", gelu.gelu_forward, gelu.gelu_backward)
SILU = Operation("silu", gelu.silu_forward, gelu.silu_backward)
SUM = Operation("sum", reductions.sum_forward, reductions.sum_backward)
MEAN = Operation("mean", reductions.mean_forward, reductions.mean_backward)
CUMULATIVE_SUM = Operation(
    "cumulative_sum",
    cumulative_sum.cumulative_sum_forward,
    cumulative_sum.cumulative_sum_backward,
)
VAR = Operation("var", variance.var_forward, variance.var_backward)
MAX = Operation("max", max_min.max_forward, max_min.max_backward)
MIN = Operation("min", max_min.min_forward, max_min.min_backward)
SOFTMAX = Operation("softmax", softmax.softmax_forward, softmax.softmax_backward)
LOG_SOFTMAX = Operation(
    "log_softmax", softmax.log_softmax_forward, softmax.log_softmax_backward
)
RESHAPE = Operation("reshape", shaping.reshape_forward, shaping.reshape_backward)
TRANSPOSE = Operation("transpose", shaping.transpose_forward, shaping.transpose_backward)
CONCATENATE = Operation(
    "concatenate", shaping.concatenate_forward, shaping.concatenate_backward
)
STACK = Operation("stack", stack.stack_forward, stack.stack_backward)
INDEX = Operation("index", shaping.index_forward, shaping.index_backward)
SELECT_ROWS = Operation(
    "select_rows",
    embedding.select_rows_forward,
    embedding.select_rows_backward,
    integer_inputs=(1,),
)
MATMUL = Operation("matmul", matmul.matmul_forward, matmul.matmul_backward)
EINSUM = Operation("einsum", einsum.einsum_forward, einsum.einsum_backward)
LINEAR = Operation("linear", linear.linear_forward, linear.linear_backward)
TERNARY_LINEAR = Operation(
    "ternary_linear", ternary.ternary_linear_forward, ternary.ternary_linear_backward
)
TERNARY_WEIGHTS = Operation(
    "ternary_weights", ternary.ternary_weights_forward, ternary.ternary_weights_backward
)
BIT_LINEAR = Operation(
    "bit_linear", bit_linear.bit_linear_forward, bit_linear.bit_linear_backward
)
CAUSAL_CONV = Operation(
    "causal_conv",
    causal_conv_fast.causal_conv_fast_forward,
    causal_conv_fast.causal_conv_fast_backward,
)
SIGMOID_GATE = Operation(
    "sigmoid_gate", gated.sigmoid_gate_forward, gated.sigmoid_gate_backward
)
RELU_SQUARED_GATE = Operation(
    "relu_squared_gate", gated.relu_squared_gate_forward, gated.relu_squared_gate_backward
)
SILU_GATE = Operation("silu_gate", silu_gate.silu_gate_forward, silu_gate.silu_gate_backward)
DEPTHWISE_CONV = Operation(
    "depthwise_conv",
    depthwise_conv.depthwise_conv_forward,
    depthwise_conv.depthwise_conv_backward,
)
GATED_CONV = Operation(
    "gated_conv", gated_conv.gated_conv_forward, gated_conv.gated_conv_backward
)
ROTARY = Operation("rotary", rotary.rotary_forward, rotary.rotary_backward)
CAUSAL_ATTENTION = Operation(
    "causal_attention",
    causal_attention_fast.causal_attention_fast_forward,
    causal_attention_fast.causal_attention_fast_backward,
)
MLGRU = Operation("mlgru", mlgru_fast.mlgru_fast_forward, mlgru_fast.mlgru_fast_backward)
RMS_NORM = Operation("rms_norm", rms_norm.rms_norm_forward, rms_norm.rms_norm_backward)
GATED_NORM = Operation(
    "gated_norm", gated_norm.gated_norm_forward, gated_norm.gated_norm_backward
)
LAYER_NORM = Operation(
    "layer_norm", layer_norm.layer_norm_forward, layer_norm.layer_norm_backward
)
DROPOUT = Operation("dropout", dropout.dropout_forward, dropout.dropout_backward)
EMBEDDING = Operation(
    "embedding", embedding.embedding_forward, embedding.embedding_backward, integer_inputs=(1,)
)
CROSS_ENTROPY = Operation(
    "cross_entropy",
    cross_entropy.cross_entropy_forward,
    cross_entropy.cross_entropy_backward,
    integer_inputs=(1,),
)
TIED_HEAD = Operation(
    "tied_head",
    tied_head_fast.tied_head_fast_forward,
    tied_head_fast.tied_head_fast_backward,
    integer_inputs=(2,),
    work_options=tied_head_fast.WORK_OPTIONS,
)

TABLE: dict[str, Operation] = {
    item.name: item for item in list(globals().values()) if isinstance(item, Operation)
}


def find(name: str) -> Operation:
    """The operation of the table that has this name."""
    if name not in TABLE:
        near = difflib.get_close_matches(name, TABLE, n=1)
        advice = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(TABLE)}"
        raise KeyError(f"there is no operation {name!r}; {advice}")
    return TABLE[name]


__all__ = ["TABLE", "Operation", "RowGradient", "find"]
