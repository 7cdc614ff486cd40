"""The trouble of one exercise is told as it was, and changes no other verdict."""

import os
import re
import socket
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from course_answers import BY_NAME, solution
from course_commands import file_with, line_of, output_of, unwrapped

from flashlm_np.course import runner

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
        "its process ended with exit code 3, before it was graded",
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
        "sigmoid_forward, line {line}: EOFError: EOF when reading a line\n  for x = [0.0]\n  "
        "Hint: nobody types during a check: leave out input() and breakpoint().",
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
    assert (
        "12 ternarize: wrong\n  the file is UTF-16 text\n  Hint: save it as UTF-8.\n" in found
    )
    assert "13 ternary_linear: to do\n" in found
    assert found.endswith("\n\n12 wrong, 15 to do\n")
    suite = ElementTree.parse(junit).getroot().find("testsuite")
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "27",
        "failures": "3",
        "errors": "9",
        "skipped": "15",
    }


def test_an_answer_changes_nothing_else(workbook, capsys):
    """A file that changes NumPy is wrong, whatever it computes; no other verdict changes."""
    above = "import numpy as np\nnp.abs = lambda x: 0 * x\n"
    wrong = "    return a - b, (a.shape, b.shape)"
    file_with(workbook, "add", "    return dy", wrong, above=above)
    for name in ("multiply", "sum"):
        file = workbook / BY_NAME[name].file_name
        file.write_text(solution(BY_NAME[name]), encoding="utf-8")
    file.write_text(file.read_text(encoding="utf-8") + "np.seterr(all='raise')\n", "utf-8")
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


# -- the end of a process ----------------------------------------------------------------------

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such signals or files")
ENDS = {
    "add": ("os.kill(os.getpid(), signal.SIGKILL)", "was ended by the signal SIGKILL (Killed"),
    "multiply": (
        "os.kill(os.getpid(), signal.SIGSEGV)",
        "was ended by the signal SIGSEGV (Segmentation fault",
    ),
    "sum": ("os._exit(0)", "ended with exit code 0, before it was graded"),
    "matmul": (
        "signal.setitimer(signal.ITIMER_REAL, 0.01); signal.pause()",
        "was ended by the signal SIGALRM (Alarm clock",
    ),
}


@posix
def test_the_end_of_a_process_is_told_as_it_was(workbook, capsys):
    for name, (body, _) in ENDS.items():
        below = f"import os, signal\n\ndef end():\n    {body}\n\nend()\n"
        file_with(workbook, name, solved=True, below=below)
    found = unwrapped(output_of(capsys, 1, "check", workbook, *ENDS))
    for name, (_, reason) in ENDS.items():
        assert f"{BY_NAME[name].label}: wrong its process {reason}" in found
    line = line_of(workbook, "multiply", "    os.kill")
    assert re.search(rf"SIGSEGV \([\w :]+\), in line {line}, end", found)


SURVIVED = {
    "add": "import os\nif os.fork() == 0:\n    open('child', 'w').close()\n",
    "multiply": "import os, sys, signal\nsys.stdout.close(); sys.stderr.close()\n"
    "os.chdir('/'); os.environ.clear(); sys.path.clear()\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n",
    "sum": "files = []\ntry:\n    while True: files.append(open(__file__))\n"
    "except OSError:\n    pass\n",
    "linear": "import os, shutil\nshutil.rmtree(os.getcwd())\n",
    "sigmoid": "import gc, threading\ngc.disable()\n"
    "threading.Thread(target=threading.Event().wait).start()\n"
    "threading.Thread(target=lambda: 1 / 0).start()\n",
    "rms_norm": "import resource\nlimits = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
    "resource.setrlimit(resource.RLIMIT_NOFILE, (50, limits[1]))\n",
}


@posix
def test_a_right_answer_stays_right_whatever_else_its_file_does(workbook, capsys):
    for name, below in SURVIVED.items():
        file_with(workbook, name, solved=True, below=below)
    found = output_of(capsys, 0, "check", workbook, *SURVIVED)
    assert found.endswith("\n\n6 right\n"), found


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits addresses")
def test_memory_that_grows_without_end_is_a_memory_error(workbook, capsys):
    body = "    return [np.ones(2**28) for _ in range(20)]"
    file_with(workbook, "multiply", body)
    line = line_of(workbook, "multiply", "2**28")
    found = unwrapped(output_of(capsys, 1, "check", workbook, "multiply"))
    assert f"multiply_forward, line {line}: " in found
    assert "MemoryError: Unable to allocate 2.00 GiB" in found
    assert "Hint: the inputs are small: look for a loop, a list or a shape that grows" in found


@posix
def test_a_file_that_grows_without_end_is_an_error(workbook, capsys):
    """Otherwise the disk would be full, and no other answer could be graded."""
    body = "    with open('file', 'wb') as f:\n        f.seek(10**9)\n        f.write(b'x')"
    file_with(workbook, "multiply", body)
    line = line_of(workbook, "multiply", "open(")
    found = unwrapped(output_of(capsys, 1, "check", workbook, "multiply"))
    place = re.search(
        r"multiply_forward, line (\d+): OSError: \[Errno \d+\] File too large", found
    )
    assert line <= int(place[1]) <= line + 2


@posix
def test_the_children_of_an_answer_end_with_it(workbook, capsys):
    """The child keeps a connection, which is closed at its end."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        child = (
            f"import socket, time; s = socket.create_connection({server.getsockname()!r}); "
            "print(flush=True); time.sleep(600)"
        )
        below = (
            "import subprocess, sys\n"
            f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=-1)\n"
            "child.stdout.readline()\n"
        )
        file_with(workbook, "multiply", solved=True, below=below)
        assert "02 multiply: right\n" in output_of(capsys, 0, "check", workbook, "multiply")
        connection, _ = server.accept()
        connection.settimeout(20)
        with connection:
            assert connection.recv(1) == b""


def test_the_first_lines_of_a_long_output_are_shown(workbook, capsys):
    printing = "for number in range(1000): print(number)\n"
    file_with(workbook, "sum", solved=True, below=printing)
    lines = output_of(capsys, 0, "check", workbook, "sum").splitlines()
    assert lines[-1] == "  | ... and so on"
    assert lines[-2] == f"  | {len(lines) - 5}"
    assert len(lines) == 44


def test_a_check_waits_while_no_process_can_be_started(workbook, capsys, monkeypatch):
    """The children of one answer may be as many as the system allows, until they are ended."""
    start, refusals = subprocess.Popen, [BlockingIOError()] * 2

    def popen(*arguments, **options):
        if refusals:
            raise refusals.pop()
        return start(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", popen)
    file_with(workbook, "sum", solved=True)
    assert output_of(capsys, 0, "check", workbook, "sum").startswith("03 sum: right\n")
    assert not refusals


def test_a_thread_without_end_does_not_delay_the_check(workbook, capsys):
    thread = (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\n"
    )
    file_with(workbook, "multiply", "    return a * b, (a, b)", above=thread)
    assert "right: multiply_forward" in output_of(capsys, 0, "check", workbook, "multiply")
