"""The graph of a recorded loss: its values and operations, in the order in which they ran."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..engine import Node
from ..errors import GraphError, ShapeError
from ..gradcheck.inputs import argument_names
from ..guards.writes import expect_old_values
from ..ops import Operation
from ..tensor import Tensor
from .recorder import ENTRIES, ModuleCall, record


@dataclass(eq=False)
class Value:
    """An array of the graph: a leaf's, a constant, or the result of an operation."""

    kind: str  # "leaf", "constant" or "result"
    array: np.ndarray
    leaf: Tensor | None = None


@dataclass(eq=False)
class Application:
    """One operation that ran; `inputs` and `output` are indices of the graph's values."""

    operation: Operation
    options: dict
    saved: object
    arguments: list[str]
    inputs: list[int]
    output: int
    call: ModuleCall | None

    def forward(self, *arrays):
        """The operation's result on other arrays."""
        return np.asarray(self.operation.forward(*arrays, **self.options)[0])


class Graph:
    """All operations that led to a loss, and all values in the order of their first use."""

    def __init__(self, loss: Tensor | Callable[[], Tensor]):
        if callable(loss):
            with record():
                loss = loss()
        _expect_one_number(loss)
        self.values: list[Value] = []
        self.applications: list[Application] = []
        self._index: dict[int, int] = {}  # of a node's result, a leaf or a constant, by its id
        for node in _nodes_before(loss):
            self._add(node)

    def _add(self, node):
        expect_old_values(node)  # a later write would show as a wrong gradient
        arrays, options, result, call = ENTRIES[node]
        inputs = [self._input(*pair) for pair in zip(node.parents, arrays, strict=True)]
        output = self._index[id(node)] = len(self.values)
        self.values.append(Value("result", np.asarray(result)))
        hidden = node.operation.work_options
        visible = {name: option for name, option in options.items() if name not in hidden}
        names = argument_names(node.operation.forward, len(inputs))
        computed = node.operation, visible, node.saved
        self.applications.append(Application(*computed, names, inputs, output, call))

    def _input(self, parent, array):
        """The index of an input's value; a leaf or a constant is added at its first use."""
        key = id(array if parent is None else parent)
        if key not in self._index:
            self._index[key] = len(self.values)
            self.values.append(Value("constant" if parent is None else "leaf", array, parent))
        return self._index[key]


def _expect_one_number(loss):
    if not isinstance(loss, Tensor):
        raise TypeError(
            f"step_through: the loss is of type {type(loss).__name__}, expected a Tensor, or a "
            "function that returns one, computed from tensors with requires_grad=True"
        )
    if loss.size != 1:
        raise ShapeError(
            f"step_through: the loss has shape {loss.shape}, expected one number; reduce it "
            "with .sum() or .mean()"
        )
    if loss.node is None:
        raise GraphError(
            "step_through: no operation was recorded for the loss: it was not computed from a "
            "tensor with requires_grad=True, or inside no_grad, or is itself such a tensor"
        )


def _nodes_before(loss):
    """All nodes that the loss came from, in the order in which they were made."""
    found, waiting = {loss.node}, [loss.node]
    while waiting:
        node = waiting.pop()
        if not node.parents:
            raise GraphError(
                "step_through: the backward of this loss has run and released the saved "
                "arrays; compute the loss again, and step through it before backward"
            )
        if node not in ENTRIES:
            raise GraphError(
                f"step_through: {node} was not recorded; pass a function, step_through(lambda: "
                "...), or compute the loss inside `with minigrad.look.record():`"
            )
        new = {p for p in node.parents if isinstance(p, Node) and p not in found}
        found |= new
        waiting.extend(new)
    return sorted(found, key=lambda node: node.number)
