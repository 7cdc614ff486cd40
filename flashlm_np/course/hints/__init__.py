"""Hints: each function of this folder looks at a wrong result and returns a sentence or "".

A hint is not a guess. A hint about numbers must explain the results of the student's function
on all inputs where the shape is right. A hint about a shape must be confirmed by the numbers.
"""

from collections.abc import Callable, Iterator
from numbers import Real
from typing import Any

import numpy as np

from ..calling import call
from ..comparing import NUMBERS, close, dense
from ..exercise import Failure
from ..function_tests import FunctionTest
from ..inputs import Case
from ..student import Answer

Row = tuple[Case, dict[str, Any], dict[str, Any]]  # a case, its expected results, those found


class WrongResult:
    """The result called `name` is wrong in the first row; in others it may be right.

    symbol: the name in a formula, such as dx for the gradient of x.
    case, expected, found: the first row, with the wrong result alone.
    """

    def __init__(
        self, test: FunctionTest, answer: Answer, solution: Answer, name: str, rows: list[Row]
    ):
        self.test, self.answer, self.solution = test, answer, solution
        self.name, self.symbol, self.rows = name, test.symbol.format(name), rows
        self.case, expected, found = rows[0]
        self.expected, self.found = dense(expected[name]), dense(found[name])
        if isinstance(self.expected, np.ndarray) and isinstance(self.found, Real):
            self.found = np.asarray(self.found)

    def comparable(self) -> Iterator[tuple[Case, np.ndarray, np.ndarray]]:
        """(case, expected, found) wherever both are numbers of one shape."""
        for case, *results in self.rows:
            expected, found = (dense(by_name.get(self.name)) for by_name in results)
            if _comparable(expected, found):
                yield case, np.asarray(expected, float), np.asarray(found, float)

    def explained_by(self, formula: Callable[[Case, np.ndarray], Any]) -> bool:
        """Whether formula(case, expected) gives the results found, on all inputs."""
        pairs = [(formula(case, want), found) for case, want, found in self.comparable()]
        return bool(pairs) and all(
            value is not None and close(np.asarray(value, float), found)
            for value, found in pairs
        )

    def call(self, case: Case, answer: Answer | None = None) -> Any:
        """The result of this name for other inputs, or None if the call fails."""
        return dense(results_of(self.test, answer or self.answer, case).get(self.name))


def results_of(test: FunctionTest, answer: Answer, case: Case) -> dict[str, Any]:
    """The results of a call by name; none if it fails."""
    try:
        return call(test, answer, case)
    except Failure:
        return {}


def _comparable(expected, found):
    numbers = (np.ndarray, np.generic, float, int)
    return (
        isinstance(expected, numbers)
        and isinstance(found, numbers)
        and np.shape(expected) == np.shape(found)
        and np.asarray(found).dtype.kind in NUMBERS
    )
