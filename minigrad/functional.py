"""The operations of the table as functions of Tensors.

An input is a Tensor, an array or a number. Only Tensors with requires_grad=True get a gradient.
Each docstring names the page that holds the mathematics and the two plain functions.
"""

import numpy as np

from . import ops
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


def power(a: Input, *, p: float) -> Tensor:
    """a to the power p, one number: minigrad/ops/elementwise.py."""
    return apply(ops.POWER, a, p=p)


def exp(x: Input) -> Tensor:
    """e to the power x: minigrad/ops/activations.py."""
    return apply(ops.EXP, x)


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


# -- sums and shapes ----------------------------------------------------------------------


def sum(x: Input, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum over all axes, or over `axis`: minigrad/ops/reductions.py."""
    return apply(ops.SUM, x, axis=axis, keepdims=keepdims)


def mean(x: Input, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean over all axes, or over `axis`: minigrad/ops/reductions.py."""
    return apply(ops.MEAN, x, axis=axis, keepdims=keepdims)


def reshape(x: Input, *, shape: tuple[int, ...]) -> Tensor:
    """The same numbers in another shape; one size may be -1: minigrad/ops/shaping.py."""
    return apply(ops.RESHAPE, x, shape=shape)


def transpose(x: Input, *, axes: tuple[int, ...] | None = None) -> Tensor:
    """The axes in reverse order, or in the order `axes`: minigrad/ops/shaping.py."""
    return apply(ops.TRANSPOSE, x, axes=axes)


def concatenate(*arrays: Input, axis: int = 0) -> Tensor:
    """The arrays one after another along `axis`: minigrad/ops/shaping.py."""
    return apply(ops.CONCATENATE, *arrays, axis=axis)


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


def gated_conv(
    x: Input, w_gate: Input, w_value: Input, *, groups: int = 1, dilation: int = 1
) -> Tensor:
    """sigmoid(conv(x, w_gate)) · conv(x, w_value): minigrad/ops/gated_conv.py."""
    return apply(ops.GATED_CONV, x, w_gate, w_value, groups=groups, dilation=dilation)


def rms_norm(x: Input, w: Input, *, eps: float = 1e-8) -> Tensor:
    """Scale the rows of x (..., D) to unit root mean square, times w (D,):
    minigrad/ops/rms_norm.py."""
    return apply(ops.RMS_NORM, x, w, eps=eps)


def layer_norm(x: Input, w: Input, b: Input, *, eps: float = 1e-5) -> Tensor:
    """The vectors of x (..., D) with mean 0 and deviation 1, times w (D,), plus b (D,):
    minigrad/ops/layer_norm.py."""
    return apply(ops.LAYER_NORM, x, w, b, eps=eps)


def dropout(x: Input, *, p: float, rng: np.random.Generator | None = None) -> Tensor:
    """x with each element set to 0 with probability p, and the others divided by 1 - p:
    minigrad/ops/dropout.py."""
    return apply(ops.DROPOUT, x, p=p, rng=rng)


# -- tokens -------------------------------------------------------------------------------


def embedding(w: Input, ids: np.ndarray) -> Tensor:
    """The rows ids (...) of the table w (V, D) -> (..., D): minigrad/ops/embedding.py."""
    return apply(ops.EMBEDDING, w, ids)


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
