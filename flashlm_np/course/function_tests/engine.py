"""The tests of the engine's own functions: a leaf's sum, and the walk back through a graph."""

from collections.abc import Iterator
from itertools import combinations, islice
from typing import ClassVar

import numpy as np

from minigrad import Tensor
from minigrad.engine import Node, backward_steps

from ..comparing import dense
from ..exercise import Failure
from ..inputs import arrays_in
from . import FunctionTest
from .engine_cases import GRADIENTS, GRAPHS
from .graphs import make_graph, make_leaves, nodes_of
from .operations import DY

_MAX_STEPS = 2000  # ends a walk that never stops; the longest chain has 1100 nodes
_MAX_SHOWN = 20  # nodes whose gradients are compared, too


class AccumulateTest(FunctionTest):
    """Passes several gradients to one leaf."""

    result_text = "self.{}"

    def call(self, functions, case, locked):
        leaf, buffer = Tensor(case["data"], requires_grad=True), None
        for gradient in case["gradients"]:
            functions["accumulate"](leaf, gradient)
            _expect_own_buffer(leaf, buffer, gradient)
            buffer = leaf.grad
        return {"grad": leaf.grad}


def _expect_own_buffer(leaf, buffer, gradient):
    grad = leaf.grad
    if grad is None:
        raise Failure("accumulate: self.grad is still None", "keep the sum in self.grad.")
    if _share_memory(grad, leaf.data):
        raise Failure(
            "accumulate: self.grad is self.data",
            "the gradient needs memory of its own: np.zeros_like(self.data).",
        )
    if any(_share_memory(grad, array) for array in arrays_in(gradient)):
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


def _share_memory(one, other):
    return isinstance(one, np.ndarray) and np.shares_memory(one, other)


_STEPS = "the number of steps"
_CHANGED = "the number of arrays that changed after they were passed on"
_SHARED = "the number of leaves whose gradient shares memory"


class BackwardStepsTest(FunctionTest):
    """Walks back through small graphs; the results are the gradients of leaves and nodes."""

    result_text = "{}"
    hints: ClassVar = {
        _CHANGED: "a += in place changes dy too, which add gives to both of its inputs, and "
        "reshape as a view. add_gradients(a, b) makes a new array.",
        _SHARED: "a leaf keeps its gradient after the walk: leaf.accumulate(gradient) adds "
        "it into an array of the leaf.",
        _STEPS: "yield (node, dy, gradients) once for each node.",
    }

    causes = (_CHANGED,)

    def case(self, template, numbers):
        case = super().case(template, numbers)
        return case | {"dy": numbers.array(make_graph(case, make_leaves(case)).shape, DY)}

    def call(self, functions, case, locked):
        leaves = make_leaves(case)
        results, passed_on = {}, []
        for _ in range(case.get("walks", 1)):
            root, dy = make_graph(case, leaves), case["dy"].copy()  # one that can be written to
            nodes = nodes_of(root)
            steps = _walk(functions["backward_steps"], root, dy, nodes, passed_on)
            results |= {f"the gradient of {name}": leaf.grad for name, leaf in leaves.items()}
            results[_STEPS] = len(steps)
            results |= _gradients_of_nodes(steps, nodes) if len(nodes) <= _MAX_SHOWN else {}
        results[_CHANGED] = sum(a.tobytes() != copy.tobytes() for a, copy in passed_on)
        if len(nodes) <= _MAX_SHOWN:
            results[_SHARED] = _number_of_shared(leaves, [array for array, _ in passed_on])
        return results


def _walk(function, root, dy, nodes, passed_on):
    """The steps; adds each array, and a copy, to `passed_on` as soon as it is passed on."""
    passed_on.append((dy, dy.copy()))
    steps = []
    for step in islice(_generator(function(root, dy)), _MAX_STEPS):
        _expect_step(step, nodes)
        passed_on += [(array, array.copy()) for array in arrays_in(step[1:])]
        steps.append(step)
    return steps


def _generator(steps):
    if not isinstance(steps, Iterator):
        found = "None" if steps is None else type(steps).__name__
        raise Failure(
            f"backward_steps: returns {found}, expected a generator",
            "yield (node, dy, gradients) after each node.",
        )
    return steps


def _expect_step(step, nodes):
    if not isinstance(step, tuple) or len(step) != 3:
        found = f"a tuple of {len(step)}" if isinstance(step, tuple) else type(step).__name__
        raise Failure(
            f"backward_steps: yields {found}, expected (node, dy, gradients)",
            "yield these three after each node.",
        )
    node, dy, gradients = step
    if not isinstance(node, Node) or node not in nodes:
        raise Failure(
            "backward_steps: yields a first value that is no node of this graph",
            "yield (node, dy, gradients) after each node.",
        )
    for name, value in {"dy": dy, "gradients": gradients}.items():
        kind = tuple if name == "gradients" else np.ndarray
        if not isinstance(value, kind):
            raise Failure(
                f"backward_steps: yields a {type(value).__name__} as {name}",
                "yield dy as an array, and the gradients as _backward returned them.",
            )


def _gradients_of_nodes(steps, nodes):
    """What each node received, and what it passed on."""
    results = {}
    for node, dy, gradients in steps:
        results[f"dy of {nodes[node]}"] = dy
        for position, gradient in enumerate(gradients):
            results[f"gradient {position} of {nodes[node]}"] = dense(gradient)
    return results


def _number_of_shared(leaves, arrays):
    """Leaves whose gradient shares memory with another leaf's, or with an array of the walk."""
    own = [leaf.grad for leaf in leaves.values() if isinstance(leaf.grad, np.ndarray)]
    pairs = sum(np.shares_memory(one, other) for one, other in combinations(own, 2))
    return pairs + sum(any(np.shares_memory(grad, a) for a in arrays) for grad in own)


ENGINE_TESTS = [
    AccumulateTest(Tensor.accumulate, GRADIENTS),
    BackwardStepsTest(backward_steps, GRAPHS),
]
