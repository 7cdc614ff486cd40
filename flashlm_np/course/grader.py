"""Grade an exercise: every function on every input in both precisions, until one fails."""

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .by_hand import checked_number
from .calling import call, call_in_turn
from .comparing import first_mismatch
from .exercise import RIGHT, TO_DO, Exercise, Failure, Grade, to_do_text
from .function_tests import FunctionTest
from .function_tests.table import function_tests_of
from .hints import WrongResult, results_of
from .hints.exceptions import exception_hint
from .hints.first import first_hint
from .inputs import Case, as_float32, case_lines, flipped
from .question import BY_HAND, question_of
from .student import Answer
from .surroundings import Surroundings


def grade(exercise: Exercise, answer: Answer, student: str = "") -> Grade:
    """Grade the functions of an answer that are not blank, in the order of the exercise.

    student: the student's number, which gives the inputs, and a question to answer by hand.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        watched = replace(answer, surroundings=Surroundings(answer.notes))
        result = _grade(exercise, watched, student)
    if answer.notes and result.state != TO_DO:
        note = f"Note: it changes {' and '.join(answer.notes)}; the grader changed that back."
        result.details = (*result.details, note)
    return result


def _grade(exercise, answer, student):
    number, question = None, question_of(exercise, student)
    if question:
        try:
            number = checked_number(question, answer.text)
        except Failure as failure:
            return Grade.of_failure(failure, case_lines(question.case))
    right, count = [], 0
    solution = Answer(exercise.solution)
    for test in function_tests_of(exercise, student):
        if test.name in answer.blank:
            continue
        before = []  # other shapes, options and dtypes than the next case
        for case in (*test.cases, *map(as_float32, test.cases)):
            count += 1
            try:
                check_case(test, answer, solution, case)
                check_calls_in_turn(test, answer, solution, [case, flipped(case), *before])
                before = [case]
            except Failure as failure:
                inputs = case if failure.inputs is None else failure.inputs
                return Grade.of_failure(failure, case_lines(inputs))
        right.append(test.name)
    blank = list(answer.blank)
    if question:
        (blank if number is None else right).append(BY_HAND)
    if blank:
        return Grade(TO_DO, (to_do_text(blank),), tuple(right))
    text = (
        f"It gives the results of the package on {count // 2} inputs, in float64 and float32."
    )
    return Grade(RIGHT, (text,))


def check_case(test: FunctionTest, answer: Answer, solution: Answer, case: Case) -> None:
    """Compare the results of the answer with those of the solution.

    Raises:
        Failure: a result is wrong.
    """
    expected = call(test, solution, case)
    try:
        found = call(test, answer, case)
    except Failure as failure:
        if failure.__cause__ and not failure.to_do:
            hint = exception_hint(failure.__cause__, test, answer, case, expected)
            failure.hint = failure.hint or hint
        raise
    for name in expected:
        mismatch = first_mismatch(expected[name], found.get(name))
        if mismatch is None:
            continue
        with answer.surroundings.watched(test.name):  # once: the hints call many times
            unwatched = replace(answer, surroundings=None)
            rows = [(case, expected, found)]
            for other in test.cases:
                if other is not case and (results := results_of(test, unwatched, other)):
                    rows.append((other, call(test, solution, other), results))
            wrong = WrongResult(test, unwatched, solution, name, rows)
            hint, remark = first_hint(wrong, mismatch), _confirmation(wrong, mismatch)
        where = f"{test.name}, {test.result_text.format(name)}"
        raise Failure(f"{where}{mismatch}", hint, remark=remark)


def check_calls_in_turn(
    test: FunctionTest, answer: Answer, solution: Answer, cases: Sequence[Case]
) -> None:
    """Overlap the calls of several cases; the results of each must stay.

    Raises:
        Failure: the answer keeps something in a global variable, or a result in two places.
    """
    expected = [call(test, solution, case) for case in cases]
    for number, found in call_in_turn(test, answer, cases):
        for name, value in expected[number].items():
            if mismatch := first_mismatch(value, found.get(name)):
                where = f"{test.name}, {test.result_text.format(name)} {test.in_turn}"
                raise Failure(f"{where}{mismatch}", test.apart, inputs=cases[number])


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
