"""The operations of the table as functions of Tensors.

An input is a Tensor, an array or a number. Only Tensors with requires_grad=True get a gradient.
Each docstring names the page that holds the mathematics and the two plain functions.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from . import ops
from .arrays import as_array
from .errors import ShapeError
from .tensor import Tensor, apply

Input = Tensor | np.ndarray | float
Axis = int | tuple[int, ...] | None


# -- element by element -------------------------------------------------------------------


def add(a: Input, b: Input) -> Tensor:
    """a + b with broadcasting: minigrad/ops/elementwise.py."""
    return apply(ops.ADD, a, b)


def subtract(a: Input, b: Input) -> Tensor:
    """a - b with broadcasting: minigrad/ops/elementwise.py."""
    return apply(ops.SUBTRACT, a, b)


def multiply(a: Input, b: Input) -> Tensor:
    """a · b with broadcasting: minigrad/ops/elementwise.py."""
    return apply(ops.MULTIPLY, a, b)


def divide(a: Input, b: Input) -> Tensor:
    """a / b with broadcasting: minigrad/ops/elementwise.py."""
    return apply(ops.DIVIDE, a, b)


def power(a: Input, p: Input) -> Tensor:
    """a to the power p, one number: minigrad/ops/elementwise.py, or an array: general_power."""
    is_number = isinstance(p, (int, float, np.generic))
    return apply(ops.POWER, a, p=p) if is_number else general_power(a, p)


def general_power(a: Input, b: Input) -> Tensor:
    """a to the power b with broadcasting: minigrad/ops/general_power.py."""
    return apply(ops.GENERAL_POWER, a, b)


def exp(x: Input) -> Tensor:
    """e to the power x: minigrad/ops/activations.py."""
    return apply(ops.EXP, x)


def sqrt(x: Input) -> Tensor:
    """The square root of x: minigrad/ops/activations.py."""
    return apply(ops.SQRT, x)


def log(x: Input) -> Tensor:
    """The natural logarithm of x: minigrad/ops/activations.py."""
    return apply(ops.LOG, x)


def tanh(x: Input) -> Tensor:
    """The hyperbolic tangent of x: minigrad/ops/activations.py."""
    return apply(ops.TANH, x)


def sigmoid(x: Input) -> Tensor:
    """1 / (1 + e⁻ˣ): minigrad/ops/activations.py."""
    return apply(ops.SIGMOID, x)


def relu(x: Input) -> Tensor:
    """max(x, 0): minigrad/ops/activations.py."""
    return apply(ops.RELU, x)


def relu_squared(x: Input) -> Tensor:
    """max(x, 0)²: minigrad/ops/activations.py."""
    return apply(ops.RELU_SQUARED, x)


def gelu(x: Input, *, approximate: str = "none") -> Tensor:
    """x · Φ(x), exact ("none") or with GPT-2's approximation ("tanh"): minigrad/ops/gelu.py."""
    return apply(ops.GELU, x, approximate=approximate)


def silu(x: Input) -> Tensor:
    """x · sigmoid(x): minigrad/ops/gelu.py."""
    return apply(ops.SILU, x)


def abs(x: Input) -> Tensor:
    """|x|: minigrad/ops/piecewise.py."""
    return apply(ops.ABS, x)


def clip(x: Input, *, low: float = -np.inf, high: float = np.inf) -> Tensor:
    """x, but at least `low` and at most `high`: minigrad/ops/piecewise.py."""
    return apply(ops.CLIP, x, low=low, high=high)


def maximum(a: Input, b: Input) -> Tensor:
    """The larger of a and b, with broadcasting: minigrad/ops/piecewise.py."""
    return apply(ops.MAXIMUM, a, b)


def minimum(a: Input, b: Input) -> Tensor:
    """The smaller of a and b, with broadcasting: minigrad/ops/piecewise.py."""
    return apply(ops.MINIMUM, a, b)


def where(condition: np.ndarray, a: Input, b: Input) -> Tensor:
    """a where the condition holds, else b, with broadcasting: minigrad/ops/where.py."""
    return apply(ops.WHERE, condition, a, b)


def masked_fill(x: Input, mask: np.ndarray, *, value: float) -> Tensor:
    """The number `value` where the mask holds, else x: minigrad/ops/where.py."""
    return apply(ops.MASKED_FILL, x, mask, value=value)


# -- sums and shapes ----------------------------------------------------------------------


def sum(x: Input, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum over all axes, or over `axis`: minigrad/ops/reductions.py."""
    return apply(ops.SUM, x, axis=axis, keepdims=keepdims)


def mean(x: Input, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean over all axes, or over `axis`: minigrad/ops/reductions.py."""
    return apply(ops.MEAN, x, axis=axis, keepdims=keepdims)


def cumulative_sum(x: Input, *, axis: int) -> Tensor:
    """The sum of each element and all before it along `axis`:
    minigrad/ops/cumulative_sum.py."""
    return apply(ops.CUMULATIVE_SUM, x, axis=axis)


def var(x: Input, *, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
    """The variance over all axes, or over `axis`: minigrad/ops/variance.py."""
    return apply(ops.VAR, x, axis=axis, ddof=ddof, keepdims=keepdims)


def max(x: Input, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest element of all, or along `axis`: minigrad/ops/max_min.py."""
    return apply(ops.MAX, x, axis=axis, keepdims=keepdims)


def min(x: Input, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest element of all, or along `axis`: minigrad/ops/max_min.py."""
    return apply(ops.MIN, x, axis=axis, keepdims=keepdims)


def softmax(x: Input, *, axis: Axis = -1) -> Tensor:
    """Probabilities e^x / Σ e^x along `axis`: minigrad/ops/softmax.py."""
    return apply(ops.SOFTMAX, x, axis=axis)


def log_softmax(x: Input, *, axis: Axis = -1) -> Tensor:
    """The logarithm of the softmax along `axis`: minigrad/ops/softmax.py."""
    return apply(ops.LOG_SOFTMAX, x, axis=axis)


def reshape(x: Input, *, shape: tuple[int, ...]) -> Tensor:
    """The same numbers in another shape; one size may be -1: minigrad/ops/shaping.py."""
    return apply(ops.RESHAPE, x, shape=shape)


def transpose(x: Input, *, axes: tuple[int, ...] | None = None) -> Tensor:
    """The axes in reverse order, or in the order `axes`: minigrad/ops/shaping.py."""
    return apply(ops.TRANSPOSE, x, axes=axes)


def concatenate(*arrays: Input | Sequence[Input], axis: int = 0) -> Tensor:
    """Arrays, or a list of them, one after another along `axis`: minigrad/ops/shaping.py."""
    return apply(ops.CONCATENATE, *_listed(arrays), axis=axis)


def stack(*arrays: Input | Sequence[Input], axis: int = 0) -> Tensor:
    """Arrays of one shape, or a list of them, along a new axis: minigrad/ops/stack.py."""
    return apply(ops.STACK, *_listed(arrays), axis=axis)


def split(x: Input, sections: int | Sequence[int], *, axis: int = 0) -> list[Tensor]:
    """x cut along `axis` into equal parts, or at these indices: minigrad/ops/stack.py."""
    shape = np.shape(x.data if isinstance(x, Tensor) else x)
    keys = ops.stack.split_keys(shape, sections, axis)
    return [apply(ops.INDEX, x, key=key) for key in keys]


def index(x: Input, *, key) -> Tensor:
    """x[key], as NumPy indexes: minigrad/ops/shaping.py."""
    return apply(ops.INDEX, x, key=key)


def select_rows(x: Input, rows: np.ndarray) -> Tensor:
    """The given rows of x: (N, D), (M,) -> (M, D): minigrad/ops/embedding.py."""
    return apply(ops.SELECT_ROWS, x, rows)


# -- matrix products ----------------------------------------------------------------------


def matmul(a: Input, b: Input) -> Tensor:
    """a @ b with broadcast leading axes: minigrad/ops/matmul.py."""
    return apply(ops.MATMUL, a, b)


def einsum(subscripts: str, *arrays: Input | Sequence[Input]) -> Tensor:
    """A sum of products with a letter for each axis, such as "bth,hd->btd":
    minigrad/ops/einsum.py."""
    ops.einsum.expect_text(subscripts)
    return apply(ops.EINSUM, *_listed(arrays), subscripts=subscripts)


def linear(x: Input, w: Input, b: Input | None = None) -> Tensor:
    """x @ wᵀ + b: (..., D), (O, D), (O,) -> (..., O): minigrad/ops/linear.py."""
    return apply(ops.LINEAR, x, w) if b is None else apply(ops.LINEAR, x, w, b)


def ternary_linear(
    x: Input, w: Input, *, threshold: float = 1.0, scale: str = "none"
) -> Tensor:
    """x @ (s T(w))ᵀ, T in {-1, 0, 1}: (..., D), (O, D) -> (..., O):
    minigrad/ops/ternary.py."""
    return apply(ops.TERNARY_LINEAR, x, w, threshold=threshold, scale=scale)


def ternary_weights(w: Input, *, threshold: float = 1.0, scale: str = "none") -> Tensor:
    """s T(w) with T in {-1, 0, 1}, in w's shape: minigrad/ops/ternary.py."""
    return apply(ops.TERNARY_WEIGHTS, w, threshold=threshold, scale=scale)


def bit_linear(x: Input, w: Input, g: Input, *, eps: float = 1e-6) -> Tensor:
    """RMSNorm with the gain g (D,), in 8 bits, @ (m t(w))ᵀ with t in {-1, 0, 1}:
    (..., D), (O, D) -> (..., O): minigrad/ops/bit_linear.py."""
    return apply(ops.BIT_LINEAR, x, w, g, eps=eps)


# -- layers -------------------------------------------------------------------------------


def causal_conv(x: Input, w: Input, *, groups: int = 1, dilation: int = 1) -> Tensor:
    """Mix each position with earlier ones: (B, T, D), (O, C, K) -> (B, T, O):
    minigrad/ops/causal_conv.py."""
    return apply(ops.CAUSAL_CONV, x, w, groups=groups, dilation=dilation)


def sigmoid_gate(g: Input, v: Input) -> Tensor:
    """sigmoid(g) · v: minigrad/ops/gated.py."""
    return apply(ops.SIGMOID_GATE, g, v)


def relu_squared_gate(g: Input, v: Input) -> Tensor:
    """max(g, 0)² · v: minigrad/ops/gated.py."""
    return apply(ops.RELU_SQUARED_GATE, g, v)


def silu_gate(g: Input, v: Input) -> Tensor:
    """g · sigmoid(g) · v: minigrad/ops/silu_gate.py."""
    return apply(ops.SILU_GATE, g, v)


def depthwise_conv(x: Input, w: Input) -> Tensor:
    """Mix each channel with its own past: (B, T, D), (D, K) -> (B, T, D):
    minigrad/ops/depthwise_conv.py."""
    return apply(ops.DEPTHWISE_CONV, x, w)


def gated_conv(
    x: Input, w_gate: Input, w_value: Input, *, groups: int = 1, dilation: int = 1
) -> Tensor:
    """sigmoid(conv(x, w_gate)) · conv(x, w_value): minigrad/ops/gated_conv.py."""
    return apply(ops.GATED_CONV, x, w_gate, w_value, groups=groups, dilation=dilation)


def mlgru(a: Input, z: Input, b: Input | None = None, h0: Input | None = None) -> Tensor:
    """The states h_t = f_t h_{t-1} + (1 - f_t) SiLU(a_t), f = b + (1 - b) sigmoid(z), of
    a and z (B, T, D), b (D,) and h0 (B, D), both 0 if not given: minigrad/ops/mlgru.py."""
    values = a.data if isinstance(a, Tensor) else np.asarray(a)
    shape, dtype = values.shape, values.dtype  # not float64, which would change the result's
    b = np.zeros(shape[-1:], dtype) if b is None else b
    h0 = np.zeros(shape[:1] + shape[-1:], dtype) if h0 is None else h0
    return apply(ops.MLGRU, a, z, b, h0)


def rotary(x: Input, *, heads: int = 1, first: int = 0, base: float = 10000.0) -> Tensor:
    """x (B, T, D) with its pairs turned by the positions first, first + 1, ...:
    minigrad/ops/rotary.py."""
    return apply(ops.ROTARY, x, heads=heads, first=first, base=base)


def causal_attention(q: Input, k: Input, v: Input, *, heads: int = 1) -> Tensor:
    """The values v, weighted by how well q meets k, of no later position: (B, T, D) each:
    minigrad/ops/causal_attention.py."""
    return apply(ops.CAUSAL_ATTENTION, q, k, v, heads=heads)


def rms_norm(x: Input, w: Input, *, eps: float = 1e-8) -> Tensor:
    """Scale the rows of x (..., D) to unit root mean square, times w (D,):
    minigrad/ops/rms_norm.py."""
    return apply(ops.RMS_NORM, x, w, eps=eps)


def gated_norm(x: Input, h: Input, w: Input, *, eps: float = 1e-6) -> Tensor:
    """rms_norm(x, w) times silu(h), of x and h (..., D): minigrad/ops/gated_norm.py."""
    return apply(ops.GATED_NORM, x, h, w, eps=eps)


def layer_norm(x: Input, w: Input, b: Input, *, eps: float = 1e-5) -> Tensor:
    """The vectors of x (..., D) with mean 0 and deviation 1, times w (D,), plus b (D,):
    minigrad/ops/layer_norm.py."""
    return apply(ops.LAYER_NORM, x, w, b, eps=eps)


def dropout(x: Input, *, p: float, rng: np.random.Generator | None = None) -> Tensor:
    """x with each element set to 0 with probability p, and the others divided by 1 - p:
    minigrad/ops/dropout.py."""
    return apply(ops.DROPOUT, x, p=p, rng=ops.dropout.generator_of_one_call(rng))


# -- tokens, and losses -------------------------------------------------------------------


def embedding(w: Input, ids: np.ndarray) -> Tensor:
    """The rows ids (...) of the table w (V, D) -> (..., D): minigrad/ops/embedding.py."""
    return apply(ops.EMBEDDING, w, ids)


def mse(x: Input, y: Input) -> Tensor:
    """The mean squared error of x and y, which have one shape: the mean of (x - y)²."""
    x, y = (v if isinstance(v, Tensor) else as_array("mse: input", v) for v in (x, y))
    if x.shape != y.shape:  # (N, 1) and (N,) would broadcast to (N, N) differences
        raise ShapeError(f"mse: x has shape {x.shape}, expected y's shape {y.shape}")
    return mean(power(subtract(x, y), 2))


def cross_entropy(
    z: Input, y: np.ndarray, *, label_smoothing: float = 0.0, z_loss: float = 0.0
) -> Tensor:
    """The mean loss, in nats, of logits z (N, V) for ids y (N,):
    minigrad/ops/cross_entropy.py."""
    return apply(ops.CROSS_ENTROPY, z, y, label_smoothing=label_smoothing, z_loss=z_loss)


def tied_head(
    h: Input,
    w: Input,
    y: np.ndarray,
    *,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
) -> Tensor:
    """The mean loss, in nats, of logits h @ wᵀ (N, V) for ids y: minigrad/ops/tied_head.py."""
    return apply(ops.TIED_HEAD, h, w, y, label_smoothing=label_smoothing, z_loss=z_loss)


def _listed(arrays):
    """(x, y) or ([x, y],): the arrays themselves or a list of them."""
    is_list = bool(arrays) and isinstance(arrays[0], (list, tuple))
    if is_list and len(arrays) == 2 and isinstance(arrays[1], int):
        raise TypeError(f"pass axis by its name: axis={arrays[1]}")
    if arrays and isinstance(arrays[0], Iterator):
        raise TypeError("pass a list of arrays instead of an iterator, as in list(arrays)")
    return arrays[0] if is_list and len(arrays) == 1 else arrays
