"""Usual mistakes in operations without weights.

MISTAKES gives, for a function and its result, hints; each with a formula that makes the same
mistake on the inputs of a case.
"""

from __future__ import annotations

import numpy as np

from minigrad.ops.activations import (
    relu_squared_backward,
    relu_squared_forward,
    sigmoid_backward,
)
from minigrad.ops.activations import sigmoid as right_sigmoid
from minigrad.ops.cross_entropy import cross_entropy_backward
from minigrad.ops.elementwise import multiply_backward, sum_to_shape
from minigrad.ops.gated import sigmoid_gate_backward
from minigrad.ops.matmul import matmul_backward

_ONE_COPY = "only one of the copies counts; sum over the axes that were broadcast."


def _transpose(m):
    return np.swapaxes(m, -1, -2)


def _not_transposed(m):
    """The matrix as it is, if the product is then possible."""
    return m if m.shape[-1] == m.shape[-2] else _transpose(m)


def _one_copy(gradient, shape):
    gradient = gradient[(0,) * (gradient.ndim - len(shape))]
    return gradient[tuple(slice(0, size) for size in shape)]


def _sigmoid(x):
    return right_sigmoid(np.asarray(x))


def _softmax(z, axis=-1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _dz(z, y, dy, label_smoothing=0.0, z_loss=0.0, *, p=None, one_hot=None, V=None):
    """dz as on the page of cross_entropy, but with the values passed in."""
    lse = np.log(np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1)) + z.max(axis=1)
    p = _softmax(z) if p is None else p
    dz = p * (1 + 2 * z_loss * lse[:, None]) - label_smoothing / (V or z.shape[1])
    dz[np.arange(len(y)), y] -= 1 - label_smoothing if one_hot is None else one_hot
    return dz * dy / len(y)


MISTAKES = {
    (multiply_backward, "a"): [
        (
            "da is dy times a: the derivative of a b by a is b, the other factor.",
            lambda a, b, dy: sum_to_shape(dy * a, a.shape),
        ),
        (
            "da is dy alone: the factor b is missing.",
            lambda a, b, dy: sum_to_shape(dy, a.shape),
        ),
    ],
    (multiply_backward, "b"): [
        (
            "db is dy times b: the derivative of a b by b is a, the other factor.",
            lambda a, b, dy: sum_to_shape(dy * b, b.shape),
        ),
        (
            "db is dy alone: the factor a is missing.",
            lambda a, b, dy: sum_to_shape(dy, b.shape),
        ),
    ],
    (matmul_backward, "a"): [
        (
            "b is not transposed: da = dy bᵀ.",
            lambda a, b, dy: sum_to_shape(dy @ _not_transposed(b), a.shape),
        ),
        (_ONE_COPY, lambda a, b, dy: _one_copy(dy @ _transpose(b), a.shape)),
    ],
    (matmul_backward, "b"): [
        (
            "a is not transposed: db = aᵀ dy.",
            lambda a, b, dy: sum_to_shape(_not_transposed(a) @ dy, b.shape),
        ),
        (_ONE_COPY, lambda a, b, dy: _one_copy(_transpose(a) @ dy, b.shape)),
    ],
    (relu_squared_forward, "y"): [
        ("y is max(x, 0), without the square.", lambda x: np.maximum(x, 0))
    ],
    (relu_squared_backward, "x"): [
        (
            "dx is dy where x > 0: that is the gradient of relu, without the square.",
            lambda x, dy: np.where(x > 0, dy, 0),
        )
    ],
    (sigmoid_backward, "x"): [
        (
            "dx is dy σ(y)(1 - σ(y)): y is σ(x) already, so that dx = dy y (1 - y).",
            lambda x, dy: dy * _sigmoid(_sigmoid(x)) * (1 - _sigmoid(_sigmoid(x))),
        )
    ],
    (sigmoid_gate_backward, "g"): [
        ("the factor 1 - σ(g) is missing in dg.", lambda g, v, dy: dy * v * _sigmoid(g)),
        (
            "the factor v is missing in dg.",
            lambda g, v, dy: dy * _sigmoid(g) * (1 - _sigmoid(g)),
        ),
    ],
    (sigmoid_gate_backward, "v"): [
        ("dv is dy g: v was multiplied by σ(g), not by g.", lambda g, v, dy: dy * g)
    ],
    (cross_entropy_backward, "z"): [
        (
            "the one-hot is 1; with smoothing it is 1 - ε.",
            lambda z, y, dy, **options: _dz(z, y, dy, **options, one_hot=1.0),
        ),
        (
            "the one-hot of the right word is missing.",
            lambda z, y, dy, **options: _dz(z, y, dy, **options, one_hot=0.0),
        ),
        (
            "ε is divided among V - 1 words; the page divides it among V.",
            lambda z, y, dy, **options: _dz(z, y, dy, **options, V=z.shape[1] - 1),
        ),
        (
            "the softmax runs over the rows, not over the words.",
            lambda z, y, dy, **options: _dz(z, y, dy, **options, p=_softmax(z, axis=0)),
        ),
        (
            "the one-hot stands one word too high.",
            lambda z, y, dy, **options: _dz(z, (y + 1) % z.shape[1], dy, **options),
        ),
        (
            "the z-loss lacks its factor 2: d(lse²) is 2 lse d(lse).",
            lambda z, y, dy, z_loss=0.0, **options: _dz(z, y, dy, z_loss=z_loss / 2, **options),
        ),
    ],
}
