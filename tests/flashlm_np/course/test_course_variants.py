"""A student's number gives other inputs, on which the grader still tells right from wrong."""

import itertools

import pytest
from course_answers import BY_NAME

from flashlm_np.course.exercises import EXERCISES
from flashlm_np.course.function_tests.table import function_tests_of, own_arrays
from flashlm_np.course.grader import grade
from flashlm_np.course.hints.mistakes import edited_functions, mistakes_of
from flashlm_np.course.inputs import arrays_in, case_lines
from flashlm_np.course.question import student_file
from flashlm_np.course.student import Answer
from flashlm_np.course.variants import NUMBERS, SIZES, Ids, Numbers, free

STUDENTS = ["1", "4711", "s-0042"]
by_name = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)


def inputs(exercise, student, use="tests"):
    tests = function_tests_of(exercise, student, use)
    return [case_lines(case) for test in tests for case in test.cases]


# -- the numbers -------------------------------------------------------------------------------


def test_a_students_numbers_have_both_signs_and_other_sizes():
    for student in STUDENTS:
        numbers = Numbers(student, "rms_norm").array((13,))
        assert sorted(abs(numbers)) == sorted(SIZES)
        assert (numbers[1:] * numbers[:-1] < 0).all()  # so a pair has both signs
    assert not {0, *map(abs, NUMBERS)} & {*SIZES}


def test_the_numbers_of_a_student_never_change():
    """Workbooks are checked months later, with other versions of Python and NumPy."""
    numbers = Numbers("4711", "rms_norm")
    assert numbers.array((2, 3), start=12).tolist() == [[-1.6, -0.7, 0.2], [-0.4, 0.9, -0.3]]
    assert numbers.shuffled(range(5)) == [4, 3, 1, 2, 0]


def test_without_a_number_all_have_the_same():
    assert Numbers().array((13,)).tolist() == list(NUMBERS)
    assert Numbers().fill({"x": free([[2.0, 9.0]])})["x"].tolist() == [[2.0, 9.0]]
    assert Numbers().fill({"ids": Ids([1, 1, 0], 2)})["ids"].tolist() == [1, 1, 0]


def test_equal_ids_stay_equal_and_integers_stay_the_same_but_for_their_order():
    found = set()
    for student in map(str, range(40)):
        numbers = Numbers(student)
        one, two, three = numbers.fill([Ids([2, 0, 2], 3)])[0].tolist()
        assert one == three != two
        found.add((one, two))
        T = numbers.fill([free([[1, 0, -1]])])[0]
        assert sorted(T[0]) == [-1, 0, 1]
    assert found == {(a, b) for a in range(3) for b in range(3) if a != b}


# -- the inputs --------------------------------------------------------------------------------


@by_name
def test_no_two_students_have_the_same_inputs(exercise):
    of_all = [inputs(exercise, student) for student in ("", *STUDENTS)]
    for one, other in itertools.combinations(of_all, 2):
        assert one != other
    for function in exercise.solution:
        tests = {
            student: next(t for t in function_tests_of(exercise, student) if t.name == function)
            for student in STUDENTS
        }
        lines = {student: tuple(map(str, test.cases)) for student, test in tests.items()}
        assert len(set(lines.values())) == len(STUDENTS), function


@by_name
def test_a_students_inputs_have_the_shapes_of_everybodys(exercise):
    def shapes(student):
        tests = function_tests_of(exercise, student)
        cases = [case for test in tests for case in test.cases]
        return [[(a.shape, a.dtype) for a in arrays_in(case)] for case in cases]

    assert shapes("4711") == shapes("")


def test_the_inputs_of_a_question_are_others_than_those_of_the_tests():
    for exercise in EXERCISES:
        assert inputs(exercise, "4711") != inputs(exercise, "4711", "by hand")


def test_no_number_lies_where_a_result_jumps():
    """The first numbers of some students would have a half between two 8-bit integers."""
    for student in map(str, range(10)):
        everybodys, tests = (
            function_tests_of(BY_NAME["bit_linear"], number) for number in ("", student)
        )
        for test, other in zip(tests, everybodys, strict=True):
            for case, same in zip(test.cases, other.cases, strict=True):
                if own_arrays(case, same) and test.name in ("absmax", "bit_linear_forward"):
                    k = unrounded(**case)
                    assert (abs(k % 1 - 0.5) > 1e-4).all(), case


def unrounded(a=None, x=None, w=None, g=1.0, eps=1e-6):
    """a / s, of which absmax and bit_linear take the nearest integers."""
    a = g * x * ((x * x).mean(axis=-1, keepdims=True) + eps) ** -0.5 if a is None else a
    return 127 * a / abs(a).max(axis=-1, keepdims=True, initial=1e-5)


# -- the grader --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rms_norm", "table_product", "accumulate"])
def test_the_package_is_right_for_a_student(name):
    exercise = BY_NAME[name]
    result = grade_with(exercise, {}, "4711")
    assert result.state == "right" or set(result.right) == set(exercise.solution), result


def grade_with(exercise, functions, student):
    text = student_file(exercise, student)  # for the question, which is still to do
    return grade(exercise, Answer(exercise.solution | functions, text=text), student)


@pytest.mark.parametrize("name", ["multiply", "rms_norm"])
def test_usual_mistakes_are_recognized_with_a_students_numbers(name):
    exercise = BY_NAME[name]
    for test in function_tests_of(exercise, "4711"):
        for hint, edits in mistakes_of(test.function):
            result = grade_with(exercise, edited_functions(test, edits), "4711")
            assert result.details[-1] == f"Hint: {hint}"
