"""Usual mistakes in rms_norm, embedding, causal_conv and the engine."""

from __future__ import annotations

import numpy as np

from minigrad import Tensor, engine
from minigrad.ops import RowGradient
from minigrad.ops.causal_conv import causal_conv_backward, causal_conv_forward
from minigrad.ops.embedding import embedding_backward
from minigrad.ops.rms_norm import rms_norm_backward, rms_norm_forward

from ..comparing import dense
from ..function_tests.engine import leaf_gradients


def _mean_square(x, **over):
    return (x * x).mean(**(over or {"axis": -1, "keepdims": True}))


def _r(x, eps=1e-8):
    return (_mean_square(x) + eps) ** -0.5


def _dx(x, w, dy, eps=1e-8, *, n=None, mean=None):
    """dx as on the page of rms_norm, but with another n or another mean in its last term."""
    r, dn = _r(x, eps), dy * w
    n_dn = x * r * dn
    return r * (dn - (x * r if n is None else n) * (mean or _row_mean)(n_dn))


def _row_mean(array):
    return array.mean(axis=-1, keepdims=True)


def _overwrite_rows(w, ids, dy):
    dw = np.zeros(w.shape)
    dw[ids] = dy
    return dw


def _first_group(x, w, groups=1, **options):
    first = np.tile(x[..., : w.shape[1]], groups)
    return causal_conv_forward(first, w, groups=groups, **options)[0]


def _groups_in_turn(x, w, groups=1, **options):
    order = np.argsort(np.arange(len(w)) % groups, kind="stable")
    y, _ = causal_conv_forward(x, w[order], groups=groups, **options)
    return y[..., np.argsort(order)]


def _conv_gradients(x, w, dy, **options):
    return causal_conv_backward(dy, causal_conv_forward(x, w, **options)[1])


def _add_rows_once(data, gradients):
    grad = np.zeros(data.shape)
    for gradient in gradients:
        if isinstance(gradient, RowGradient):
            grad[gradient.ids] += gradient.rows
        else:
            grad += gradient
    return grad


def _walk_keeping_the_last(root, dy):
    """Walk back, but keep only the last gradient that arrives at each node and leaf."""
    waiting, arrived = {root}, {root: dy}
    while waiting:
        node = max(waiting, key=lambda node: node.number)
        waiting.remove(node)
        gradients = node.operation.backward(dense(arrived.pop(node)), node.saved)
        for parent, gradient in zip(node.parents, gradients, strict=True):
            if parent is not None and gradient is not None:
                arrived[parent] = gradient
                waiting |= {parent} if isinstance(parent, engine.Node) else set()
    return arrived  # of the leaves alone


_GROUP = "Output o belongs to the group o // (O/G)."
_LAST_ONLY = (
    "+= is missing: only the last of several gradients was kept. A value that is used twice "
    "changes the loss in two ways, and its gradient is the sum of both."
)
MISTAKES = {
    (rms_norm_forward, "y"): [
        (
            "the rows are divided by the mean square, not by its root.",
            lambda x, w, eps=1e-8: x * _r(x, eps) ** 2 * w,
        ),
        (
            "the code has a sum of squares where the page has their mean.",
            lambda x, w, eps=1e-8: x * ((x * x).sum(axis=-1, keepdims=True) + eps) ** -0.5 * w,
        ),
        (
            "the mean runs over the whole array, not over each row.",
            lambda x, w, eps=1e-8: x * (_mean_square(x, axis=None) + eps) ** -0.5 * w,
        ),
        (
            "ε was added to the root; it belongs under it, to the mean square.",
            lambda x, w, eps=1e-8: x / (_mean_square(x) ** 0.5 + eps) * w,
        ),
        ("the gain w is missing.", lambda x, w, eps=1e-8: x * _r(x, eps)),
    ],
    (rms_norm_backward, "x"): [
        (
            "dx is r dn: r depends on every x of its row, too, and that part, -r n mean(dn "
            "n), is missing.",
            lambda x, w, dy, eps=1e-8: _r(x, eps) * dy * w,
        ),
        (
            "the code has a sum over the row where the page has a mean.",
            lambda **case: _dx(**case, mean=lambda a: a.sum(axis=-1, keepdims=True)),
        ),
        ("the code has x where the page has n = r x.", lambda **case: _dx(**case, n=case["x"])),
        (
            "the mean runs over the whole array, not over each row.",
            lambda **case: _dx(**case, mean=np.mean),
        ),
        ("dn is dy, without w.", lambda x, w, **case: _dx(x, np.ones_like(w), **case)),
    ],
    (rms_norm_backward, "w"): [
        (
            "dw is a sum of dy x: w was multiplied by n = r x, not by x.",
            lambda x, w, dy, eps=1e-8: (dy * x).reshape(-1, w.size).sum(axis=0),
        )
    ],
    (embedding_backward, "w"): [
        (
            "+= is missing: an id that repeats gets only the gradient of its last position. "
            "dw[ids] += dy does not help, because NumPy adds to each id once; np.add.at, a "
            "loop, or a RowGradient does.",
            _overwrite_rows,
        )
    ],
    (causal_conv_forward, "y"): [
        (
            "the taps are in reversed order: the last tap sees the present, lag_k = "
            "(K-1-k)·dilation.",
            lambda x, w, **options: causal_conv_forward(x, w[..., ::-1], **options)[0],
        ),
        (f"every output sees the channels of the first group. {_GROUP}", _first_group),
        (f"the outputs are assigned to the groups in turn. {_GROUP}", _groups_in_turn),
    ],
    (causal_conv_backward, "x"): [
        (
            "the taps are in reversed order in dx.",
            lambda x, w, dy, **options: _conv_gradients(x, w[..., ::-1], dy, **options)[0],
        )
    ],
    (causal_conv_backward, "w"): [
        (
            "the taps are in reversed order in dw.",
            lambda x, w, dy, **options: _conv_gradients(x, w, dy, **options)[1][..., ::-1],
        )
    ],
    (Tensor.accumulate, "grad"): [
        (_LAST_ONLY, lambda data, gradients: dense(gradients[-1])),
        (
            "the rows of an id that repeats were added once; gradient.add_to(table) adds "
            "them all.",
            _add_rows_once,
        ),
    ],
    **{
        (engine.backward_steps, name): [
            (
                _LAST_ONLY,
                lambda name=name, **case: leaf_gradients(_walk_keeping_the_last, case)[name],
            )
        ]
        for name in ("x", "w")
    },
}
