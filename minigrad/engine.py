"""Automatic differentiation: record each operation, then walk the record backward.

`run` computes one operation. Where a gradient will be wanted, it records a Node: the values
that the forward saved, and the nodes that computed its inputs. `backward_steps` starts at the
loss. It gives each node the gradient dy of its output and passes on those of its inputs.

Nodes are numbered in the order of creation, and an operation uses only what exists already. So
falling numbers are a topological order: a node's turn comes after the turns of all its users,
and its gradient is then complete. There is no sorting pass and no recursion.

A node links to its parents, never to its own output and never to an array that it did not save.
So there are no reference cycles, and everything is freed as soon as it is not used any more.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter

from .errors import GraphError
from .ops import Operation, RowGradient

_numbers = itertools.count()
_recording: ContextVar[bool] = ContextVar("recording", default=True)
_observers: list = []  # see `observe`
RELEASED = object()  # replaces a node's saved arrays after its backward


class Node:
    """One recorded operation.

    parents[i] is the Node that computed input i, or the leaf itself, or None for a constant.
    """

    __slots__ = ("__weakref__", "number", "operation", "parents", "saved")

    def __init__(self, operation, saved, parents):
        self.number = next(_numbers)
        self.operation, self.saved, self.parents = operation, saved, parents

    def __repr__(self):
        return f"Node {self.number} {self.operation.name}"


def run(operation: Operation, arrays, options, parents):
    """Compute y = operation(arrays); returns y and its Node, or None if nothing is recorded."""
    start = perf_counter()
    y, saved = operation.forward(*arrays, **options)
    seconds = perf_counter() - start
    recorded = _recording.get() and any(parent is not None for parent in parents)
    node = Node(operation, saved, parents) if recorded else None
    for observer in _observers:
        observer.forward(operation, arrays, options, y, node, seconds)
    return y, node


def backward_steps(root: Node, dy) -> Iterator[tuple]:
    """Walk back from `root`, whose output has the gradient `dy`, one node at a time.

    Yields (node, dy, gradients) after each node's backward. Leaves have received theirs then.
    `for _ in backward_steps(...): pass` is the whole backward pass.

    Raises:
        GraphError: a node was walked before, so its saved arrays are released.
    """
    in_flight = {root: dy}  # the sum so far of the gradients that reached a node
    waiting = [(-root.number, root)]  # a heap: the highest number comes first
    while waiting:
        _, node = heapq.heappop(waiting)
        dy = _dense(in_flight.pop(node))  # complete: every user of the output had its turn
        gradients = _backward(node, dy)
        for parent, gradient in zip(node.parents, gradients, strict=True):
            if parent is None or gradient is None:
                continue  # a constant, or ids
            if not isinstance(parent, Node):
                parent.accumulate(gradient)
            elif parent in in_flight:  # a second path from the loss to this parent: they add
                in_flight[parent] = add_gradients(in_flight[parent], gradient)
            else:
                in_flight[parent] = gradient
                heapq.heappush(waiting, (-parent.number, parent))
        yield node, dy, gradients
        node.parents = ()
        del dy, gradients, parent, gradient  # else they would live until the next node is done


def _backward(node, dy):
    if node.saved is RELEASED:
        raise GraphError(
            f"backward: {node} was walked before and what it saved is released; "
            "run the forward again before a second backward"
        )
    start = perf_counter()
    gradients = node.operation.backward(dy, node.saved)
    seconds = perf_counter() - start
    for observer in _observers:
        observer.backward(node, dy, gradients, seconds)
    node.saved = RELEASED  # saved arrays die as the walk passes
    return gradients


def add_gradients(a, b):
    """a + b in a new array: `+=` would be wrong where a and b share memory."""
    if isinstance(a, RowGradient):
        a, b = b, a
    if not isinstance(b, RowGradient):
        return a + b
    total = a.dense() if isinstance(a, RowGradient) else a.copy()
    b.add_to(total)
    return total


def _dense(gradient):
    return gradient.dense() if isinstance(gradient, RowGradient) else gradient


@contextmanager
def no_grad():
    """Record nothing inside: less memory, and no backward."""
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


@contextmanager
def observe(observer):
    """Call `observer` for every operation that runs inside.

    It has two methods: forward(operation, arrays, options, y, node, seconds) runs after each
    forward, and backward(node, dy, gradients, seconds) after each backward, while node.saved is
    still there.
    """
    _observers.append(observer)
    try:
        yield observer
    finally:
        _observers.remove(observer)
