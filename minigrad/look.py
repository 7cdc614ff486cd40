"""Looking at what runs: a line about an array, every step of a pass, where the time goes.

All three watch through minigrad.engine.observe; the engine knows nothing of them.
"""

from __future__ import annotations

import math
import threading
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


# Multiply-adds of a forward pass, from y and the arrays; a backward pass takes twice as many.
PRODUCTS = {
    "matmul": lambda y, a, b: y.size * a.shape[-1],
    "linear": lambda y, x, w, *_: y.size * x.shape[-1],
    "ternary_linear": lambda y, x, w: y.size * x.shape[-1],
    "causal_conv": lambda y, x, w: y.size * w[0].size,
    "gated_conv": lambda y, x, w, _: 2 * y.size * w[0].size,
    "tied_head": lambda y, h, w, _: h.size * len(w),
}


@dataclass
class Share:
    """What one operation cost in one direction."""

    calls: int = 0
    seconds: float = 0.0
    multiply_adds: int = 0
    bytes_kept: int = 0
    bytes_moved: int = 0

    @property
    def gflops(self) -> float:
        """Billions of floating-point operations a second, two for a multiply-add."""
        return 2e-9 * self.multiply_adds / max(self.seconds, 1e-12)


@dataclass(eq=False)  # two that saw the same are still two, for `observe` to tell apart
class Profile:
    """What each operation cost, by its name and direction.

    Of what `workers` threads do side by side, each second counts as one of `workers`, so that
    seconds add up to those on the clock.
    """

    workers: int = 1
    shares: dict = field(default_factory=lambda: defaultdict(Share))

    def __post_init__(self):
        self.main, self.lock = threading.get_ident(), threading.Lock()
        self._products: dict = {}  # of the nodes whose backward is to come

    def forward(self, operation, arrays, options, y, node, seconds):
        count = PRODUCTS.get(operation.name, lambda *_: 0)(y, *arrays)
        if operation.name == "tied_head":  # its gradients are made in the forward pass
            count *= 3 if options.get("with_dw", True) else 2
        elif node is not None and count:
            self._products[node.number] = 2 * count
        kept = saved_bytes(node.saved) if node is not None else 0
        moved = saved_bytes(arrays) + y.nbytes
        self._add(operation.name, "forward", seconds, count, kept, moved)

    def backward(self, node, dy, gradients, seconds):
        count = self._products.pop(node.number, 0)
        results = sum(g.nbytes for g in gradients if g is not None)
        moved = saved_bytes([dy, node.saved]) + results
        self._add(node.operation.name, "backward", seconds, count, 0, moved)

    def _add(self, name, direction, seconds, multiply_adds, kept, moved):
        alone = threading.get_ident() == self.main
        with self.lock:
            share = self.shares[name, direction]
            share.calls += 1
            share.seconds += seconds if alone else seconds / self.workers
            share.multiply_adds += multiply_adds
            share.bytes_kept += kept
            share.bytes_moved += moved

    def __str__(self):
        return self.table()

    def table(self, steps: int = 1, seconds: float | None = None) -> str:
        """A line per operation and direction: its part of `steps`, each of `seconds`."""
        total = seconds or math.fsum(s.seconds for s in self.shares.values()) / steps or 1.0
        heads = ("calls", "ms", "share", "GFLOP/s", "MB kept", "MB moved")
        lines = [f"{'operation':20}{'':9}" + "".join(f"{head:>10}" for head in heads)]
        ordered = sorted(self.shares.items(), key=lambda item: -item[1].seconds)
        for (name, direction), share in ordered:
            each = share.seconds / steps
            lines.append(
                f"{name:20}{direction:9}{share.calls / steps:10g}{1e3 * each:10.2f}"
                f"{each / total:10.1%}{share.gflops:10.1f}"
                f"{share.bytes_kept / steps / 1e6:10.2f}{share.bytes_moved / steps / 1e6:10.2f}"
            )
        return "\n".join(lines)


@contextmanager
def profile(workers: int = 1):
    """Time every operation that runs inside; print the Profile that this gives.

    "MB kept" counts each saved array at each operation that saves it, weights included. "MB
    moved" is what an operation has to read and write at least: its inputs and its results. Both
    and the seconds are those of all calls together.
    """
    with observe(Profile(workers)) as result:
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
