"""Grade an exercise: every function on every input in both precisions, until one fails."""

import warnings

import numpy as np

from .calling import call
from .comparing import Mismatch, first_mismatch
from .exercise import RIGHT, TO_DO, Exercise, Failure, Grade
from .function_tests import FunctionTest
from .function_tests.engine import ENGINE_TESTS
from .function_tests.functions import FUNCTION_TESTS
from .function_tests.operation_cases import OPERATION_CASES
from .function_tests.operations import BackwardTest, ForwardTest
from .hints import WrongResult, missing, positions, results_of, sizes
from .hints.mistakes import usual_mistake
from .inputs import Case, as_float32, case_lines
from .student import Answer


def function_tests_of(exercise: Exercise) -> list[FunctionTest]:
    """A test for each function of the exercise, in its order."""
    tests = [*FUNCTION_TESTS, *ENGINE_TESTS]
    own = [test for f in exercise.functions for test in tests if test.function is f]
    if exercise.name not in OPERATION_CASES:
        return own
    forward, backward = exercise.functions[-2:]
    cases = OPERATION_CASES[exercise.name]
    return [*own, ForwardTest(forward, cases), BackwardTest(forward, backward, cases)]


def grade(exercise: Exercise, answer: Answer) -> Grade:
    """Grade the functions of an answer that are not blank, in the order of the exercise."""
    right, count = [], 0
    solution = Answer(exercise.solution)
    for test in function_tests_of(exercise):
        if test.name in answer.blank:
            continue
        for case in (*test.cases, *map(as_float32, test.cases)):
            count += 1
            try:
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    check_case(test, answer, solution, case)
            except Failure as failure:
                return Grade.of_failure(failure, case_lines(case))
        right.append(test.name)
    if answer.blank:
        return Grade(TO_DO, (f"to do: {', '.join(answer.blank)}",), tuple(right))
    text = (
        f"It gives the results of the package on {count // 2} inputs, in float64 and float32."
    )
    return Grade(RIGHT, (text,))


def check_case(test: FunctionTest, answer: Answer, solution: Answer, case: Case) -> None:
    """Compare the results of the answer with those of the solution.

    Raises:
        Failure: a result is wrong.
    """
    expected, found = call(test, solution, case), call(test, answer, case)
    for name in expected:
        mismatch = first_mismatch(expected[name], found[name])
        if mismatch is None:
            continue
        rows = [(case, expected, found)]
        for other in test.cases:
            if other is not case and (results := results_of(test, answer, other)):
                rows.append((other, call(test, solution, other), results))
        wrong = WrongResult(test, answer, solution, name, rows)
        raise Failure(
            f"{test.name}, {test.result_text.format(name)}{mismatch}",
            hint(wrong, mismatch),
            remark=_confirmation(wrong, mismatch),
        )


def _confirmation(wrong, mismatch):
    """A finite difference of the forward pass, where it agrees with the expected gradient."""
    is_gradient = wrong.test.is_backward and mismatch.index is not None
    if not is_gradient or wrong.case["dy"].dtype != np.float64:
        return ""
    slope = wrong.test.finite_difference(wrong.case, wrong.name, mismatch.index)
    right = float(wrong.expected[mismatch.index])
    if abs(slope - right) > 1e-5 * max(1.0, abs(right)):
        return ""  # at a kink, or where the expected gradient is that of a surrogate
    return f"A finite difference of the forward pass gives {slope:.4g}, too."


# -- the hint ----------------------------------------------------------------------------------


def hint(wrong: WrongResult, mismatch: Mismatch) -> str:
    """The first hint that explains the wrong result, or ""."""
    if mismatch.kind == "dtype":
        return _dtype_hint(mismatch)
    functions = _SHAPE_HINTS if mismatch.kind == "shape" else _NUMBER_HINTS
    if not all(isinstance(value, np.ndarray) for value in (wrong.expected, wrong.found)):
        functions = (sizes.scale, usual_mistake)
    return next(filter(None, (function(wrong) for function in functions)), "")


def _dtype_hint(mismatch):
    if (mismatch.expected, mismatch.found) == ("dtype float32", "dtype float64"):
        return (
            "the inputs are float32. np.zeros(n), np.array(0.5) and np.sqrt(2.0) are float64, "
            "and every result with them is float64; give np.zeros a dtype, and use Python's "
            "numbers."
        )
    return "make arrays with the dtype of an input: np.zeros(shape, x.dtype)."


_SHAPE_HINTS = (
    missing.missing_sum,
    positions.transposed_shape,
    positions.other_shape,
    missing.extra_sum,
)
_NUMBER_HINTS = (
    sizes.not_finite,
    missing.not_in_place,
    positions.future,
    sizes.zeros,
    missing.dy_not_used,
    sizes.sign,
    sizes.scale,
    usual_mistake,
    positions.exchanged,
    positions.transposed,
    missing.option_not_used,
    missing.factor,
    positions.shifted,
    positions.wrong_only_where,
    sizes.offset,
)
