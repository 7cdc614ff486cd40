"""What is known of a wrong result: the same result on all inputs, and the function itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .calling import run
from .comparing import close, dense
from .exercise import Exercise
from .probing import Probe
from .probing.inputs import Case
from .student import Answer
from .verdict import Trouble


@dataclass(frozen=True)
class Pair:
    """All results of one case, by name."""

    case: Case
    expected: dict[str, Any]
    found: dict[str, Any]


@dataclass(frozen=True)
class Evidence:
    """`label` names the wrong result. The first pair is the fault; the others may be right."""

    exercise: Exercise
    probe: Probe
    answer: Answer
    reference: Answer
    label: str
    pairs: list[Pair]

    @property
    def symbol(self) -> str:
        return self.probe.symbol.format(self.label)

    @property
    def case(self) -> Case:
        return self.pairs[0].case

    @property
    def expected(self) -> Any:
        return dense(self.pairs[0].expected[self.label])

    @property
    def found(self) -> Any:
        return dense(self.pairs[0].found[self.label])

    @property
    def forward(self) -> Callable:
        """The package's function that takes the inputs: of a backward, its forward."""
        return self.reference.functions[self.probe.function.replace("_backward", "_forward")]

    def alike(self) -> Iterator[tuple[Case, np.ndarray, np.ndarray]]:
        """(case, expected, found) wherever both are arrays of one shape."""
        for pair in self.pairs:
            expected = dense(pair.expected.get(self.label))
            found = dense(pair.found.get(self.label))
            if _comparable(expected, found):
                yield pair.case, np.asarray(expected, float), np.asarray(found, float)

    def everywhere(self, right: Callable[[Case, np.ndarray], Any]) -> bool:
        """Whether what was found is right(case, expected) on all inputs; None is no answer."""
        pairs = list(self.alike())
        made = [right(case, expected) for case, expected, _ in pairs]
        return bool(pairs) and all(
            other is not None and close(np.asarray(other, float), found)
            for other, (_, _, found) in zip(made, pairs, strict=True)
        )

    def run(self, case: Case, answer: Answer | None = None) -> Any:
        """The result of this name for other inputs, or None where there is none."""
        try:
            return dense(run(self.probe, answer or self.answer, case).get(self.label))
        except Trouble:
            return None


def is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _comparable(expected, found):
    numbers = (np.ndarray, np.generic, float, int)
    return (
        isinstance(expected, numbers)
        and isinstance(found, numbers)
        and np.shape(expected) == np.shape(found)
        and np.asarray(found).dtype.kind in "fiub"
    )
