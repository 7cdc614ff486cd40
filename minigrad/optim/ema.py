"""Exponential moving average of the weights: often a better model than the last weights.

    a ← d a + (1-d) p        after each optimizer step; d = 0.999 remembers about 1,000 steps

With d = 0, a is p: then the average shares the arrays of the weights, and costs nothing.

source   Polyak & Juditsky 1992; as an exponential average: Tarvainen & Valpola 2017,
         arXiv:1703.01780
"""

import numpy as np

from ..errors import expect_number
from ..guards.states import problems
from ..guards.writes import array_written
from .gradients import wide
from .parameters import Parameters, named


def ema_update(average, p, *, decay):
    """One step of the average, in place."""
    average += (1 - decay) * (p - average)


class EMA:
    """A running average of weights; `average` is a state dict of copies, unless `decay` is 0.

    The average of weights in float16 is in float32, which can hold its small changes.
    """

    def __init__(self, parameters: Parameters, decay: float = 0.999):
        self.decay = expect_number("EMA", "decay", decay, least=0, below=1)
        self.parameters = named("EMA", parameters)
        self.average = {
            name: p.data.astype(wide(p.dtype), copy=self.decay > 0)
            for name, p in self.parameters.items()
        }

    def update(self) -> None:
        """Move the average towards the present weights."""
        self.note_writes()
        for average, p in self.copies().values():
            ema_update(average, p, decay=self.decay)

    def load(self, average: dict[str, np.ndarray]) -> None:
        """Copy an `average` of the same names and shapes.

        Raises:
            ValueError: it does not fit; the message lists each problem, and nothing is changed.
        """
        if lines := problems(self.average, average):
            raise ValueError("EMA: the average does not fit:\n  " + "\n  ".join(lines))
        self.note_writes()
        for name, (array, _) in self.copies().items():
            array[...] = average[name]

    def copies(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """By name, the average and the weight, unless they are the same array."""
        pairs = {name: (self.average[name], p.data) for name, p in self.parameters.items()}
        return {name: (a, p) for name, (a, p) in pairs.items() if a is not p}

    def note_writes(self) -> None:
        """Note that the average is about to change: a graph that still needs it is told."""
        for name, (array, _) in self.copies().items():
            array_written(array, f"the average of {name!r}")
