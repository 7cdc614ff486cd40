"""accumulate, backward_steps."""

from __future__ import annotations

import numpy as np

from minigrad.ops import RowGradient

from .registry import mistake

LAST_ONLY = (
    "+= is missing: of several gradients only the last one was kept. What is used twice moves "
    "the loss in two ways, and its gradient is the sum of both."
)


@mistake("accumulate", "grad", LAST_ONLY)
def _(data, gradients):
    last = gradients[-1]
    return last.dense() if isinstance(last, RowGradient) else last


@mistake(
    "accumulate",
    "grad",
    "rows of an id that repeats were added once; gradient.add_to(table) adds them all.",
)
def _(data, gradients):
    grad = np.zeros(data.shape)
    for gradient in gradients:
        if isinstance(gradient, RowGradient):
            grad[gradient.ids] += gradient.rows
        else:
            grad += gradient
    return grad


def _last_only(name):
    """A walk that keeps, for each node and leaf, only the last gradient that arrives."""

    def wrong(**case):
        from ..probing.engine import leaf_gradients

        return leaf_gradients(_walk, case)[name]

    return wrong


def _walk(root, dy):
    waiting, in_flight, leaves = [root], {root: dy}, {}
    while waiting:
        node = max(waiting, key=lambda node: node.number)
        waiting.remove(node)
        dy = in_flight.pop(node)
        dy = dy.dense() if isinstance(dy, RowGradient) else dy
        gradients = node.operation.backward(dy, node.saved)
        for parent, gradient in zip(node.parents, gradients, strict=True):
            if parent is None or gradient is None:
                continue
            if not hasattr(parent, "operation"):
                leaves[parent] = gradient
            else:
                if parent not in in_flight:
                    waiting.append(parent)
                in_flight[parent] = gradient
    return leaves


for _name in ("x", "w"):
    mistake("backward_steps", _name, LAST_ONLY)(_last_only(_name))
