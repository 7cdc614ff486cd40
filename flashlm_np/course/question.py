"""The question to answer by hand: one number of one result, for an input of a student's own.

A student with a number has such a question in each file. Its input is a small test case with
other numbers than those of the tests, so no report of the grader holds the answer.

It is about the last function of the exercise, a backward if there is one. The answer depends on
two or more of the student's numbers, and is not just their product; the first result, and there
the first test case, that has such a number is asked for. Test cases of more than MOST numbers
take too long by hand. Exercises without such an answer have no question: normuon, whose inputs
are too large, and pack, whose answers are few whole numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from .blanks import exercise_text
from .comparing import dense, is_float
from .exercise import Exercise
from .function_tests import Functions, FunctionTest
from .function_tests.table import function_tests_of, own_arrays
from .inputs import Case, arrays_in, case_lines, map_arrays

BY_HAND = "BY_HAND"
MOST = 14  # numbers of an input, including dy
TOLERANCE = 0.01  # of the answer: three digits, of which the last may be rounded in any way


@dataclass(frozen=True)
class Question:
    """The number at `index` of the result called `name`; it is `answer`."""

    test: FunctionTest
    case: Case
    name: str
    index: tuple[int, ...]
    answer: float

    @property
    def what(self) -> str:
        index = str(list(self.index)) if self.index else ""
        return f"{self.test.symbol.format(self.name)}{index} of {self.test.name}"

    @property
    def text(self) -> str:
        """The lines at the end of the student's file."""
        lines = (f"By hand, to three digits: {self.what}", *case_lines(self.case))
        return "\n".join(f"# {line}" for line in lines)

    def array(self, functions: Functions, case: Case) -> np.ndarray:
        """The result of this name of other functions, or for another case."""
        return _array_of(self.test, functions, case, self.name)


def student_file(exercise: Exercise, student: str) -> str:
    """The file that a student gets: the page without bodies, and the question."""
    text, question = exercise_text(exercise), question_of(exercise, student)
    return f"{text}\n\n{question.text}\n{BY_HAND} = ...\n" if question else text


# -- the question ------------------------------------------------------------------------------


@cache
def question_of(exercise: Exercise, student: str) -> Question | None:
    """The question of an exercise; None if it has none, or if there is no student's number."""
    if not student:
        return None
    with np.errstate(all="ignore"):
        tests = function_tests_of(exercise, student, "by hand")
        pairs = zip(reversed(tests), reversed(function_tests_of(exercise)), strict=True)
        questions = (q for pair in pairs for q in _questions(exercise.solution, *pair))
        return next(questions, None)


def _questions(solution, test, everybodys) -> Iterator[Question]:
    """The possible questions about a function."""
    pairs = zip(test.cases, everybodys.cases, strict=True)
    small = [pair for pair in pairs if sum(a.size for a in arrays_in(pair[0])) <= MOST]
    for name in test.asked or test.results_of(solution, test.cases[0]):
        for case, other in small:
            result = _array_of(test, solution, case, name)
            for index in np.ndindex(result.shape):
                answer = float(result[index])
                question = Question(test, case, name, index, answer)
                own = _numbers_behind(question, solution, other)
                if len(own) > 1 and not np.isclose(abs(np.prod(own)), abs(answer)):
                    yield question


def _numbers_behind(question, solution, everybodys) -> list[float]:
    """The student's own numbers on which the answer depends.

    A number that is twice as large would change it by more than the tolerance. The slope says
    so, because such a step may pass a threshold.
    """
    found = []
    for position in own_arrays(question.case, everybodys):
        for place, number in enumerate(arrays_in(question.case)[position].flat):
            moved = map_arrays(np.array, question.case)
            arrays_in(moved)[position].flat[place] *= 1.01
            change = question.array(solution, moved)[question.index] - question.answer
            if 100 * abs(change) > TOLERANCE * abs(question.answer):
                found.append(float(number))
    return found


def _array_of(test, functions, case, name):
    """A result of decimal numbers; an empty array if it is none."""
    array = np.asarray(dense(test.results_of(functions, case).get(name)))
    return array if is_float(array) else np.zeros(0)
