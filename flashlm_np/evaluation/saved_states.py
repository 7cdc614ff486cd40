"""Check that a saved state is all that a run or a model needs.

    already_ternary   weights that were rounded before: rounding them again changes them
    resumed           the losses of a run, and of one that was stopped, saved and loaded

Rounding to scale · {-1, 0, +1} is not idempotent where the scale is the mean of all |w|. The
second mean counts the zeros: with a share d of weights that are not 0, the scale s becomes
s · d, and each matrix shrinks by the factor d. For normal weights and the threshold 0.5, d is
0.69.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import NamedTuple

import numpy as np


def already_ternary(weights: Mapping[str, np.ndarray]) -> list[str]:
    """The names of the matrices that hold three values at most, of one size and 0."""
    return [name for name, w in weights.items() if w.ndim > 1 and _is_ternary(w)]


def _is_ternary(w):
    sizes = np.unique(np.abs(w))
    return w.size > 3 and len(sizes[sizes > 0]) == 1


class Resumed(NamedTuple):
    """Losses after the place where the second run was stopped, one for each step."""

    straight: list[float]
    resumed: list[float]

    @property
    def difference(self) -> float:
        """The largest one of two losses of the same step."""
        return max(abs(a - b) for a, b in zip(*self, strict=True))


def resumed(
    make: Callable,
    step: Callable,
    save: Callable,
    load: Callable,
    before: int = 5,
    after: int = 5,
) -> Resumed:
    """Run once straight on, and once with a stop after `before` steps.

    make() gives a new run, and step(run) takes a step and returns its loss. save(run) gives a
    state, and load(run, state) puts it into a new run. Both must see the same batches.
    """
    straight = make()
    for _ in range(before):
        step(straight)
    state, second = deepcopy(save(straight)), make()  # a copy, as a file is one
    load(second, state)
    return Resumed([step(straight) for _ in range(after)], [step(second) for _ in range(after)])
