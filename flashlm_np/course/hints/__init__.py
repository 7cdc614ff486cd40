"""Hints: each function of this folder looks at a wrong result and returns a sentence or "".

A hint is not a guess. A hint about numbers must explain the results of the student's function
on all inputs where the shape is right. A hint about a shape must be confirmed by the numbers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..calling import call
from ..comparing import close, dense
from ..exercise import Failure
from ..function_tests import FunctionTest
from ..inputs import Case
from ..student import Answer


@dataclass(frozen=True)
class Results:
    """All results of one case, by name."""

    case: Case
    expected: dict[str, Any]
    found: dict[str, Any]


@dataclass(frozen=True)
class WrongResult:
    """The result called `name` is wrong on the first case; on the others it may be right."""

    test: FunctionTest
    answer: Answer
    solution: Answer
    name: str
    all_results: list[Results]

    @property
    def symbol(self) -> str:
        """The name in a formula: dx for the gradient of x."""
        return self.test.symbol.format(self.name)

    @property
    def case(self) -> Case:
        return self.all_results[0].case

    @property
    def expected(self) -> Any:
        return dense(self.all_results[0].expected[self.name])

    @property
    def found(self) -> Any:
        return dense(self.all_results[0].found[self.name])

    def comparable(self) -> Iterator[tuple[Case, np.ndarray, np.ndarray]]:
        """(case, expected, found) wherever both are numbers of one shape."""
        for results in self.all_results:
            expected = dense(results.expected.get(self.name))
            found = dense(results.found.get(self.name))
            if _comparable(expected, found):
                yield results.case, np.asarray(expected, float), np.asarray(found, float)

    def explained_by(self, formula: Callable[[Case, np.ndarray], Any]) -> bool:
        """Whether formula(case, expected) gives the results found, on all inputs."""
        rows = list(self.comparable())
        explained = [(formula(case, expected), found) for case, expected, found in rows]
        return bool(rows) and all(
            value is not None and close(np.asarray(value, float), found)
            for value, found in explained
        )

    def call(self, case: Case, answer: Answer | None = None) -> Any:
        """The result of this name for other inputs, or None if the call fails."""
        try:
            return dense(call(self.test, answer or self.answer, case).get(self.name))
        except Failure:
            return None


def _comparable(expected, found):
    numbers = (np.ndarray, np.generic, float, int)
    return (
        isinstance(expected, numbers)
        and isinstance(found, numbers)
        and np.shape(expected) == np.shape(found)
        and np.asarray(found).dtype.kind in "fiub"
    )
