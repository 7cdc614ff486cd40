"""Record a computation: each operation's arrays, options and result, and its module calls.

Training needs none of these, so the engine does not keep them. The viewer collects them through
`minigrad.engine.observe`. An entry lives as long as its node, so that it is freed together with
the graph of the loss.
"""

import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import FrameType
from weakref import WeakKeyDictionary

from ..engine import Node, observe
from ..module import Module


@dataclass(eq=False)
class ModuleCall:
    """One call of a module, and the call that encloses it, if any."""

    module: Module
    enclosing: "ModuleCall | None"

    def with_enclosing(self) -> "list[ModuleCall]":
        """All calls around an operation, from the outermost to this one."""
        outer = self.enclosing.with_enclosing() if self.enclosing else []
        return [*outer, self]

    def outermost(self) -> "ModuleCall":
        call = self
        while call.enclosing is not None:
            call = call.enclosing
        return call


# Of each recorded operation: its arrays, options, result and innermost module call, or None.
ENTRIES: WeakKeyDictionary[Node, tuple] = WeakKeyDictionary()


def record() -> AbstractContextManager:
    """Keep the arrays, options and module calls of every operation that runs inside.

    `step_through` needs them of a loss that is computed first. They are kept as long as the
    graph of the loss, by reference: call `step_through` before parameters change in place.

    Example:
        >>> from minigrad import Tensor
        >>> from minigrad.look import step_through
        >>> x = Tensor([3.0], requires_grad=True)
        >>> with record():
        ...     loss = (x * x).sum()
        >>> step_through(loss).data["values"][1]["name"]
        'multiply 1'
    """
    return observe(_Recorder())


class _Recorder:
    """An observer that finds the module calls on the Python stack; the engine knows none."""

    def __init__(self):
        # Frames are held until the recording ends. The address of a freed frame is reused, so
        # two calls of one module could look like one.
        self.calls: dict[FrameType, ModuleCall] = {}

    def forward(self, operation, arrays, options, y, node, seconds):
        if node is not None:
            ENTRIES[node] = arrays, options, y, self._module_call(sys._getframe(1))

    def backward(self, node, dy, gradients, seconds):
        pass

    def _module_call(self, frame):
        """The innermost module call around this frame of the Python stack, or None."""
        while frame is not None and frame.f_code is not Module.__call__.__code__:
            frame = frame.f_back
        if frame is None:
            return None
        if frame not in self.calls:
            enclosing = self._module_call(frame.f_back)
            self.calls[frame] = ModuleCall(frame.f_locals["self"], enclosing)
        return self.calls[frame]
