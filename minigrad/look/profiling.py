"""Where the time goes: what each operation cost, by its name and direction."""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from ..engine import observe

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
