"""The usual mistakes of hand-written backward passes, as changes of arrays.

wrong_numbers.py, wrong_places.py and wrong_saved.py add their mistakes to MISTAKES here. Each
has a name, two sentences, and a function:

    check   the check, or the kind of input, by which a test finds the mistake
    input   the kind of input on which the mistake changes a gradient at all

The function of a mistake in one gradient gets (g, call, i): the right gradient number i, and
the call of the backward. It returns the wrong gradient. The function of a mistake in the whole
backward gets the call and returns all gradients.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .calls import NotApplicable


@dataclass(frozen=True)
class Mistake:
    name: str
    check: str
    input: str
    plant: Callable
    of_one_gradient: bool

    def at(self, i: int | None) -> Callable:
        """The mistake in gradient i, as a function of the call alone."""
        return self.plant if i is None else lambda call: _replaced(self.plant, call, i)


MISTAKES: list[Mistake] = []
VALUES = "Compare the numbers with expected ones, with a tolerance of 1e-4 or less."
SHAPES = "Compare the shapes: assert dx.shape == x.shape. np.allclose broadcasts."
NOT_ZERO = "Use inputs and a dy for which the gradient is not 0."


def of_one_gradient(name: str, check: str = VALUES, input: str = NOT_ZERO) -> Callable:
    """Add the decorated plant(g, call, i) to MISTAKES."""
    return lambda plant: MISTAKES.append(Mistake(name, check, input, plant, True))


def of_the_backward(name: str, check: str, input: str = NOT_ZERO) -> Callable:
    """Add the decorated plant(call) to MISTAKES."""
    return lambda plant: MISTAKES.append(Mistake(name, check, input, plant, False))


def _replaced(plant, call, i):
    if i >= len(call.gradients) or call.gradients[i] is None:
        raise NotApplicable("this input has no gradient")
    wrong = list(call.gradients)
    changed = plant(wrong[i], call, i)
    wrong[i] = None if changed is None else np.asarray(changed)
    return wrong
