"""Record a computation: each operation's arrays, options and result, and its module calls.

Training needs none of these, so the engine does not keep them. The viewer collects them through
`minigrad.engine.observe`. An entry lives as long as its node, so that it is freed together with
the graph of the loss.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from weakref import WeakKeyDictionary

import numpy as np

from ..engine import Node, observe
from ..module import Module


@dataclass(eq=False)
class ModuleCall:
    """One call of a module, and the call that encloses it, if any."""

    module: Module
    enclosing: ModuleCall | None

    def with_enclosing(self) -> list[ModuleCall]:
        """All calls around an operation, from the outermost to this one."""
        outer = self.enclosing.with_enclosing() if self.enclosing else []
        return [*outer, self]


@dataclass(eq=False)
class Entry:
    """One operation that ran: its inputs, options and result, and its innermost module call."""

    arrays: tuple[np.ndarray, ...]
    options: dict
    result: np.ndarray
    call: ModuleCall | None


ENTRIES: WeakKeyDictionary[Node, Entry] = WeakKeyDictionary()


@contextmanager
def record():
    """Keep, for each operation that runs inside, what `step_through` shows of it.

    All arrays are kept by reference for as long as the loss is. Do not change parameters in
    place before `step_through` is called.

    Example:
        >>> from minigrad import Tensor
        >>> from minigrad.look import step_through
        >>> x = Tensor([3.0], requires_grad=True)
        >>> with record():
        ...     loss = (x * x).sum()
        >>> step_through(loss).data["values"][1]["name"]
        'multiply 1'
    """
    with observe(_Recorder()) as recorder:
        try:
            yield
        finally:
            recorder.calls.clear()  # a frame holds the local variables of its call


class _Recorder:
    def __init__(self):
        # Frames are held while the recording runs: the address of a freed frame is reused, and
        # two calls of one module could not be told apart.
        self.calls: dict[FrameType, ModuleCall] = {}

    def forward(self, operation, arrays, options, y, node, seconds):
        if node is not None:
            call = self._module_call(sys._getframe(1))
            ENTRIES[node] = Entry(arrays, options, y, call)

    def backward(self, node, dy, gradients, seconds):
        pass

    def _module_call(self, frame):
        """The innermost call of a module that this frame of the Python stack is a part of."""
        while frame is not None and frame.f_code is not Module.__call__.__code__:
            frame = frame.f_back
        if frame is None:
            return None
        if frame not in self.calls:
            enclosing = self._module_call(frame.f_back)
            self.calls[frame] = ModuleCall(frame.f_locals["self"], enclosing)
        return self.calls[frame]
