"""One run of the user's test, and the forwards that it made."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import update_wrapper

import numpy as np

from .results import arrays_in

KEPT = 1000  # forwards of one test; differences may run a forward very often
KEPT_BYTES = 2**28  # of all these forwards


@dataclass
class Forward:
    """One call of the forward: its inputs, its output, and what it saved."""

    arrays: tuple
    options: dict
    y: object
    saved: object


@dataclass
class Run:
    """One run of the user's test, with one mistake or with none."""

    mistake: Callable | None = None  # takes a Call, returns its wrong gradients
    forwards: list[Forward] = field(default_factory=list)
    names: list[str] = field(default_factory=list)  # of the inputs that have a gradient
    calls: int = 0  # of the backward
    changed: bool = False  # did the mistake change anything at all?
    noticeable: bool = False  # did it change an element by more than NOTICED?
    applied: bool = False
    reason: str = ""  # why the mistake was not applicable
    buffers: dict = field(default_factory=dict)
    undo: list = field(default_factory=list)  # (array, its numbers before the mistake)

    def forward_of(self, shape, saved) -> Forward | None:
        """The latest forward that saved these values, else the latest with this shape of y."""
        latest = list(reversed(self.forwards))
        exact = [f for f in latest if saved and f.saved is saved[0]]
        similar = [f for f in latest if np.shape(f.y) == shape]
        return next(iter(exact + similar), None)

    def write(self, array, value):
        """Write into an array of the test's; `restore` takes it back when the test ended."""
        before = array.copy()
        array[...] = value
        self.undo.append((array, before))
        self.changed = self.noticeable = True

    def restore(self):
        for array, before in reversed(self.undo):
            if not array.flags.writeable:  # the test locked it since
                array.flags.writeable = True
            array[...] = before


class RecordedForward:
    """The user's forward, recorded.

    It equals the user's function, because declarations such as a surrogate belong to a forward
    and are looked up by it.
    """

    def __init__(self, function, run):
        update_wrapper(self, function)
        self.function, self.run = function, run

    def __eq__(self, other):
        return other is self or other == self.function

    def __hash__(self):
        return hash(self.function)

    def __call__(self, *arrays, **options):
        result = self.function(*arrays, **options)
        is_pair = isinstance(result, tuple) and len(result) == 2
        y, saved = result if is_pair else (result, None)
        self.run.forwards.append(Forward(arrays, options, y, saved))
        size = 1 + sum(array.nbytes for array in arrays_in((arrays, y, saved)))
        half = max(2, min(KEPT, KEPT_BYTES // size) // 2)
        # The first ones and the latest ones stay: a mistake may need any of these.
        del self.run.forwards[half:-half]
        return result
