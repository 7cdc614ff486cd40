"""Files that are no exercise, grades that are none, and modules of the student's folder."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import pytest
from course_answers import BY_NAME, solution
from course_commands import file_with, line_of, output_of, unwrapped

from flashlm_np.course import report, runner, verdict
from flashlm_np.course.exercise import MAX_REASON, Failure, Grade
from flashlm_np.course.workbook import files_in, start

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such files or signals")


# -- files -------------------------------------------------------------------------------------

NO_FILE = "it is no file, but a device or a pipe"


def put(workbook, name, make):
    """Put something else in the place of the file of an exercise."""
    file = workbook / BY_NAME[name].file_name
    file.unlink()
    make(file)


@posix
def test_a_file_that_is_none_is_told_and_stops_no_other(workbook, capsys):
    file_with(workbook, "add", solved=True)
    put(workbook, "multiply", os.mkfifo)
    put(workbook, "sum", lambda file: file.symlink_to("/dev/zero"))
    put(workbook, "matmul", lambda file: file.mkdir())
    put(workbook, "linear", lambda file: file.symlink_to("nowhere"))
    put(workbook, "relu_squared", lambda file: file.symlink_to(file.name))
    put(workbook, "sigmoid", lambda file: file.write_bytes(b"#" * 1_000_001))
    put(workbook, "sigmoid_gate", lambda file: file.write_bytes(b"\0" * 100))
    found = output_of(capsys, 1, "check", workbook)
    for label, reason in {
        "02 multiply": NO_FILE,
        "03 sum": NO_FILE,
        "04 matmul": "Is a directory",
        "05 linear": "No such file or directory",
        "06 relu_squared": "Too many levels of symbolic links",
        "07 sigmoid": "it has more than 1,000,000 bytes",
    }.items():
        file = workbook / f"{label.replace(' ', '_')}.py"
        assert f"{label}: wrong cannot read {file}: {reason} " in " ".join(found.split())
    assert "null bytes" in found
    assert found.startswith("01 add: right\n")
    assert found.endswith("\n\n1 right, 7 wrong, 19 to do\n")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read any file")
def test_a_file_without_permission_is_told(workbook, capsys):
    file = workbook / "02_multiply.py"
    file.chmod(0)
    found = " ".join(output_of(capsys, 1, "check", workbook).split())
    assert found.startswith(
        f"01 add: to do 02 multiply: wrong cannot read {file}: Permission denied "
    )


def test_code_that_is_too_deep_stops_no_other(workbook, capsys):
    """Python 3.10 crashes while it reads such code."""
    (workbook / "01_add.py").write_text("add" + ".a" * 300_000)
    found = output_of(capsys, 1, "check", workbook)
    assert found.startswith("01 add: wrong\n")
    assert found.endswith("\n\n1 wrong, 26 to do\n")


def test_line_ends_of_windows_and_a_byte_order_mark_change_nothing(workbook, capsys):
    todo, solved = workbook / "01_add.py", workbook / "02_multiply.py"
    todo.write_bytes(todo.read_bytes().replace(b"\n", b"\r\n"))
    text = "\ufeff" + solution(BY_NAME["multiply"]).replace("\n", "\r\n")
    solved.write_bytes(text.encode())
    assert output_of(capsys, 0, "check", workbook, "add", "multiply").splitlines()[:3] == [
        "01 add: to do",
        "  to do: sum_to_shape, add_forward, add_backward",
        "02 multiply: right",
    ]


# -- messages ----------------------------------------------------------------------------------


def test_a_message_of_ten_megabytes_is_cut(workbook, capsys, tmp_path):
    """A message may hold any character, and none may be printable, or valid in XML."""
    long = "    raise ValueError('\\ud800\\0\\x1b]0;' + 'x' * 10_000_000)"
    file_with(workbook, "multiply", long)
    file_with(workbook, "sum", "    print('\\x00\\x1b' + 'x' * 10_000)\n    return x, x")
    junit = tmp_path / "junit.xml"
    found = output_of(capsys, 1, "check", workbook, "multiply", "sum", "--junit", junit)
    assert "ValueError: ���]0;xxxx" in unwrapped(found)
    assert len(found) < 10_000
    one, _ = ElementTree.parse(junit).getroot().iter("testcase")
    assert len(one.find("error").text) < 2 * MAX_REASON


def test_any_character_of_a_message_gives_valid_xml():
    text = "".join(map(chr, range(0x3000))) + "\ud800\udfff\ufffe\uffff\U0010ffff]]>"
    grade = Grade.of_failure(Failure(text), [text])
    grade.printed = text
    root = ElementTree.fromstring(report.junit({BY_NAME["add"]: grade}))
    assert root.find(".//failure").text
    assert all(line.isprintable() for line in report.printable(text[:128]).split())


# -- grades ------------------------------------------------------------------------------------

RIGHT = {"state": "right", "details": ["text"], "right": [], "crashed": False}
NO_GRADES = {
    "nothing": "",
    "no JSON": "{",
    "a number": "1",
    "NaN": "NaN",
    "a list": json.dumps([RIGHT]),
    "an unknown state": json.dumps(RIGHT | {"state": "best"}),
    "a state of another type": json.dumps(RIGHT | {"state": ["right"]}),
    "an entry too few": json.dumps({"state": "right"}),
    "an entry too many": json.dumps(RIGHT | {"seconds": 1}),
    "details of another type": json.dumps(RIGHT | {"details": "text"}),
    "no details": json.dumps(RIGHT | {"details": []}),
    "details of numbers": json.dumps(RIGHT | {"details": [1]}),
    "right of lists": json.dumps(RIGHT | {"right": [[]]}),
    "crashed of another type": json.dumps(RIGHT | {"crashed": 0}),
    "deep": "[" * 100_000 + "]" * 100_000,
    "long": json.dumps(RIGHT | {"details": ["x" * 1_000_000]}),
    "a long number": '{"state": ' + "1" * 10_000 + "}",
}


@pytest.mark.parametrize("name", NO_GRADES)
def test_a_file_that_holds_no_grade_gives_none(name, tmp_path):
    file = tmp_path / "grade.json"
    file.write_text(NO_GRADES[name], encoding="utf-8")
    assert verdict.grade_in(file) is None


def test_a_grade_is_read_as_it_was_written(tmp_path):
    file, grade = tmp_path / "grade.json", Grade("to do", ["\ud800"], ["add"], crashed=True)
    file.write_text(verdict.as_json(grade), encoding="utf-8")
    assert verdict.grade_in(file) == grade
    assert verdict.grade_in(tmp_path) is verdict.grade_in(tmp_path / "nothing") is None


STACK = 'Fatal Python error: Aborted\n\nThread 0x1:\n  File "{}", line 3 in Timeout_of\n'
ENDS = [
    (3, "", "its process ended with exit code 3, before it was graded"),
    (0xC0000005, "", "its process ended with exit code 0xc0000005, before it was graded"),
    (1, "Timeout (0:00:20)!\n", "took longer than 20 s: an endless loop?"),
    (
        1,
        STACK,
        "its process ended with exit code 1, in line 3, Timeout_of, before it was graded",
    ),
    (-1000, "", "its process was ended by the signal 1000"),
]


@pytest.mark.parametrize(("code", "stack", "reason"), ENDS)
def test_the_end_of_a_process_is_read_from_its_code_and_its_stack(
    code, stack, reason, tmp_path
):
    """Windows has exit codes of its own for crashes."""
    file, trace = tmp_path / "07_sigmoid.py", tmp_path / "trace.txt"
    trace.write_text(stack.format(file), encoding="utf-8")
    assert verdict.reason_of_end(code, trace, file, 20.0) == reason


def test_an_answer_that_writes_another_grade_is_told(workbook, capsys):
    """It finds the file in the arguments of its process."""
    below = (
        "import json, os, pathlib, sys\n"
        "folder = pathlib.Path(json.loads(sys.argv[1])[1][2])\n"
        "(folder / 'grade.json').write_text('[1, NaN]')\nos._exit(0)\n"
    )
    file_with(workbook, "multiply", solved=True, below=below)
    assert output_of(capsys, 1, "check", workbook, "multiply") == (
        "02 multiply: wrong\n  its process ended with exit code 0, before it was graded\n"
    )


# -- modules of the student's folder -----------------------------------------------------------


def test_a_module_of_the_student_hides_none_of_a_library(workbook, capsys, monkeypatch):
    """But an exercise may import a file that lies beside it."""
    for name in ("numpy", "random", "json", "inspect", "minigrad", "flashlm_np"):
        (workbook / f"{name}.py").write_text("raise SystemExit('a module of the student')\n")
    (workbook / "helper.py").write_text("def product(a, b):\n    return a * b, (a, b)\n")
    file_with(workbook, "add", solved=True)
    body = "    import helper\n    return helper.product(a, b)"
    file_with(workbook, "multiply", body)
    monkeypatch.chdir(workbook)
    monkeypatch.setattr(sys, "path", ["", *sys.path, str(workbook)])
    assert output_of(capsys, 0, "check", ".", "add", "multiply").splitlines()[:3] == [
        "01 add: right",
        "  It gives the results of the package on 23 inputs, in float64 and float32.",
        "02 multiply: to do (right: multiply_forward)",
    ]


def test_the_line_is_found_in_a_folder_of_any_name(tmp_path, capsys):
    workbook = tmp_path / "Übungen „1“ 🐍 [a]"
    start(workbook)
    file_with(workbook, "multiply", "    while True:\n        pass")
    line = line_of(workbook, "multiply", "while True")
    found = unwrapped(output_of(capsys, 1, "check", workbook, "2", "--timeout", "0.7"))
    assert f", in line {line}, multiply_forward: an endless loop?" in found.replace(
        f"line {line + 1},", f"line {line},"
    )


# -- the command -------------------------------------------------------------------------------


def test_two_checks_at_once_disturb_nobody(workbook):
    for name in ("add", "sum"):
        file_with(workbook, name, solved=True)
    file_with(workbook, "multiply", "    open('file', 'x').close()\n    return a * b, (a, b)")
    files = files_in(workbook)
    chosen = {BY_NAME[name]: files[name] for name in ("add", "multiply", "sum")}
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: list(runner.check(chosen)), range(2))
    states = [[grade.state for _, grade in grades] for grades in (one, other)]
    assert states == [["right", "wrong", "right"]] * 2
    reasons = {grades[1][1].details[0].partition(": ")[2] for grades in (one, other)}
    assert reasons == {"FileExistsError: [Errno 17] File exists: 'file'"}


def test_a_timeout_may_be_longer_than_any_clock(workbook, capsys):
    file_with(workbook, "sum", solved=True)
    found = output_of(capsys, 0, "check", workbook, "sum", "--timeout", "1e300")
    assert found.startswith("03 sum: right\n")


@posix
def test_ctrl_c_ends_a_check_in_one_line(workbook):
    file_with(workbook, "multiply", "    while True:\n        pass")
    command = [sys.executable, "-m", "flashlm_np", "course", "check", str(workbook)]
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout.readline() == "01 add: to do\n"
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (130, "flashlm: interrupted\n")
