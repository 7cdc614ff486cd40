"""The computation behind a loss, as data: what was used, what was done, and doing it again.

A recorded loss holds its operations but not what came out of them: training has no use for
that. But each operation can be run again, from the leaves on, in the precision one likes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..engine import Call, Node, recording
from ..errors import GraphError, ShapeError
from ..gradcheck.watch import argument_names
from ..ops import Operation
from ..tensor import Tensor, apply


@dataclass(eq=False)
class Value:
    """A leaf, a constant, or the result of an operation. A result's array is not kept."""

    kind: str  # "leaf", "constant" or "result"
    leaf: Tensor | None = None
    constant: np.ndarray | None = None


@dataclass(eq=False)
class Application:
    """One operation that was applied to some of the graph's values, by their positions."""

    operation: Operation
    options: dict
    arguments: list[str]
    inputs: list[int]
    output: int
    call: Call | None


class Graph:
    """Every operation that led to `loss`, in order, and every value, in order of use.

    Raises:
        ShapeError: the loss is not one number.
        TypeError: the loss is no Tensor.
        GraphError: the loss was not recorded, or its backward has run.
    """

    def __init__(self, loss: Tensor):
        if not isinstance(loss, Tensor):
            raise TypeError(
                f"step_through: the loss is of type {type(loss).__name__}, expected a Tensor, "
                "computed from tensors with requires_grad=True"
            )
        if loss.size != 1:
            raise ShapeError(
                f"step_through: the loss has shape {loss.shape}, expected one number; reduce "
                "it with .sum() or .mean()"
            )
        self.values: list[Value] = []
        self.applications: list[Application] = []
        self._position: dict[int, int] = {}  # of the value of each node and leaf, by id
        for node in _nodes_before(loss):
            self._add(node)

    def _add(self, node):
        constants = node.constants or (None,) * len(node.parents)
        inputs = [self._input(*pair) for pair in zip(node.parents, constants, strict=True)]
        self._position[id(node)] = len(self.values)
        self.values.append(Value("result"))
        operation, options = node.operation, node.options or {}
        self.applications.append(
            Application(
                operation,
                {name: v for name, v in options.items() if name not in operation.how},
                argument_names(operation.forward, len(inputs)),
                inputs,
                len(self.values) - 1,
                node.call,
            )
        )

    def _input(self, parent, constant):
        """The position of the value that a node took as one of its inputs."""
        key = id(constant if parent is None else parent)
        if key not in self._position:
            kind = "constant" if parent is None else "leaf"
            self._position[key] = len(self.values)
            self.values.append(Value(kind, parent, constant))
        return self._position[key]

    @recording()
    def run(self, dtype=None) -> list[Tensor | np.ndarray]:
        """Compute everything again, recorded: a Tensor per value; leaves are fresh ones.

        Constants stay arrays. With a `dtype`, leaves and what is computed from them take it.
        """
        tensors: list[Tensor | np.ndarray] = []
        made = {application.output: application for application in self.applications}
        for position, value in enumerate(self.values):
            if value.kind == "result":
                a = made[position]
                inputs = [tensors[i] for i in a.inputs]
                tensors.append(apply(a.operation, *inputs, **a.options))
            elif value.kind == "leaf":
                data = value.leaf.data
                data = data if dtype is None else data.astype(dtype)
                tensors.append(Tensor(data, requires_grad=True))
            else:
                tensors.append(value.constant)
        return tensors


def arrays_of(values: list[Tensor | np.ndarray]) -> list[np.ndarray]:
    """The arrays behind what `Graph.run` gave."""
    return [value.data if isinstance(value, Tensor) else value for value in values]


def _nodes_before(loss):
    """Every node that the loss came from, in the order in which they were made."""
    if loss.node is None:
        raise GraphError(
            "step_through: no operation was recorded for the loss: it was not computed from a "
            "tensor with requires_grad=True, or inside no_grad, or is itself such a tensor"
        )
    found, waiting = {loss.node}, [loss.node]
    while waiting:
        node = waiting.pop()
        if node.walked:
            raise GraphError(
                "step_through: the backward of this loss has run, and what its operations had "
                "saved is released; compute the loss again, and step through it before backward"
            )
        new = {p for p in node.parents if isinstance(p, Node) and p not in found}
        found |= new
        waiting.extend(new)
    return sorted(found, key=lambda node: node.number)
