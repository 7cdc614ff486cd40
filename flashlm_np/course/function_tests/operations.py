"""The tests of an operation: its forward, and its backward with the saved values.

The saved values come from the student's forward, or from the package's while it is blank.
"""

import inspect
from collections.abc import Callable, Sequence

import numpy as np

from minigrad.ops import RowGradient

from ..exercise import Failure
from ..inputs import Case, arrays_in
from . import FunctionTest, as_tuple, split

DY = 6  # the place of dy's first number in the list of numbers; inputs begin at 0, 4, 8 ...
_TWO_VALUES = "return y, and a tuple of all that the backward needs: return y, (a, b)."


class ForwardTest(FunctionTest):
    def call(self, functions, case, locked):
        result = self.run(functions[self.name], case)
        y, _ = as_tuple(self.name, result, ["y", "saved"], _TWO_VALUES)
        return {"y": y}


class BackwardTest(FunctionTest):
    """Calls a backward twice, which must give the same gradients."""

    result_text, symbol, is_backward = "argument {}", "d{}", True
    in_turn = "after another forward"
    apart = (
        "the gradient depends on another call. A network runs all its forwards before the "
        "first backward. So a forward returns what its own backward needs, as saved, and the "
        "backward reads it from saved, not from a global variable. It returns new arrays."
    )

    def __init__(self, forward: Callable, backward: Callable, templates: Sequence[Case]):
        super().__init__(backward, templates)
        self.forward = forward

    def case(self, template, numbers):
        case = super().case(template, numbers)
        y, _ = self.run(self.forward, case)
        return case | {"dy": numbers.array(y.shape, DY)}

    def call(self, functions, case, locked):
        saved = locked.lock("saved", self._returned(functions, case))
        gradients = self._gradients(functions, case, saved)
        locked.situation, locked.hint = ", in a second call with the same dy and saved", _TWICE
        again = self._gradients(functions, case, saved)
        for name, gradient in gradients.items():
            if _bytes_of(gradient) != _bytes_of(again[name]):
                raise Failure(
                    f"{self.name}, argument {name}: a second call with the same dy and saved "
                    "gives another gradient",
                    _TWICE,
                )
        return gradients

    def call_in_turn(self, functions, cases, locked):
        """All forwards, then all backwards, in both orders: networks call them so.

        The saved values are copied after the last forward, which may have changed them, and so
        that none is found again by its address.
        """
        returned = [self._returned(functions, case) for case in cases]
        saved = [locked.lock("saved", values) for values in returned]
        order = [*range(len(cases)), *reversed(range(len(cases)))]
        return [(n, self._gradients(functions, cases[n], saved[n])) for n in order]

    def finite_difference(self, case: Case, name: str, index: tuple[int, ...]) -> float:
        """d(Σ dy·y)/d(one element of one argument), by a central difference."""
        step = 1e-6

        def total(change):
            moved = case[name].copy()
            moved[index] += change
            y, _ = self.run(self.forward, case | {name: moved})
            return float((case["dy"] * y).sum())

        return (total(step) - total(-step)) / (2 * step)

    def _returned(self, functions, case):
        """The saved values of the forward."""
        name = self.forward.__name__
        _, saved = as_tuple(name, self.run(functions[name], case), ["y", "saved"], _TWO_VALUES)
        return saved

    def _gradients(self, functions, case, saved):
        """The gradients by the names of the arguments."""
        arrays, _ = split(self.forward, case)
        names = [f"d{n}" if a.dtype.kind == "f" else "None" for n, a in arrays.items()]
        hint = "return one gradient per array of the forward, None for integers."
        hint += self._without(arrays)
        gradients = as_tuple(self.name, functions[self.name](case["dy"], saved), names, hint)
        pairs = zip(arrays, gradients, strict=True)
        return {name: self._dense(name, gradient) for name, gradient in pairs}

    def _without(self, arrays):
        """Words about the inputs that a call leaves out, and that then have no gradient."""
        parameters = inspect.signature(self.forward).parameters.values()
        names = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
        left_out = [name for name in names if name not in arrays]
        return f" This call leaves out {' and '.join(left_out)}." if left_out else ""

    def _dense(self, name, gradient):
        """A RowGradient as an array; a student may pass anything to it."""
        if type(gradient) is not RowGradient:
            return gradient
        if not _is_table(gradient):
            raise Failure(
                f"{self.name}, argument {name}: this RowGradient does not form a table",
                "RowGradient(ids, rows, shape) needs ids (N,), rows (N, D) and shape (V, D); "
                "ids.ravel() and dy.reshape(-1, D) have such shapes.",
            )
        return gradient.dense()


_TWICE = (
    "a gradient depends on dy and saved alone: read all that it needs from saved, and change "
    "nothing there. The gradient checker calls twice."
)


def _is_table(gradient):
    """Whether ids, rows and shape fit together, and are plain arrays."""
    ids, rows = gradient.ids, gradient.rows
    if not type(ids) is type(rows) is np.ndarray or ids.dtype.kind not in "iu":
        return False
    try:
        return (ids.ndim, gradient.dense().ndim) == (1, 2)
    except Exception:
        return False


def _bytes_of(gradient):
    return [array.tobytes() for array in arrays_in(gradient)]
