"""The tests of the engine's own functions: a leaf's sum, and the walk back through a graph."""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from minigrad import Tensor
from minigrad import functional as F
from minigrad.engine import backward_steps
from minigrad.ops import RowGradient

from ..exercise import Failure
from ..inputs import arrays_in, case, example_array
from . import FunctionTest

_MAX_STEPS = 3000  # ends a walk that never stops; the longest chain has 2000 nodes


class AccumulateTest(FunctionTest):
    """Passes several gradients to one leaf."""

    def call(self, functions, case, locked):
        leaf, buffer = Tensor(case["data"], requires_grad=True), None
        for gradient in case["gradients"]:
            functions["accumulate"](leaf, gradient)
            _expect_own_buffer(leaf.grad, buffer, gradient)
            buffer = leaf.grad
        return {"grad": leaf.grad}


def _expect_own_buffer(grad, buffer, gradient):
    if grad is None:
        raise Failure("accumulate: self.grad is still None", "keep the sum in self.grad.")
    if any(np.shares_memory(grad, array) for array in arrays_in(gradient)):
        raise Failure(
            "accumulate: self.grad is the array that was passed in",
            "the next += would change the caller's array. Begin with a buffer of zeros like "
            "self.data, and add to it.",
        )
    if buffer is not None and grad is not buffer:
        raise Failure(
            "accumulate: self.grad is a new array after another gradient",
            "add in place, self.grad += gradient: a leaf keeps one buffer.",
        )


class BackwardStepsTest(FunctionTest):
    """Walks back through small graphs; the results are the gradients of the leaves."""

    result_text = "the gradient of {}"

    def call(self, functions, case, locked):
        leaves, root, dy = _graph(case)
        steps = functions["backward_steps"](root, dy)
        if not isinstance(steps, Iterator):
            found = "None" if steps is None else type(steps).__name__
            raise Failure(
                f"backward_steps: returns {found}, expected a generator",
                "yield (node, dy, gradients) after each node.",
            )
        count = 0
        for step in islice(steps, _MAX_STEPS):
            _expect_step(step)
            count += 1
        gradients = {name: leaf.grad for name, leaf in leaves.items()}
        return gradients | {"number of steps": count}


def _expect_step(step):
    if not isinstance(step, tuple) or len(step) != 3:
        found = f"a tuple of {len(step)}" if isinstance(step, tuple) else type(step).__name__
        raise Failure(
            f"backward_steps: yields {found}, expected (node, dy, gradients)",
            "yield these three after each node.",
        )


def _graph(case):
    """The leaves of a case by name, the last node of its graph, and a dy."""
    leaves = {
        name: Tensor(array, requires_grad=True)
        for name, array in case.items()
        if isinstance(array, np.ndarray)
    }
    # The case holds the text, so that the student reads the code that was run.
    loss = eval(case["loss"], {"F": F, "chain": _chain, **leaves})
    return leaves, loss.node, example_array(loss.shape, 6).astype(loss.dtype)


def _chain(x, length):
    """x + 1 + 1 + ..., a graph that is deeper than Python's stack."""
    for _ in range(length):
        x = x + 1
    return x


_TABLE = example_array((3, 2), 1)
_TWICE = RowGradient(np.array([1, 1]), example_array((2, 2)), (3, 2))
_GRADIENTS = [
    case({"data": (2,)}, gradients=[example_array((2,), 1)]),
    case({"data": (2,)}, gradients=[example_array((2,), 1), example_array((2,), 4)]),
    case({"data": (3, 2)}, gradients=[_TWICE]),
    case({"data": (3, 2)}, gradients=[_TABLE, _TWICE, 2 * _TABLE]),
]
_GRAPHS = [
    case({"x": (2,)}, loss="x * 2"),
    case({"x": (2,)}, loss="x * 2 * 3"),
    case({"x": (2,)}, loss="x * x + x"),
    case({"x": (2,), "w": (2,)}, loss="x * w + x"),
    case({"x": (2,)}, loss="(y := x * x) * y"),
    case({"x": (2,)}, loss="(y := x * 3) * 2 * y"),
    case({"x": (2,)}, loss="(y := x * 3) * (y * 2)"),
    case({"w": (3, 2)}, loss="F.embedding(w, [1, 1]) + w[:2]"),
    case({"w": (3, 2)}, loss="F.embedding(w * 2, [1, 1])"),
    case({"x": (2,)}, loss="chain(x, 2000)"),
]
ENGINE_TESTS = [
    AccumulateTest(Tensor.accumulate, _GRADIENTS),
    BackwardStepsTest(backward_steps, _GRAPHS),
]
