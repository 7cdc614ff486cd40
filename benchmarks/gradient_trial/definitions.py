"""The operations of the table on numbers of 120 digits, each by its definition.

They are written apart from minigrad/ops: no saved values, no care for overflow or speed.
"""

import math

import numpy as np

from gradient_trial.exact import exact_array
from minigrad import TABLE


def total(x, axis, keepdims=False):
    return np.asarray(x).sum(axis=axis, keepdims=keepdims)


def mean(x, axis=None, keepdims=False):
    y = total(x, axis, keepdims)
    return y / (x.size // max(1, np.size(y)))


def var(x, *, axis=None, ddof=0, keepdims=False):
    c = x - mean(x, axis, True)
    y = total(c * c, axis, keepdims)
    return y / (x.size // max(1, np.size(y)) - ddof)


def layer_norm(x, w, b, *, eps=1e-5):
    return (x - mean(x, -1, True)) / np.sqrt(var(x, axis=-1, keepdims=True) + eps) * w + b


def rms_norm(x, w, *, eps=1e-8):
    return x / np.sqrt(mean(x * x, -1, True) + eps) * w


def softmax(x, *, axis=-1):
    return np.exp(x) / total(np.exp(x), axis, True)


def log_softmax(x, *, axis=-1):
    return x - np.log(total(np.exp(x), axis, True))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return exact_array(np.maximum(x, 0))


def gelu(x, *, approximate="none"):
    if approximate == "tanh":
        return x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2
    y = np.empty(x.shape, object)
    for index in np.ndindex(x.shape):
        y[index] = x[index] * (1 + (x[index] / ROOT_OF_TWO).erf()) / 2
    return y


def causal_conv(x, w, *, groups=1, dilation=1):
    (B, T, _), (O, C, K) = x.shape, w.shape
    y = np.zeros((B, T, O), object)
    for b, t, o, k, c in np.ndindex(B, T, O, K, C):
        earlier = t - (K - 1 - k) * dilation
        if earlier >= 0:
            y[b, t, o] += x[b, earlier, o // (O // groups) * C + c] * w[o, c, k]
    return y


def gated_conv(x, w_gate, w_value, **options):
    return sigmoid(causal_conv(x, w_gate, **options)) * causal_conv(x, w_value, **options)


def cross_entropy(z, y, *, label_smoothing=0.0, z_loss=0.0):
    lse = np.log(np.exp(z).sum(axis=1))
    smooth = mean(z, 1) * label_smoothing
    right = z[np.arange(len(z)), y] * (1 - label_smoothing)
    return mean(lse - right - smooth + z_loss * lse * lse)


def tied_head(h, w, y, **options):
    return cross_entropy(h @ w.T, y, **options)


def ternary_weights(w, *, threshold=1.0, scale="none"):
    """The surrogate: w passes straight through."""
    w0 = np.array([float(number.value) for number in w.flat]).reshape(w.shape)
    tau = threshold * np.abs(w0).mean()
    T, kept = (w0 > tau) * 1.0 - (w0 < -tau), np.abs(w0)[np.abs(w0) > tau]
    s = {"none": 1.0, "mean": np.abs(w0).mean(), "kept": kept.mean() if kept.size else 0.0}
    return s[scale] * T + (w - w0)


DEFINITIONS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "power": lambda a, *, p: a**p,
    "general_power": lambda a, b: np.exp(b * np.log(a)),
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "relu": relu,
    "relu_squared": lambda x: relu(x) * relu(x),
    "abs": np.abs,
    "clip": lambda x, *, low, high: np.minimum(np.maximum(x, low), high),
    "maximum": np.maximum,
    "minimum": np.minimum,
    "where": np.where,
    "masked_fill": lambda x, mask, *, value: np.where(mask, value, x),
    "gelu": gelu,
    "silu": lambda x: x * sigmoid(x),
    "sum": lambda x, *, axis=None, keepdims=False: total(x, axis, keepdims),
    "mean": lambda x, *, axis=None, keepdims=False: mean(x, axis, keepdims),
    "cumulative_sum": lambda x, *, axis: np.cumsum(x, axis=axis),
    "var": var,
    "max": lambda x, *, axis=None: np.max(x, axis=axis),
    "min": lambda x, *, axis=None: np.min(x, axis=axis),
    "softmax": softmax,
    "log_softmax": log_softmax,
    "matmul": lambda a, b: a @ b,
    "linear": lambda x, w, b=0: x @ w.T + b,
    "ternary_linear": lambda x, w, **options: x @ ternary_weights(w, **options).T,
    "ternary_weights": ternary_weights,
    "causal_conv": causal_conv,
    "gated_conv": gated_conv,
    "sigmoid_gate": lambda g, v: sigmoid(g) * v,
    "relu_squared_gate": lambda g, v: relu(g) * relu(g) * v,
    "rms_norm": rms_norm,
    "layer_norm": layer_norm,
    "cross_entropy": cross_entropy,
    "tied_head": tied_head,
}


def definition(name):
    """The operation `name` on exact numbers; those that only move elements run as they are."""
    moving = lambda *arrays, **options: TABLE[name].forward(*arrays, **options)[0]  # noqa: E731
    return DEFINITIONS.get(name, moving)


ROOT_OF_TWO = math.sqrt(2)  # as the float that the operations use
