"""`flashlm course` for students and instructors, with its errors."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from course_answers import BY_NAME, solution
from course_commands import file_with, line_of, output_of, unwrapped

from flashlm_np.cli import main
from flashlm_np.commands import PYTHON, command
from flashlm_np.course import report
from flashlm_np.course.exercise import Grade


@pytest.fixture
def workbook(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "workbook"
    assert main(["course", "start", str(folder)]) == 0
    assert capsys.readouterr().out == (
        f"{folder}: wrote 28 files, README.md to 27_attention.py\n"
        f"Begin with its README.md. Check with: {command('course', 'check', folder)}\n"
    )
    return folder


# -- a student ---------------------------------------------------------------------------------


def test_an_exercise_is_to_do_then_wrong_then_right(workbook, capsys):
    lines = output_of(capsys, 0, "check", workbook).splitlines()
    assert lines[:2] == ["01 add: to do", "02 multiply: to do"]
    assert lines[-2:] == ["", "27 to do"]
    assert output_of(capsys, 0, "check", workbook, "multiply") == (
        "02 multiply: to do\n  to do: multiply_forward, multiply_backward\n"
    )
    file_with(
        workbook, "multiply", "    return a * b, (a, b)", above="print('hello \x1b[31m')\n"
    )
    assert output_of(capsys, 0, "check", workbook, "multiply") == (
        "02 multiply: to do (right: multiply_forward)\n"
        "  to do: multiply_backward\n"
        "  It printed:\n"
        "  | hello �[31m\n"
    )
    file_with(workbook, "multiply", "    a, b = saved\n    return dy * b, -dy * a")
    found = output_of(capsys, 1, "check", workbook)
    assert (
        "02 multiply: wrong\n"
        "  multiply_backward, argument b, index (0,): expected 3.0, found -3.0\n"
        "  for a = [1.0, -0.5], b = [0.5, -1.0], dy = [3.0, -2.0]\n"
        "  A finite difference of the forward pass gives 3, too.\n"
        "  Hint: every element of db has the wrong sign.\n"
        "03 sum: to do\n"
    ) in found
    assert found.endswith("\n\n1 wrong, 26 to do\n")
    file = workbook / "02_multiply.py"
    file.write_text(solution(BY_NAME["multiply"]), encoding="utf-8")
    assert output_of(capsys, 0, "check", workbook, "2") == (
        "02 multiply: right\n"
        "  It gives the results of the package on 14 inputs, in float64 and float32.\n"
    )


def test_in_the_project_the_printed_command_is_run_py(workbook, capsys, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[3])
    last = output_of(capsys, 0, "start", workbook).splitlines()[-1]
    assert last.endswith(f" Check with: {PYTHON} run.py course check {workbook}")


def test_the_file_of_an_exercise_is_an_error_that_shows_the_order(workbook, capsys):
    assert main(["course", "check", str(workbook / "02_multiply.py")]) == 1
    right = command("course", "check", workbook, "02_multiply.py")
    assert capsys.readouterr().err.endswith(f"is a file; its folder comes first: {right}\n")
    output_of(capsys, 0, "check", workbook, "02_multiply.py")


def test_the_folder_after_an_exercise_is_an_error_that_shows_the_order(workbook, capsys):
    assert main(["course", "check", "add", "9", str(workbook)]) == 1
    right = command("course", "check", workbook, "add", "9")
    message = f"flashlm: the folder comes before the names of exercises: {right}\n"
    assert capsys.readouterr().err == message


def test_a_transposed_stack_of_matrices_is_explained(workbook, capsys):
    file_with(
        workbook,
        "matmul",
        "    return a @ b, (a, b)",
        "    a, b = saved\n    return dy @ b.T, a.T @ dy",
    )
    assert ".T reverses all axes; np.swapaxes(a, -1, -2) exchanges the last two." in unwrapped(
        output_of(capsys, 1, "check", workbook, "matmul")
    )


def test_several_exercises_are_checked_by_name_or_number(workbook, capsys):
    assert output_of(capsys, 0, "check", workbook, "SUM", "4", "sum") == (
        "03 sum: to do\n  to do: sum_forward, sum_backward\n"
        "04 matmul: to do\n  to do: matmul_forward, matmul_backward\n"
        "\n2 to do\n"
    )


def test_a_blank_function_may_be_used_by_the_others(workbook, capsys):
    """The student's other functions call the package's function instead of a blank one."""
    file_with(
        workbook,
        "add",
        '    raise NotImplementedError(\n        "to do")',
        "    return a + b, (a.shape, b.shape)",
        "    return sum_to_shape(dy, saved[0]), sum_to_shape(dy, saved[1])",
    )
    assert output_of(capsys, 0, "check", workbook, "add") == (
        "01 add: to do (right: add_forward, add_backward)\n  to do: sum_to_shape\n"
    )


def test_a_function_that_raises_to_do_at_its_end_is_to_do(workbook, capsys):
    body = '    s = sigmoid(g)\n    raise NotImplementedError("to do")'
    file_with(workbook, "sigmoid_gate", body)
    line = line_of(workbook, "sigmoid_gate", "s = sigmoid(g)") + 1
    assert output_of(capsys, 0, "check", workbook, "sigmoid_gate") == (
        f"08 sigmoid_gate: to do\n  sigmoid_gate_forward, line {line}: still to do\n"
    )


# -- errors of the command ---------------------------------------------------------------------


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "inf", "x"])
def test_a_timeout_is_a_number_of_seconds(timeout, workbook, capsys):
    with pytest.raises(SystemExit):
        main(["course", "check", str(workbook), "--timeout", timeout])
    error = capsys.readouterr().err
    assert "is not a number of seconds above 0" in error or "invalid float value: 'x'" in error


def test_unknown_folders_and_names_are_errors(workbook, capsys, tmp_path):
    assert output_of(capsys, 1, "check", tmp_path / "nowhere") == (
        f"flashlm: there is no folder {tmp_path / 'nowhere'}; write one with: "
        f"{command('course', 'start', tmp_path / 'nowhere')}\n"
    )
    assert "is no workbook" in output_of(capsys, 1, "check", tmp_path)
    assert output_of(capsys, 1, "check", workbook, "matmull") == (
        "flashlm: there is no exercise 'matmull'; did you mean matmul or multiply?\n"
    )
    assert output_of(capsys, 0, "start", workbook).startswith(f"{workbook} is complete; ")


# -- instructors -------------------------------------------------------------------------------


def test_strict_fails_unless_all_are_right(workbook, capsys, tmp_path):
    output_of(capsys, 0, "check", workbook)
    output_of(capsys, 1, "check", workbook, "--strict")
    file = workbook / "06_relu_squared.py"
    file.write_text(solution(BY_NAME["relu_squared"]), encoding="utf-8")
    output_of(capsys, 0, "check", workbook, "relu_squared", "--strict")
    output_of(capsys, 1, "check", workbook, "sum", "--strict")


def test_junit_has_a_case_per_exercise():
    wrong = ("f, argument x: expected 1.0, found 2.0", "for x = [\x00 <&>]", "Hint: ")
    results = {
        BY_NAME["add"]: Grade("right", seconds=0.25),
        BY_NAME["sum"]: Grade("to do", ("to do: sum_forward",)),
        BY_NAME["matmul"]: Grade("wrong", wrong, printed="\x1b[0m"),
        BY_NAME["pack"]: Grade("wrong", ("took longer than 20 s",), crashed=True),
    }
    root = ElementTree.fromstring(report.junit(results))
    suite = root.find("testsuite")
    assert suite.attrib == {
        "name": "flashlm course",
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
        "time": "0.250",
    }
    right, todo, failed, crashed = suite.findall("testcase")
    assert right.attrib == {"classname": "course", "name": "01_add", "time": "0.250"}
    assert list(right) == []
    assert todo.find("skipped").get("message") == "to do: sum_forward"
    assert failed.find("failure").get("message") == wrong[0]
    assert failed.find("failure").text == "\n".join([wrong[0], "for x = [� <&>]", "Hint: "])
    assert failed.find("system-out").text == "�[0m"
    assert crashed.find("error").text == "took longer than 20 s"
