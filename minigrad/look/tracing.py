"""Every operation that runs, forward and backward, in order: a line each."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass

from ..engine import observe
from ..ops import RowGradient
from ..tensor import summary


@dataclass
class Event:
    """One operation that ran, forward or backward, and what came out of it."""

    direction: str
    operation: str
    shapes: tuple
    result: str
    seconds: float

    def __str__(self):
        inputs = ", ".join(map(str, self.shapes))
        return f"{self.direction:8} {self.operation:18} {inputs} -> {self.result}"


class _Trace:
    def __init__(self):
        self.events: list[Event] = []

    def forward(self, operation, arrays, options, y, node, seconds):
        shapes = tuple(a.shape for a in arrays)
        self.events.append(Event("forward", operation.name, shapes, summary(y), seconds))

    def backward(self, node, dy, gradients, seconds):
        results = "; ".join("none" if g is None else _summary(g) for g in gradients)
        name = node.operation.name
        self.events.append(Event("backward", name, (dy.shape,), results, seconds))

    def __str__(self):
        return "\n".join(map(str, self.events))


@contextmanager
def trace():
    """Note every operation that runs inside, forward and backward, in order.

    Example:
        >>> from minigrad import Tensor
        >>> x = Tensor([1.0, 2.0], requires_grad=True)
        >>> with trace() as steps:
        ...     (x * x).sum().backward()
        >>> [(event.direction, event.operation) for event in steps.events]
        [('forward', 'multiply'), ('forward', 'sum'), ('backward', 'sum'), \
('backward', 'multiply')]
    """
    with observe(_Trace()) as steps:
        yield steps


def _summary(gradient):
    if isinstance(gradient, RowGradient):
        return f"{gradient.shape} in {len(gradient.ids)} rows: {summary(gradient.rows)}"
    return summary(gradient)
