"""Grading an exercise: every function, every input, both precisions, until a fault is found."""

from __future__ import annotations

import warnings

import numpy as np

from minigrad import TABLE

from .calling import run
from .comparing import case_lines, dense, mismatch
from .evidence import Evidence, Pair
from .exercise import Exercise
from .hints import hint
from .probing import probes_of
from .probing.inputs import Case, as_float32
from .probing.probe import split
from .student import Answer
from .verdict import RIGHT, TO_DO, Trouble, Verdict, verdict_of


def grade(exercise: Exercise, answer: Answer) -> Verdict:
    """Grade the functions of an answer that are not blank, in the order of the exercise."""
    right, counted = [], 0
    reference = Answer(exercise.reference())
    for probe in probes_of(exercise):
        if probe.function in answer.blank:
            continue
        grader = _Grader(exercise, probe, answer, reference)
        for case in (*probe.cases, *map(as_float32, probe.cases)):
            counted += 1
            try:
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    grader.judge(case)
            except Trouble as trouble:
                return verdict_of(trouble, case_lines(case))
        right.append(probe.function)
    if answer.blank:
        left = [name for name in exercise.functions if name in answer.blank]
        return Verdict(TO_DO, (f"to do: {', '.join(left)}",), tuple(right))
    what = f"It gives what the package gives, on {counted // 2} inputs, in float64 and float32."
    return Verdict(RIGHT, (what,))


class _Grader:
    """One probe on an answer and on the reference."""

    def __init__(self, exercise, probe, answer, reference):
        self.exercise, self.probe = exercise, probe
        self.answer, self.reference = answer, reference

    def judge(self, case: Case) -> None:
        """Raise Trouble unless the answer gives what the reference gives."""
        expected = run(self.probe, self.reference, case)
        found = run(self.probe, self.answer, case)
        for label in expected:
            wrong = mismatch(expected[label], found[label])
            if wrong is not None:
                what = self.probe.says.format(label)
                evidence = self._evidence(case, label, expected, found)
                raise Trouble(
                    f"{self.probe.function}, {what}{wrong}",
                    hint(evidence, wrong),
                    remark=self._confirmed(case, label, expected[label], wrong.index),
                )

    def _evidence(self, case, label, expected, found):
        """The fault, and what the answer gives for all other cases."""
        others = filter(None, map(self._pair, self.probe.cases))
        pairs = [
            Pair(case, expected, found),
            *(pair for pair in others if pair.case is not case),
        ]
        return Evidence(self.exercise, self.probe, self.answer, self.reference, label, pairs)

    def _pair(self, case):
        try:
            found = run(self.probe, self.answer, case)
        except Trouble:
            return None
        return Pair(case, run(self.probe, self.reference, case), found)

    def _confirmed(self, case, label, expected, index):
        """A finite difference of the forward pass, where it can say something."""
        if not self.probe.is_backward or index is None or case["dy"].dtype != np.float64:
            return ""
        slope = finite_difference(self.exercise.name, case, label, index)
        right = float(dense(expected)[index])
        if abs(slope - right) > 1e-5 * max(1.0, abs(right)):
            return ""  # a kink, or a staircase whose gradient is its surrogate's
        return f"A finite difference of the forward pass gives {slope:.4g}, too."


def finite_difference(name: str, case: Case, label: str, index: tuple[int, ...]) -> float:
    """d(Σ dy·y)/d(one element of one argument), by a central difference."""
    forward, step = TABLE[name].forward, 1e-6

    def total(change):
        moved = case[label].copy()
        moved[index] += change
        arrays, options = split(forward, case | {label: moved})
        return float((case["dy"] * forward(*arrays.values(), **options)[0]).sum())

    return (total(step) - total(-step)) / (2 * step)
