"""The tests of an exercise: one for each of its functions, in their order."""

from functools import cache
from itertools import count

import numpy as np

from ..comparing import dense, is_float
from ..exercise import Exercise
from ..inputs import Case, arrays_in, map_arrays
from ..variants import Numbers
from . import Functions, FunctionTest
from .engine import ENGINE_TESTS
from .functions import FUNCTION_TESTS
from .operation_cases import OPERATION_CASES
from .operations import BackwardTest, ForwardTest

SHIFT = 1e-5  # relative; more than the rounding of float32
JUMP = 5e-4  # relative to the largest number of a result; less than the grader's tolerance


@cache  # the cases of a backward need a run of each forward
def function_tests_of(
    exercise: Exercise, student: str = "", use: str = "tests"
) -> list[FunctionTest]:
    """The tests of an exercise with everybody's numbers, or with a student's for a use.

    A student gets other numbers if a result jumps near the first ones, such as a weight that is
    rounded up or down. There, the last bit would decide whether an answer is right.
    """
    everybodys = _with_numbers(exercise, Numbers())
    if not student:
        return everybodys
    for attempt in count():
        tests = _with_numbers(exercise, Numbers(student, f"{exercise.name} {use} {attempt}"))
        pairs = zip(tests, everybodys, strict=True)
        # A backward jumps where its forward does.
        forwards = [pair for pair in pairs if not pair[0].is_backward]
        if not any(_jumps(exercise.solution, *pair) for pair in forwards):
            return tests


def _with_numbers(exercise, numbers):
    tests = [*FUNCTION_TESTS, *ENGINE_TESTS]
    own = [test for f in exercise.functions for test in tests if test.function is f]
    if templates := OPERATION_CASES.get(exercise.name):
        forward, backward = exercise.functions[-2:]
        own += [ForwardTest(forward, templates), BackwardTest(forward, backward, templates)]
    return [test.with_numbers(numbers) for test in own]


def own_arrays(case: Case, everybodys: Case) -> list[int]:
    """The positions in `arrays_in` of the arrays of decimals that are the student's own."""
    pairs = zip(arrays_in(case), arrays_in(everybodys), strict=True)
    return [
        position
        for position, (array, other) in enumerate(pairs)
        if is_float(array) and not np.array_equal(array, other, equal_nan=True)
    ]


def _jumps(solution: Functions, test: FunctionTest, everybodys: FunctionTest) -> bool:
    """Whether a small shift of the student's own numbers changes a result of a test much."""
    for case, other in zip(test.cases, everybodys.cases, strict=True):
        if positions := own_arrays(case, other):
            results = test.results_of(solution, case)
            for shift in (SHIFT, -SHIFT):
                shifted = test.results_of(solution, _shifted(case, positions, shift))
                if not all(_near(value, shifted[name]) for name, value in results.items()):
                    return True
    return False


def _shifted(case, positions, shift):
    moved = map_arrays(np.array, case)
    for position in positions:
        array = arrays_in(moved)[position]
        array *= 1 + shift * Numbers().array(array.shape)  # each number by another factor
    return moved


def _near(value, shifted):
    value, shifted = dense(value), dense(shifted)
    if not isinstance(value, (float, np.ndarray)):
        return True
    largest = np.abs(value).max(initial=0.0)
    return np.allclose(value, shifted, rtol=0, atol=JUMP * largest, equal_nan=True)
