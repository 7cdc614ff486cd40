"""The question to answer by hand, and a workbook that belongs to a student's number."""

import ast
from pathlib import Path
from xml.etree import ElementTree

import pytest
from course_answers import BY_NAME, solution
from course_commands import file_with, output_of

from flashlm_np.cli import main
from flashlm_np.course.blanks import exercise_text
from flashlm_np.course.by_hand import checked_number
from flashlm_np.course.exercise import Failure
from flashlm_np.course.exercises import EXERCISES
from flashlm_np.course.grader import grade
from flashlm_np.course.inputs import case_lines
from flashlm_np.course.question import question_of, student_file
from flashlm_np.course.student import load
from flashlm_np.course.workbook import start
from flashlm_np.errors import UserError


@pytest.fixture
def workbook(tmp_path):
    start(tmp_path / "of_4711", "4711")
    return tmp_path / "of_4711"


def answered(workbook, name, number):
    """Write a number in place of the dots."""
    file = workbook / BY_NAME[name].file_name
    text = file.read_text(encoding="utf-8")
    assert text.count("BY_HAND = ...") == 1
    file.write_text(text.replace("BY_HAND = ...", f"BY_HAND = {number}"), encoding="utf-8")


# -- the question ------------------------------------------------------------------------------


def test_the_question_stands_at_the_end_of_the_file():
    assert student_file(BY_NAME["multiply"], "4711") == exercise_text(BY_NAME["multiply"]) + (
        "\n\n# By hand, to three digits: da of multiply_backward\n"
        "# for a = 0.9, b = [1.4, -0.8], dy = [0.6, -1.2]\n"
        "BY_HAND = ...\n"
    )
    answer = 1.4 * 0.6 + 0.8 * 1.2
    assert question_of(BY_NAME["multiply"], "4711").answer == pytest.approx(answer)


def test_the_guide_for_teachers_has_a_question():
    guide = (Path(__file__).parents[3] / "docs" / "teach.md").read_text(encoding="utf-8")
    assert f"{question_of(BY_NAME['rms_norm'], '4711').text}\nBY_HAND = ...\n" in guide


def test_a_long_exercise_has_no_question():
    for student in ("1", "4711"):
        without = [e.name for e in EXERCISES if question_of(e, student) is None]
        assert without == ["normuon", "pack"]
        for exercise in EXERCISES:
            assert max(map(len, student_file(exercise, student).splitlines())) <= 96


def test_the_answers_of_two_students_differ():
    for exercise in EXERCISES:
        questions = [question_of(exercise, student) for student in ("1", "4711")]
        if questions[0]:
            assert questions[0].answer != questions[1].answer
            assert questions[0].text != questions[1].text


# -- the answer --------------------------------------------------------------------------------


def checked(name, line):
    """The number in a file that ends with this line, or the failure."""
    question = question_of(BY_NAME[name], "4711")
    try:
        return checked_number(question, f"x = 1\n\n{question.text}\n{line}\n")
    except Failure as failure:
        return failure


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("BY_HAND = ...", None),
        ("BY_HAND = 1.8", 1.8),
        ("BY_HAND = +1.79  # on paper", 1.79),
        ("BY_HAND = ...\nBY_HAND = 18e-1", 1.8),
    ],
)
def test_the_answer_is_a_number(line, number):
    assert checked("multiply", line) == number


@pytest.mark.parametrize("value", ["'1'", "[1.0]", "True", "1 / 3", "f(2)", "None", "1j"])
def test_another_answer_is_refused(value):
    assert checked("multiply", f"BY_HAND = {value}").reason == "line 5: BY_HAND is no number"
    assert checked("multiply", "by_hand = 1").reason == "the file has no line BY_HAND = ..."


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_three_digits_are_enough(exercise):
    if question := question_of(exercise, "4711"):
        three = float(f"{question.answer:.3g}")
        assert checked(exercise.name, f"BY_HAND = {three}") == three
        for wrong in (1.02 * question.answer, -question.answer, 0.0, "1e999"):
            failure = checked(exercise.name, f"BY_HAND = {wrong}")
            assert failure.reason.startswith(f"BY_HAND: {question.what} is not ")


def hint_for(name, number):
    question = question_of(BY_NAME[name], "4711")
    return checked(name, f"BY_HAND = {number(question)}").hint


def test_a_wrong_answer_has_the_hint_of_a_usual_mistake():
    assert hint_for("linear", lambda q: -q.answer) == "the sign is wrong."
    assert hint_for("linear", lambda q: 100.0) == ""

    def without_the_mean(question):
        x, w, dy = (question.case[name] for name in ("x", "w", "dy"))
        return float((dy * w * (x * x).mean() ** -0.5)[question.index])

    assert hint_for("rms_norm", without_the_mean).startswith("dx is r dn: r depends on every x")


# -- the workbook ------------------------------------------------------------------------------


def test_an_answer_by_hand_is_to_do_then_wrong(workbook, capsys):
    assert output_of(capsys, 0, "check", workbook, "multiply", "normuon").splitlines() == [
        "student 4711",
        "02 multiply: to do",
        "  to do: multiply_forward, multiply_backward, BY_HAND",
        "18 normuon: to do",
        "  to do: normuon_update",
        "",
        "2 to do",
    ]
    answered(workbook, "multiply", -1.8)
    assert output_of(capsys, 1, "check", workbook, "multiply").splitlines()[1:] == [
        "02 multiply: wrong",
        "  BY_HAND: da of multiply_backward is not -1.8",
        "  for a = 0.9, b = [1.4, -0.8], dy = [0.6, -1.2]",
        "  Hint: the sign is wrong.",
    ]


def graded_in(workbook, name, student="4711"):
    exercise = BY_NAME[name]
    return grade(exercise, load(exercise, workbook / exercise.file_name), student)


def test_an_exercise_is_right_with_all_functions_and_the_answer(workbook):
    answered(workbook, "multiply", 1.8)
    assert graded_in(workbook, "multiply").right == ("BY_HAND",)
    backward = "    a, b = saved\n    da, db = sum_to_shape(dy * b, a.shape), dy * a\n"
    backward += "    return da, sum_to_shape(db, b.shape)"
    file_with(workbook, "multiply", "    return a * b, (a, b)", backward)
    assert graded_in(workbook, "multiply").state == "right"
    file = workbook / "02_multiply.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("BY_HAND = 1.8", "BY_HAND = ..."), encoding="utf-8")
    result = graded_in(workbook, "multiply")
    assert result.state == "to do"
    assert result.details == ("to do: BY_HAND",)
    assert result.right == ("multiply_forward", "multiply_backward")
    assert grade(BY_NAME["multiply"], load(BY_NAME["multiply"], file)).state == "right"


def test_a_file_of_another_student_is_found(workbook, tmp_path):
    """It is complete, and right for the student who wrote it."""
    own = tmp_path / "05_linear.py"
    question = question_of(BY_NAME["linear"], "1")
    text = f"{solution(BY_NAME['linear'])}\n\n{question.text}\nBY_HAND = {question.answer}\n"
    own.write_text(text, encoding="utf-8")
    assert graded_in(tmp_path, "linear", "1").state == "right"
    (workbook / "05_linear.py").write_text(text, encoding="utf-8")
    result = graded_in(workbook, "linear")
    own = question_of(BY_NAME["linear"], "4711")
    assert result.details[0] == "the file lacks your question about dx[0, 0] of linear_backward"
    assert result.details[1] == case_lines(own.case)[0]
    assert result.details[-1].startswith("Hint: each student number has other questions.")


def test_a_file_that_is_written_anew_has_the_question(workbook):
    before = (workbook / "05_linear.py").read_bytes()
    (workbook / "05_linear.py").unlink()
    assert start(workbook) == ["05_linear.py"]
    assert (workbook / "05_linear.py").read_bytes() == before


def test_a_workbook_keeps_its_number(workbook, tmp_path, capsys):
    assert (workbook / "student.txt").read_text() == "4711\n"
    assert "## Your own numbers" in (workbook / "README.md").read_text(encoding="utf-8")
    assert start(workbook, "4711") == []
    with pytest.raises(UserError, match=r"is a workbook of 4711; name a new folder for 1$"):
        start(workbook, "1")
    start(tmp_path / "other")
    assert not (tmp_path / "other" / "student.txt").exists()
    assert "own numbers" not in (tmp_path / "other" / "README.md").read_text(encoding="utf-8")
    with pytest.raises(UserError, match="is a workbook without a student number; name a new"):
        start(tmp_path / "other", "1")
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "student.txt").write_text("1\n")  # killed after the first file
    assert len(start(tmp_path / "begun")) == len(EXERCISES) + 1
    assert "BY_HAND" in (tmp_path / "begun" / "01_add.py").read_text(encoding="utf-8")


def test_the_number_can_be_demanded(workbook, tmp_path, capsys):
    output_of(capsys, 0, "check", workbook, "add", "--student", "4711")
    found = output_of(capsys, 1, "check", workbook, "add", "--student", "1")
    assert found == f"flashlm: {workbook} is the workbook of 4711, not of 1\n"
    start(tmp_path / "other")
    found = output_of(capsys, 1, "check", tmp_path / "other", "--student", "1")
    assert found.endswith("other has no student number: it has no file student.txt\n")


@pytest.mark.parametrize("number", ["", " ", "47 11", "../x", "é", "x" * 33, "-1"])
def test_a_number_has_letters_and_digits(number, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["course", "start", str(tmp_path / "new"), f"--student={number}"])
    assert "is no student number; it has at most 32 letters, digits" in capsys.readouterr().err
    (tmp_path / "01_add.py").write_text("")  # a workbook
    (tmp_path / "student.txt").write_text(f"{number}\n", encoding="utf-8")
    found = output_of(capsys, 1, "check", tmp_path, "add")
    assert "student.txt holds no student number; write one: at most 32 letters" in found


def test_junit_names_the_student(workbook, tmp_path, capsys):
    output_of(capsys, 0, "check", workbook, "add", "sum", "--junit", tmp_path / "junit.xml")
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot().find("testsuite")
    assert suite.find("properties/property").attrib == {"name": "student", "value": "4711"}
    assert len(suite.findall("testcase")) == 2


def test_the_files_are_python(workbook):
    for file in workbook.glob("*.py"):
        ast.parse(file.read_text(encoding="utf-8"))
