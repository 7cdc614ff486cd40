"""The profiler: the time, the arithmetic and the memory of each operation and direction."""

import math
import threading
from collections import defaultdict
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from .. import ops
from ..engine import observe

# Multiply-adds of a forward pass, from y and the arrays; a backward pass takes twice as many.
MULTIPLY_ADDS = {
    ops.MATMUL.name: lambda y, a, b: y.size * a.shape[-1],
    ops.LINEAR.name: lambda y, x, w, *_: y.size * x.shape[-1],
    ops.TERNARY_LINEAR.name: lambda y, x, w: y.size * x.shape[-1],
    ops.BIT_LINEAR.name: lambda y, x, w, g: y.size * x.shape[-1],
    ops.CAUSAL_CONV.name: lambda y, x, w: y.size * w[0].size,
    ops.GATED_CONV.name: lambda y, x, w, _: 2 * y.size * w[0].size,
    ops.CAUSAL_ATTENTION.name: lambda y, q, k, v: (
        2 * len(q) * q.shape[2] * ops.causal_attention_fast.computed_scores(q.shape[1])
    ),
    ops.TIED_HEAD.name: lambda y, h, w, _: h.size * len(w),
}


@dataclass
class OperationStats:
    """The sums over all calls of one operation in one direction."""

    calls: int = 0
    seconds: float = 0.0
    multiply_adds: int = 0
    bytes_kept: int = 0
    bytes_moved: int = 0

    @property
    def gflops(self) -> float:
        """Billions of floating-point operations per second; a multiply-add counts as two."""
        return 2e-9 * self.multiply_adds / max(self.seconds, 1e-12)


class Profile:
    """The OperationStats of each (operation's name, "forward" or "backward").

    With several `workers`, a second of one thread counts as 1/workers seconds, so that the sum
    over all operations is the elapsed time.
    """

    def __init__(self, workers: int = 1):
        self.workers = workers
        self.stats: dict[tuple[str, str], OperationStats] = defaultdict(OperationStats)
        self._main_thread, self._lock = threading.get_ident(), threading.Lock()
        self._backward_counts: dict = {}  # multiply-adds by the number of the node

    def forward(self, operation, arrays, options, y, node, seconds):
        count = MULTIPLY_ADDS.get(operation.name, lambda *_: 0)(y, *arrays)
        if operation.name == ops.EINSUM.name:
            count = _einsum_multiply_adds(arrays, **options)
        if operation.name == ops.TIED_HEAD.name:  # its forward also computes the gradients
            count *= 3 if options.get("with_dw", True) else 2
        elif node is not None and count:
            self._backward_counts[node.number] = 2 * count
        kept = saved_bytes(node.saved) if node is not None else 0
        self._add(operation.name, "forward", seconds, count, kept, saved_bytes([arrays, y]))

    def backward(self, node, dy, gradients, seconds):
        count = self._backward_counts.pop(node.number, 0)
        moved = saved_bytes([dy, node.saved, gradients])
        self._add(node.operation.name, "backward", seconds, count, 0, moved)

    def _add(self, name, direction, seconds, multiply_adds, kept, moved):
        in_parallel = threading.get_ident() != self._main_thread
        with self._lock:
            stats = self.stats[name, direction]
            stats.calls += 1
            stats.seconds += seconds / self.workers if in_parallel else seconds
            stats.multiply_adds += multiply_adds
            stats.bytes_kept += kept
            stats.bytes_moved += moved

    def __str__(self):
        return self.table()

    def table(self, steps: int = 1, seconds: float | None = None) -> str:
        """A line per operation and direction: the mean over `steps` of `seconds` each."""
        total = seconds or sum(s.seconds for s in self.stats.values()) / steps or 1.0
        heads = ("calls", "ms", "share", "GFLOP/s", "MB kept", "MB moved")
        lines = [f"{'operation':20}{'':9}" + "".join(f"{head:>10}" for head in heads)]
        ordered = sorted(self.stats.items(), key=lambda item: -item[1].seconds)
        for (name, direction), stats in ordered:
            per_step = stats.seconds / steps
            lines.append(
                f"{name:20}{direction:9}{stats.calls / steps:10g}{1e3 * per_step:10.2f}"
                f"{per_step / total:10.1%}{stats.gflops:10.1f}"
                f"{stats.bytes_kept / steps / 1e6:10.2f}{stats.bytes_moved / steps / 1e6:10.2f}"
            )
        return "\n".join(lines)


def profile(workers: int = 1) -> AbstractContextManager[Profile]:
    """Time every operation that runs inside. The Profile prints as a table.

    "MB kept" counts a saved array at each operation that saves it, weights included. "MB moved"
    is the least that an operation reads and writes: its inputs and its results.
    """
    return observe(Profile(workers))


def _einsum_multiply_adds(arrays, subscripts):
    """One for each combination of the letters of two arrays; the order of more is not known."""
    shapes = [a.shape for a in arrays]
    inputs, _ = ops.einsum.parse(subscripts, shapes)
    sizes: dict[str, int] = {}
    for letters, shape in zip(inputs, shapes, strict=True):
        sizes.update((c, n) for c, n in zip(letters, shape, strict=True) if n != 1)
    return math.prod(sizes.values()) if len(arrays) == 2 else 0


def saved_bytes(saved) -> int:
    """The bytes of all arrays in a forward's saved values.

    Example:
        >>> saved_bytes((np.zeros(3), 0.5, [np.zeros(2, np.float32)]))
        32
    """
    if isinstance(saved, (np.ndarray, np.generic, ops.RowGradient)):
        return saved.nbytes
    return sum(map(saved_bytes, saved)) if isinstance(saved, (tuple, list)) else 0
