"""`flashlm course` for students and instructors, with its errors."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from course_answers import BY_NAME, solution

from flashlm_np.cli import main
from flashlm_np.commands import PYTHON, command
from flashlm_np.course import report, runner
from flashlm_np.course.exercise import Grade


def file_with(workbook, name, *bodies, above=""):
    """Write these bodies into the first functions of a student's file."""
    exercise = BY_NAME[name]
    file = workbook / exercise.file_name
    text = file.read_text(encoding="utf-8")
    for body in bodies:
        text = text.replace('    raise NotImplementedError("to do")', body, 1)
    future = "from __future__ import annotations\n"
    file.write_text(text.replace(future, future + above), encoding="utf-8")


@pytest.fixture
def workbook(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "workbook"
    assert main(["course", "start", str(folder)]) == 0
    assert capsys.readouterr().out == (
        f"{folder}: wrote 23 files, README.md to 22_backward_steps.py\n"
        f"Check with: {command('course', 'check', folder)}\n"
    )
    return folder


def output_of(capsys, code, *arguments):
    assert main(["course", *map(str, arguments)]) == code
    captured = capsys.readouterr()
    return captured.out + captured.err


def unwrapped(text):
    return " ".join(text.split())


def line_of(workbook, name, text):
    lines = (workbook / BY_NAME[name].file_name).read_text(encoding="utf-8").splitlines()
    return 1 + next(number for number, line in enumerate(lines) if text in line)


# -- a student ---------------------------------------------------------------------------------


def test_an_exercise_is_to_do_then_wrong_then_right(workbook, capsys):
    lines = output_of(capsys, 0, "check", workbook).splitlines()
    assert lines[:2] == ["01 add: to do", "02 multiply: to do"]
    assert lines[-2:] == ["", "22 to do"]
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
    assert found.endswith("\n\n1 wrong, 21 to do\n")
    file = workbook / "02_multiply.py"
    file.write_text(solution(BY_NAME["multiply"]), encoding="utf-8")
    assert output_of(capsys, 0, "check", workbook, "2") == (
        "02 multiply: right\n"
        "  It gives the results of the package on 14 inputs, in float64 and float32.\n"
    )


def test_in_the_project_the_printed_command_is_run_py(workbook, capsys, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[3])
    last = output_of(capsys, 0, "start", workbook).splitlines()[-1]
    assert last == f"Check with: {PYTHON} run.py course check {workbook}"


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


# -- failures ----------------------------------------------------------------------------------

BROKEN = {
    "add": (
        "    return dy.sum(axis=undefined)",
        "sum_to_shape, line {line}: NameError: name "
        "'undefined' is not defined\n  for dy = [1.0, -0.5], shape = (2,)",
    ),
    "multiply": (
        "    exit()",
        "multiply_forward, line {line}: leaves the program (SystemExit)\n"
        "  for a = [1.0, -0.5], b = [0.5, -1.0]",
    ),
    "sum": (
        "    __import__('os')._exit(3)",
        "left Python with exit code 3 before the end: os._exit?",
    ),
    "matmul": (
        "    while True:\n        print('x' * 10000)",
        "printed more than 1 MB: an endless loop?",
    ),
    "linear": ("    return x @ w.T + (b,", "line {line}: SyntaxError: '(' was never closed"),
    "relu_squared": (
        "    x[x < 0] = 0\n    return x * x, (x,)",
        "relu_squared_forward, line {line}: writes into x\n  for x = [1.0]\n"
        "  Hint: inputs, dy and saved are read-only, because other code still needs them. "
        "Make a new\n    array and write into that.",
    ),
    "sigmoid": (
        "    return input('?')",
        "sigmoid_forward, line {line}: EOFError: EOF when reading a line\n  for x = [0.0]",
    ),
    "sigmoid_gate": (
        "    return 1 / 0",
        "sigmoid_gate_forward, line {line}: ZeroDivisionError: "
        "division by zero\n  for g = [0.0], v = [0.5]",
    ),
}


def test_the_message_explains_every_failure(workbook, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(runner, "MAX_PRINTED", 1_000_000)
    expected = {}
    for name, (body, reason) in BROKEN.items():
        file_with(workbook, name, body)
        line = line_of(workbook, name, body.splitlines()[0].strip())
        expected[name] = reason.format(line=line)
    (workbook / "09_rms_norm.py").write_text("def rms_norm_forward(x, w):\n    pass\n")
    expected["rms_norm"] = (
        "the file defines no function rms_norm_backward\n"
        "  Hint: keep every function of the exercise, if only with the line raise "
        'NotImplementedError("to\n    do").'
    )
    (workbook / "10_embedding.py").write_text(
        "def embedding_forward(w):\n    pass\ndef embedding_backward(dy, saved):\n    pass\n"
    )
    expected["embedding"] = (
        "embedding_forward takes (w), expected (w, ids)\n"
        "  Hint: leave its first line as it was."
    )
    file_with(workbook, "causal_conv", "    return x", above="import nowhere\n")
    line = line_of(workbook, "causal_conv", "import nowhere")
    expected["causal_conv"] = (
        f"reading the file, line {line}: ModuleNotFoundError: No module named 'nowhere'"
    )
    (workbook / "12_ternarize.py").write_bytes(b"\xff\xfe")
    (workbook / "13_ternary_linear.py").unlink()
    junit = tmp_path / "junit.xml"
    found = output_of(capsys, 1, "check", workbook, "--junit", junit)
    for name, reason in expected.items():
        assert unwrapped(f"{BY_NAME[name].label}: wrong {reason}") in unwrapped(found)
    assert "12 ternarize: wrong\n  line 1: SyntaxError: (unicode error) " in found
    assert "13 ternary_linear: to do\n" in found
    assert found.endswith("\n\n12 wrong, 10 to do\n")
    suite = ElementTree.parse(junit).getroot().find("testsuite")
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "22",
        "failures": "3",
        "errors": "9",
        "skipped": "10",
    }


def test_an_answer_changes_nothing_else(workbook, capsys):
    """A file that changes NumPy is wrong, whatever it computes; no other verdict changes."""
    above = "import numpy as np\nnp.abs = lambda x: 0 * x\n"
    wrong = "    return a - b, (a.shape, b.shape)"
    file_with(workbook, "add", "    return dy", wrong, above=above)
    for name in ("multiply", "sum"):
        file = workbook / BY_NAME[name].file_name
        file.write_text(solution(BY_NAME[name]), encoding="utf-8")
    file.write_text(file.read_text(encoding="utf-8") + "np.seterr(all='raise')\n")
    found = unwrapped(output_of(capsys, 1, "check", workbook, "add", "multiply", "sum"))
    assert (
        "01 add: wrong reading the file: changes numpy.abs Hint: other code uses it, too. "
        "Write a function of your own, with a name of its own."
    ) in found
    assert "02 multiply: right" in found
    assert (
        "03 sum: right It gives the results of the package on 12 inputs, in float64 and "
        "float32. Note: it changes np.seterr; the grader changed that back."
    ) in found


LOOKS = {
    "multiply": ("import sys\n", "    f = sys._getframe(1)", "looks at the call stack"),
    "sigmoid_gate": ("import inspect\n", "    f = inspect.stack()", "looks at the call stack"),
    "relu_squared": (
        "",
        "    try:\n        1 / 0\n    except ZeroDivisionError as e:\n"
        "        f = e.__traceback__.tb_frame.f_back",
        "looks at the call stack",
    ),
    "sigmoid": ("import gc\n", "    f = gc.get_objects()", "searches the program's memory"),
}


def test_an_answer_does_not_look_at_the_grader(workbook, capsys):
    expected = []
    for name, (above, body, act) in LOOKS.items():
        file_with(workbook, name, f"{body}\n    raise ValueError", above=above)
        exercise = BY_NAME[name]
        line = line_of(workbook, name, body.splitlines()[-1].strip())
        expected.append(
            f"{exercise.label}: wrong {exercise.functions[0].__name__}, line {line}: {act} for"
        )
    file_with(workbook, "sum", "    return x", above="from flashlm_np.course import grader\n")
    line = line_of(workbook, "sum", "import grader")
    expected.append(
        f"03 sum: wrong line {line}: imports the grader Hint: an answer needs NumPy"
    )
    found = unwrapped(output_of(capsys, 1, "check", workbook))
    for text in expected:
        assert text in found


def test_a_look_by_a_library_is_none(workbook, capsys):
    """namedtuple looks for the name of the module that calls it."""
    above = (
        "from collections import namedtuple\nimport logging\n"
        "Saved = namedtuple('Saved', 'a b')\nlogging.warning('read')\n"
    )
    file_with(workbook, "multiply", "    return a * b, Saved(a, b)", above=above)
    found = output_of(capsys, 0, "check", workbook, "multiply")
    assert found.startswith("02 multiply: to do (right: multiply_forward)\n")


RAISED = {
    "add": ("KeyboardInterrupt", "KeyboardInterrupt"),
    "multiply": ("KeyboardInterrupt('text')", "KeyboardInterrupt: text"),
    "sum": ("GeneratorExit", "GeneratorExit"),
    "matmul": ("type('Own', (BaseException,), {})(3)", "Own: 3"),
    "linear": ("SystemExit(0)", "leaves the program (SystemExit)"),
    "relu_squared": ("MemoryError", "MemoryError"),
    "sigmoid": ("RecursionError", "RecursionError"),
}


def test_each_exception_is_told_as_it_was(workbook, capsys):
    expected = []
    for name, (error, text) in RAISED.items():
        function = next(iter(BY_NAME[name].solution))
        body = f"    raise {error}"
        file_with(workbook, name, *[body] * len(BY_NAME[name].solution))
        line = line_of(workbook, name, body.strip())
        expected.append(f"{BY_NAME[name].label}: wrong {function}, line {line}: {text} for")
    file_with(workbook, "sigmoid_gate", "    return g", above="raise KeyboardInterrupt\n")
    line = line_of(workbook, "sigmoid_gate", "raise KeyboardInterrupt")
    expected.append(f"08 sigmoid_gate: wrong reading the file, line {line}: KeyboardInterrupt")
    found = unwrapped(output_of(capsys, 1, "check", workbook))
    for text in expected:
        assert text in found


def test_an_endless_loop_is_stopped(workbook, capsys):
    file_with(workbook, "add", "    while True:\n        dy = dy", above="print('begun')\n")
    found = output_of(capsys, 1, "check", workbook, "add", "--timeout", "0.5")
    place = re.search(r"line (\d+), sum_to_shape", found)
    line = line_of(workbook, "add", "while True:")
    assert int(place[1]) in (line, line + 1)
    assert found == (
        "01 add: wrong\n"
        f"  took longer than 0.5 s, in line {place[1]}, sum_to_shape: an endless loop?\n"
        "  It printed:\n"
        "  | begun\n"
    )


def test_a_thread_without_end_does_not_delay_the_check(workbook, capsys):
    thread = (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\n"
    )
    file_with(workbook, "multiply", "    return a * b, (a, b)", above=thread)
    assert "right: multiply_forward" in output_of(capsys, 0, "check", workbook, "multiply")


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
