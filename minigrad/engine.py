"""Automatic differentiation: record each operation, then walk the record backward.

In the whole project, dx means ∂loss/∂x, an array of the shape of x. An operation is a pair of
functions on arrays, such as those of minigrad/ops/elementwise.py:

    y, saved  = forward(*arrays, **options)
    gradients = backward(dy, saved)          one dx for each array, None for arrays of ids

A leaf is a tensor whose gradient is wanted, such as a weight. A tensor that no leaf led to is a
constant. `run` computes one operation. If a leaf led to an input, it records a Node: the saved
values, and the nodes that computed the inputs. `backward_steps` starts at the loss, calls the
backward of each node, and sends each input its gradient.

An operation uses only results that exist, so every user of a node has a higher number than the
node. The walk always takes the highest number that waits: all users on a way to the loss had
their turn before, and the gradient is complete. There is no sorting pass and no recursion.

A node links to its parents, never to the Tensor that it computed or to an array not saved.
So there are no reference cycles, and memory is freed as soon as nothing uses it.
"""

import heapq
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from .errors import GraphError
from .guards.own_operations import expect_gradients, expect_pair
from .guards.writes import NUMBERS, expect_old_values
from .ops import Operation, RowGradient
from .recording import no_grad

_observers: list = []  # see `observe`
RELEASED = object()  # replaces a node's saved arrays after its backward


class Node:
    """One recorded operation.

    parents[i] is the Node that computed input i, or the leaf itself, or None for a constant.
    """

    __slots__ = ("__weakref__", "number", "operation", "parents", "saved", "shape")

    def __init__(self, operation, saved, parents, shape):
        self.number = next(NUMBERS)  # in the order of creation
        self.operation, self.saved, self.parents = operation, saved, parents
        self.shape = shape  # of the output, and so of its gradient

    def __repr__(self):
        return f"Node {self.number} {self.operation.name}"

    def __reduce__(self):  # of copy.deepcopy and pickle
        raise GraphError(
            f"this tensor was computed by {self.operation.name}, and its graph cannot be "
            "copied or pickled; copy its numbers with Tensor(t.data.copy())"
        )


def run(operation: Operation, arrays, options, parents):
    """Compute y = operation(arrays); returns y and its Node, or None if nothing is recorded."""
    start = perf_counter()
    result = operation.forward(*arrays, **options)
    seconds = perf_counter() - start
    y, saved = expect_pair(operation, result)
    # If all inputs are constants, nobody wants a gradient, and nothing is kept.
    recorded = not no_grad.blocks.get() and any(parent is not None for parent in parents)
    node = Node(operation, saved, parents, y.shape) if recorded else None
    for observer in _observers:
        observer.forward(operation, arrays, options, y, node, seconds)
    return y, node


def backward_steps(root: Node, dy) -> Iterator[tuple]:
    """Walk back from `root`, whose output has the gradient `dy`, one node at a time.

    Yields (node, dy, gradients) after each node's backward. Raises a GraphError if a node was
    walked before, because its saved arrays are released then.
    """
    in_flight = {root: dy}  # of each node that waits: the sum of the gradients that reached it
    waiting = [(-root.number, root)]  # a heap of negated numbers: the highest comes first
    while waiting:
        _, node = heapq.heappop(waiting)
        dy = _dense(in_flight.pop(node))  # complete: every user of the output had its turn
        gradients = _backward(node, dy)
        for parent, gradient in zip(node.parents, gradients, strict=True):
            if parent is None or gradient is None:
                continue  # a constant, or an array of ids
            if not isinstance(parent, Node):
                parent.accumulate(gradient)
            elif parent in in_flight:  # a second path from the loss to this parent: they add
                in_flight[parent] = add_gradients(in_flight[parent], gradient)
            else:
                in_flight[parent] = gradient
                heapq.heappush(waiting, (-parent.number, parent))
        yield node, dy, gradients
        node.parents = ()  # nothing holds the walked part any more
        del dy, gradients, parent, gradient  # else they would live until the next node is done


def _backward(node, dy):
    if node.saved is RELEASED:
        raise GraphError(
            f"backward: {node} was walked before and what it saved is released; "
            "run the forward again before a second backward"
        )
    expect_old_values(node)
    start = perf_counter()
    gradients = node.operation.backward(dy, node.saved)
    seconds = perf_counter() - start
    expect_gradients(node, gradients)
    for observer in _observers:
        observer.backward(node, dy, gradients, seconds)
    node.saved = RELEASED  # saved arrays die as the walk passes
    return gradients


def add_gradients(a, b):
    """a + b in a new array: a may be another node's gradient, too, and `+=` would change that.

    The gradient of a lookup is a RowGradient: some rows of the table, and their ids. Two of
    them stay rows.
    """
    if isinstance(a, RowGradient):
        a, b = b, a  # if one of them is dense, it is a now
    if not isinstance(b, RowGradient):
        return a + b  # both are dense
    if isinstance(a, RowGradient):
        return RowGradient.joined([a, b])
    total = a.copy()
    b.add_to(total)
    return total


def _dense(gradient):
    return gradient.dense() if isinstance(gradient, RowGradient) else gradient


@contextmanager
def observe(observer):
    """Call `observer` for every operation that runs inside.

    Its method forward(operation, arrays, options, y, node, seconds) runs after each forward,
    backward(node, dy, gradients, seconds) after each backward, before node.saved is released.
    """
    _observers.append(observer)
    try:
        yield observer
    finally:
        _observers.remove(observer)
