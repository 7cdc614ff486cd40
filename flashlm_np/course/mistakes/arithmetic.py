"""multiply, relu_squared, sigmoid, sigmoid_gate."""

from __future__ import annotations

import numpy as np

from minigrad.ops.elementwise import sum_to_shape

from .registry import mistake


@mistake(
    "multiply_backward",
    "a",
    "da is dy times a: the derivative of a b by a is b, the other factor.",
)
def _(a, b, dy):
    return sum_to_shape(dy * a, a.shape)


@mistake("multiply_backward", "a", "da is dy alone: the factor b is missing.")
def _(a, b, dy):
    return sum_to_shape(dy, a.shape)


@mistake(
    "multiply_backward",
    "b",
    "db is dy times b: the derivative of a b by b is a, the other factor.",
)
def _(a, b, dy):
    return sum_to_shape(dy * b, b.shape)


@mistake("multiply_backward", "b", "db is dy alone: the factor a is missing.")
def _(a, b, dy):
    return sum_to_shape(dy, b.shape)


@mistake("matmul_backward", "a", "b is not transposed: da = dy bᵀ.")
def _(a, b, dy):
    square = b.shape[-1] == b.shape[-2]
    return sum_to_shape(dy @ (b if square else np.swapaxes(b, -1, -2)), a.shape)


@mistake("matmul_backward", "b", "a is not transposed: db = aᵀ dy.")
def _(a, b, dy):
    square = a.shape[-1] == a.shape[-2]
    return sum_to_shape((a if square else np.swapaxes(a, -1, -2)) @ dy, b.shape)


FIRST_COPY = "only one of the copies counts; sum over the axes that were broadcast."


@mistake("matmul_backward", "a", FIRST_COPY)
def _(a, b, dy):
    return _first_copy(dy @ np.swapaxes(b, -1, -2), a.shape)


@mistake("matmul_backward", "b", FIRST_COPY)
def _(a, b, dy):
    return _first_copy(np.swapaxes(a, -1, -2) @ dy, b.shape)


def _first_copy(gradient, shape):
    gradient = gradient[(0,) * (gradient.ndim - len(shape))]
    return gradient[tuple(slice(0, size) for size in shape)]


@mistake("relu_squared_forward", "y", "y is max(x, 0), without the square.")
def _(x):
    return np.maximum(x, 0)


@mistake(
    "relu_squared_backward", "x", "dx is dy where x > 0: that is relu's, without the square."
)
def _(x, dy):
    return np.where(x > 0, dy, 0)


@mistake(
    "sigmoid_backward",
    "x",
    "dx is dy σ(y)(1 - σ(y)): y is σ(x) already, so that dx = dy y (1 - y).",
)
def _(x, dy):
    s = _sigmoid(_sigmoid(x))
    return dy * s * (1 - s)


@mistake("sigmoid_gate_backward", "g", "the factor 1 - σ(g) is missing in dg.")
def _(g, v, dy):
    return dy * v * _sigmoid(g)


@mistake("sigmoid_gate_backward", "g", "the factor v is missing in dg.")
def _(g, v, dy):
    return dy * _sigmoid(g) * (1 - _sigmoid(g))


@mistake("sigmoid_gate_backward", "v", "dv is dy g: v was multiplied by σ(g), not by g.")
def _(g, v, dy):
    return dy * g


def _sigmoid(x):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))
