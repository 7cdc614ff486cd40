"""The graph of a recorded loss: its values and operations, in the order in which they ran."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..engine import Node
from ..errors import GraphError, ShapeError
from ..gradcheck.inputs import argument_names
from ..guards.writes import expect_old_values
from ..ops import Operation, RowGradient
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
        self._names: dict[tuple, list[str]] = {}  # of arguments, by the forward and their count
        for node in _nodes_before(loss):
            self._add(node)
        self.last = self.applications[-1].output  # the loss
        self.users: list[list[int]] = [[] for _ in self.values]  # applications, by their inputs
        for i, a in enumerate(self.applications):
            for value in dict.fromkeys(a.inputs):
                self.users[value].append(i)

    def contributions(self, a: Application, dy, saved) -> list[np.ndarray | None]:
        """The gradients that an operation's backward sends to its inputs; None to constants."""
        gradients = a.operation.backward(dy, saved)
        wanted = [self.values[i].kind != "constant" for i in a.inputs]
        return [_dense(g) if w else None for g, w in zip(gradients, wanted, strict=True)]

    def gradients(self, loss: np.ndarray, saved: list) -> list[np.ndarray | None]:
        """The complete gradient of each value, or None, from what each operation saved."""
        totals: list[np.ndarray | None] = [None] * len(self.values)
        totals[self.last] = np.ones_like(loss)
        for a, kept in reversed(list(zip(self.applications, saved, strict=True))):
            if (dy := totals[a.output]) is not None:
                gradients = self.contributions(a, dy, kept)
                for i, gradient in zip(a.inputs, gradients, strict=True):
                    if gradient is not None:
                        totals[i] = gradient if totals[i] is None else totals[i] + gradient
        return totals

    def _add(self, node):
        expect_old_values(node)  # a later write would show as a wrong gradient
        arrays, options, result, call = ENTRIES[node]
        inputs = [self._input(*pair) for pair in zip(node.parents, arrays, strict=True)]
        output = self._index[id(node)] = len(self.values)
        self.values.append(Value("result", np.asarray(result)))
        hidden = node.operation.work_options
        visible = {name: option for name, option in options.items() if name not in hidden}
        names = self._argument_names(node.operation.forward, len(inputs))
        computed = node.operation, visible, node.saved
        self.applications.append(Application(*computed, names, inputs, output, call))

    def _argument_names(self, forward, count):
        if (forward, count) not in self._names:
            self._names[forward, count] = argument_names(forward, count)
        return self._names[forward, count]

    def _input(self, parent, array):
        """The index of an input's value; a leaf or a constant is added at its first use."""
        key = id(array if parent is None else parent)
        if key not in self._index:
            self._index[key] = len(self.values)
            self.values.append(Value("constant" if parent is None else "leaf", array, parent))
        return self._index[key]


def _dense(gradient):
    return gradient.dense() if isinstance(gradient, RowGradient) else gradient


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
