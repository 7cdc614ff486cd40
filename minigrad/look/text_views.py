"""Views as plain text: `describe` prints a line per array, `trace` a line per operation."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from ..arrays import summary
from ..engine import observe
from ..module import Module
from ..ops import RowGradient
from ..tensor import Tensor


def describe(thing: Tensor | Module | np.ndarray) -> str:
    """One line about an array, about a tensor, or about each parameter of a module.

    Example:
        >>> print(describe(Tensor(np.linspace(-1, 1, 9), requires_grad=True, name="x")))
        x: (9,) float64 -1 to 1, mean 0, std 0.645; gradient none
    """
    if not isinstance(thing, (Module, Tensor)):
        return summary(np.asarray(thing))
    is_module = isinstance(thing, Module)
    tensors = thing.named_parameters() if is_module else [(thing.name or "tensor", thing)]
    lines = [f"{name}: {summary(t.data)}; gradient {_summary(t.grad)}" for name, t in tensors]
    return "\n".join(lines) or f"{type(thing).__name__}: no parameters"


def _summary(gradient):
    if gradient is None:
        return "none"
    if isinstance(gradient, RowGradient):
        return f"{gradient.shape} in {len(gradient.ids)} rows: {summary(gradient.rows)}"
    return summary(gradient)


@dataclass
class Event:
    """One run of an operation, forward or backward, and a line about its result."""

    direction: str
    operation: str
    shapes: tuple
    result: str
    seconds: float

    def __str__(self):
        inputs = ", ".join(map(str, self.shapes))
        return f"{self.direction:8} {self.operation:18} {inputs} -> {self.result}"


class Trace:
    """The operations that ran, as a list of `events` and as text."""

    def __init__(self):
        self.events: list[Event] = []

    def forward(self, operation, arrays, options, y, node, seconds):
        shapes = tuple(a.shape for a in arrays)
        self.events.append(Event("forward", operation.name, shapes, summary(y), seconds))

    def backward(self, node, dy, gradients, seconds):
        name, results = node.operation.name, "; ".join(map(_summary, gradients))
        self.events.append(Event("backward", name, (dy.shape,), results, seconds))

    def __str__(self):
        return "\n".join(map(str, self.events))


def trace() -> AbstractContextManager[Trace]:
    """List every operation that runs inside, forward and backward, in order.

    Example:
        >>> x = Tensor([1.0, 2.0], requires_grad=True)
        >>> with trace() as steps:
        ...     (x * x).sum().backward()
        >>> [f"{event.direction} {event.operation}" for event in steps.events]
        ['forward multiply', 'forward sum', 'backward sum', 'backward multiply']
    """
    return observe(Trace())
