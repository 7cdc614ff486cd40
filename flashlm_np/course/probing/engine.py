"""Probes of the engine's own functions: a leaf's sum, and the walk back through a graph."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from minigrad import Tensor
from minigrad import functional as F
from minigrad.ops import RowGradient

from ..verdict import Trouble
from .inputs import arrays_in, numbers


def accumulate(functions, case, guard):
    leaf, buffer = Tensor(case["data"], requires_grad=True), None
    for gradient in case["gradients"]:
        functions["accumulate"](leaf, gradient)
        if leaf.grad is None:
            raise Trouble(
                "accumulate: self.grad is None after it", "keep the sum in self.grad."
            )
        if any(np.shares_memory(leaf.grad, array) for array in arrays_in(gradient)):
            raise Trouble(
                "accumulate: self.grad is the very array that was passed in",
                "the next += would write into somebody else's array. Begin with a buffer of "
                "zeros like self.data, and add to it.",
            )
        if buffer is not None and leaf.grad is not buffer:
            raise Trouble(
                "accumulate: self.grad is a new array after another gradient",
                "add in place, self.grad += gradient: a leaf keeps one buffer.",
            )
        buffer = leaf.grad
    return {"grad": leaf.grad}


def backward_steps(functions, case, guard):
    leaves, root, dy = _graph(case)
    into = dict(case["into"]) if "into" in case else None
    enough = 2 * _count_nodes(root)
    steps = functions["backward_steps"](root, dy, into)
    if not isinstance(steps, Iterator):
        raise Trouble(
            f"backward_steps: returns {'None' if steps is None else type(steps).__name__}, "
            "expected a generator",
            "yield (node, dy, gradients) after each node.",
        )
    taken = [_expect_step(step) for step in islice(steps, enough)]
    if into is not None and any(leaf.grad is not None for leaf in leaves.values()):
        raise Trouble(
            "backward_steps: a leaf has a grad, although `into` is given",
            "with `into`, gather there, leaf by leaf, and call no leaf's accumulate.",
        )
    found = {
        name: leaf.grad if into is None else _dense(into.get(leaf))
        for name, leaf in leaves.items()
    }
    return found | {"number of steps": len(taken)}


def leaf_gradients(walk, case):
    """What another walk, (root, dy) -> gradients by leaf, gives for the leaves of a case."""
    leaves, root, dy = _graph(case)
    gradients = walk(root, dy)
    return {name: _dense(gradients.get(leaf)) for name, leaf in leaves.items()}


def _graph(case):
    """The leaves of a case by name, the last node of its graph, and a dy."""
    leaves = {
        name: Tensor(array, requires_grad=True)
        for name, array in case.items()
        if isinstance(array, np.ndarray)
    }
    # The text is our own, in inputs.py: what is printed is what was run.
    loss = eval(case["loss"], {"F": F, "chain": _chain, **leaves})
    return leaves, loss.node, numbers(loss.shape, 6).astype(loss.dtype)


def _chain(x, length):
    """x + 1 + 1 + ..., a graph that is deeper than Python's stack."""
    for _ in range(length):
        x = x + 1
    return x


def _expect_step(step):
    if not isinstance(step, tuple) or len(step) != 3:
        kind = f"a tuple of {len(step)}" if isinstance(step, tuple) else type(step).__name__
        raise Trouble(f"backward_steps: yields {kind}, expected (node, dy, gradients)")
    return step


def _count_nodes(root):
    waiting, seen = [root], {root}
    while waiting:
        for parent in waiting.pop().parents:
            if parent is not None and not isinstance(parent, Tensor) and parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return len(seen)


def _dense(gradient):
    return gradient.dense() if isinstance(gradient, RowGradient) else gradient
