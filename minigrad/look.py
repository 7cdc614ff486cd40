"""Looking at what runs: a line about an array, every step of a pass, where the time goes.

All three watch through minigrad.engine.observe; the engine knows nothing of them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from .engine import observe
from .module import Module
from .ops import RowGradient
from .tensor import Tensor, summary


def describe(thing: Tensor | Module | np.ndarray) -> str:
    """What a tensor, an array or a module's parameters look like, a line each.

    Example:
        >>> print(describe(Tensor(np.linspace(-1, 1, 9), requires_grad=True, name="x")))
        x: (9,) float64 -1 to 1, mean 0, std 0.645; gradient none
    """
    if isinstance(thing, Module):
        return "\n".join(_describe_tensor(p, name) for name, p in thing.named_parameters())
    if isinstance(thing, Tensor):
        return _describe_tensor(thing, thing.name)
    return summary(np.asarray(thing))


def _describe_tensor(tensor, name):
    gradient = "none" if tensor.grad is None else summary(tensor.grad)
    return f"{name or 'tensor'}: {summary(tensor.data)}; gradient {gradient}"


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
        >>> x = Tensor([1.0, 2.0], requires_grad=True)
        >>> with trace() as steps:
        ...     (x * x).sum().backward()
        >>> [(event.direction, event.operation) for event in steps.events]
        [('forward', 'multiply'), ('forward', 'sum'), ('backward', 'sum'), \
('backward', 'multiply')]
    """
    with observe(_Trace()) as steps:
        yield steps


@dataclass
class _Share:
    """What one operation cost in one direction."""

    calls: int = 0
    seconds: float = 0.0
    bytes_kept: int = 0


@dataclass(eq=False)  # two that saw the same are still two, for `observe` to tell apart
class Profile:
    """Calls, seconds and bytes kept for backward, per operation and direction."""

    shares: dict = field(default_factory=lambda: defaultdict(_Share))

    def forward(self, operation, arrays, options, y, node, seconds):
        kept = saved_bytes(node.saved) if node is not None else 0
        self._add(operation.name, "forward", seconds, kept)

    def backward(self, node, dy, gradients, seconds):
        self._add(node.operation.name, "backward", seconds, 0)

    def _add(self, name, direction, seconds, kept):
        share = self.shares[name, direction]
        share.calls += 1
        share.seconds += seconds
        share.bytes_kept += kept

    def __str__(self):
        total = math.fsum(share.seconds for share in self.shares.values()) or 1.0
        lines = [
            f"{'operation':20}{'':9}{'calls':>6}{'seconds':>10}{'share':>8}{'MB kept':>10}"
        ]
        ordered = sorted(self.shares.items(), key=lambda item: -item[1].seconds)
        for (name, direction), share in ordered:
            lines.append(
                f"{name:20}{direction:9}{share.calls:6}{share.seconds:10.4f}"
                f"{share.seconds / total:8.1%}{share.bytes_kept / 1e6:10.2f}"
            )
        return "\n".join(lines)


@contextmanager
def profile():
    """Time every operation that runs inside; print the Profile that this gives.

    "MB kept" counts each saved array at each operation that saves it, weights included.
    """
    with observe(Profile()) as result:
        yield result


def saved_bytes(saved) -> int:
    """The bytes of the arrays in what a forward saved."""
    if isinstance(saved, (np.ndarray, np.generic)):
        return saved.nbytes
    return sum(map(saved_bytes, saved)) if isinstance(saved, (tuple, list)) else 0


def _summary(gradient):
    if isinstance(gradient, RowGradient):
        return f"{gradient.shape} in {len(gradient.ids)} rows: {summary(gradient.rows)}"
    return summary(gradient)
