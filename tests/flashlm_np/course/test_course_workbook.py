"""The workbook: pages without function bodies; existing files are not overwritten."""

import ast
import inspect
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import get_type_hints

import pytest
from course_answers import solution

from flashlm_np.course.blanks import exercise_text, is_blank, source_of
from flashlm_np.course.exercises import EXERCISES, find
from flashlm_np.course.runner import check
from flashlm_np.course.source import read
from flashlm_np.course.workbook import expect_workbook, files_in, start
from flashlm_np.errors import UserError
from minigrad.ops import gated

by_label = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)

IN_ORDER = """
add multiply sum matmul linear relu_squared sigmoid sigmoid_gate rms_norm embedding causal_conv
ternarize ternary_linear cross_entropy tied_head adamw newton_schulz normuon pack table_product
accumulate backward_steps two_level sampled bit_linear mlgru attention
"""


def test_the_exercises_are_in_order():
    assert [exercise.name for exercise in EXERCISES] == IN_ORDER.split()
    assert [exercise.number for exercise in EXERCISES] == list(
        range(1, len(IN_ORDER.split()) + 1)
    )


# -- pages without bodies ------------------------------------------------------------------


@by_label
def test_a_page_keeps_its_text_and_loses_its_bodies(exercise):
    text = exercise_text(exercise)
    tree = ast.parse(text)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert ast.get_docstring(tree) == inspect.getdoc(exercise.page)
    assert list(functions) == list(exercise.solution)
    assert all(is_blank(function) for function in functions.values())
    for name, function in exercise.solution.items():
        _, source = source_of(function)
        assert ast.unparse(functions[name].args) == ast.unparse(source.args)
        assert ast.get_docstring(functions[name]) == ast.get_docstring(source)
    assert max(map(len, text.splitlines())) <= 96


@by_label
def test_a_page_can_be_imported_from_any_folder(exercise, tmp_path):
    """The page imports by absolute names, and its functions raise "to do"."""
    module = {"__name__": "elsewhere"}
    exec(compile(exercise_text(exercise), "elsewhere.py", "exec"), module)
    for name in exercise.solution:
        get_type_hints(module[name])  # every name in an annotation is imported
        with pytest.raises(NotImplementedError, match=r"^to do$"):
            module[name](*[None] * module[name].__code__.co_argcount, **_options(module[name]))


def _options(function):
    names = function.__code__.co_varnames[function.__code__.co_argcount :]
    return dict.fromkeys(names[: function.__code__.co_kwonlyargcount])


def test_the_text_of_a_page():
    assert (
        exercise_text(find("sigmoid_gate"))
        == """\
# 08 sigmoid_gate
#
# To write: sigmoid_gate_forward, sigmoid_gate_backward
# To check: flashlm course check . sigmoid_gate
#
# The text below is the page minigrad/ops/gated.py. The exercise is its part about these
# functions.
"""
        + f'"""{gated.__doc__}"""'
        + """

from __future__ import annotations

import numpy as np

from minigrad.ops.activations import sigmoid


def sigmoid_gate_forward(g, v):
    # Return y, saved. The package saves (s, v); yours may save anything.
    raise NotImplementedError("to do")


def sigmoid_gate_backward(dy, saved):
    # Return (dg, dv).
    # Until you have written sigmoid_gate_forward, saved is the package's: (s, v).
    raise NotImplementedError("to do")
"""
    )


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("relu_squared", "    # Return (dx,), a tuple of one."),
        ("linear", "    # Return (dx, dw) or (dx, dw, db)."),
        ("embedding", "    # Return (dw, None)."),
        ("tied_head", "    # Return (dh, dw, None)."),
        ("two_level", "    # Return (dh, dw, dc, db, None)."),
        ("bit_linear", "LARGEST = 127  # of an activation in 8 bits"),
        ("mlgru", "    # Return (da, dz, db, dh0)."),
        ("attention", "    # Return (dq, dk, dv)."),
        ("newton_schulz", "COEFFICIENTS = (3.4445, -4.7750, 2.0315)"),
        ("table_product", "FIVE, SUMS = 5, 3**5"),
        ("matmul", "from minigrad.ops.elementwise import sum_to_shape"),
        ("accumulate", "def accumulate(self, gradient) -> None:"),
        ("backward_steps", "from collections.abc import Iterator"),
    ],
)
def test_a_page_has_the_line(name, line):
    assert line in exercise_text(find(name)).splitlines()


def test_a_body_that_only_raises_to_do_is_blank():
    def blank(body):
        return is_blank(ast.parse(f"def f(x):\n{body}").body[0])

    raising = '    raise NotImplementedError("to do")'
    assert blank(f'    """A docstring."""\n    # a remark\n{raising}')
    assert not blank(f"    y = x\n{raising}")
    assert not blank("    return x")
    assert not blank('    """A docstring."""')
    assert not blank("    raise NotImplementedError")


# -- the folder ----------------------------------------------------------------------------


def test_all_exercises_of_a_new_workbook_are_to_do(workbook):
    assert sorted(file.name for file in workbook.iterdir()) == sorted(
        ["README.md", *(exercise.file_name for exercise in EXERCISES)]
    )
    files = files_in(workbook)
    results = dict(check({exercise: files[exercise.name] for exercise in EXERCISES}))
    for exercise, result in results.items():
        assert result.state == "to do"
        assert result.details == (f"to do: {', '.join(exercise.solution)}",)


def test_the_readme_lists_every_exercise(workbook):
    text = (workbook / "README.md").read_text(encoding="utf-8")
    for exercise in EXERCISES:
        assert (
            f"\n{exercise.number}. [{exercise.name}]({exercise.file_name}): {exercise.about} "
        ) in text
        assert f"(`{'`, `'.join(exercise.solution)}`)\n" in text
    assert "flashlm course check ." in text


def test_files_of_a_student_are_not_overwritten(workbook):
    (workbook / "03_sum.py").write_text("mine")
    (workbook / "README.md").write_text("mine too")
    (workbook / "notes.txt").write_text("notes")
    (workbook / "05_linear.py").unlink()
    assert start(workbook) == ["05_linear.py"]
    assert start(workbook) == []
    assert (workbook / "03_sum.py").read_text() == "mine"
    assert (workbook / "README.md").read_text() == "mine too"
    assert not list(workbook.glob("*.tmp-*"))


def test_a_renumbered_file_is_the_same_exercise(workbook):
    (workbook / "03_sum.py").rename(workbook / "7_sum.py")
    assert start(workbook) == []
    assert files_in(workbook)["sum"].name == "7_sum.py"
    (workbook / "03_sum.py").write_text("again")
    with pytest.raises(UserError, match=r"has 03_sum\.py and 7_sum\.py; keep one of them$"):
        files_in(workbook)


def test_other_folders_are_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="is not empty and no workbook; name a new folder"):
        start(tmp_path)
    with pytest.raises(UserError, match="file is a file; name a folder"):
        start(tmp_path / "file")
    with pytest.raises(UserError, match="is no workbook: it holds no exercise such as 01_add"):
        expect_workbook(tmp_path)
    with pytest.raises(UserError, match="there is no folder"):
        expect_workbook(tmp_path / "nowhere")
    assert start(tmp_path / "new" / "workbook")[0] == "README.md"
    (tmp_path / "empty").mkdir()
    assert len(start(tmp_path / "empty")) == len(EXERCISES) + 1


# -- names ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rms_norm", "9", "09", "09_rms_norm", "09_rms_norm.py"])
def test_an_exercise_has_several_names(name):
    assert find(name).name == "rms_norm"


def test_an_unknown_name_suggests_similar_names():
    with pytest.raises(UserError) as error:
        find("rmsnorm")
    assert str(error.value) == (
        "there is no exercise 'rmsnorm'; did you mean rms_norm or normuon?"
    )
    with pytest.raises(UserError, match="there is no exercise '99'; there are add, multiply, "):
        find("99")


# -- a student's file ----------------------------------------------------------------------


def test_a_solution_is_not_blank(tmp_path):
    for exercise in EXERCISES:
        file = tmp_path / exercise.file_name
        file.write_text(solution(exercise), encoding="utf-8")
        assert read(exercise, file)[1] == []


def test_a_worker_does_not_load_large_libraries():
    """A check spends most of its time on starting the worker."""
    import subprocess

    program = (
        "import sys; import flashlm_np.course.worker; "
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert not {"datasets", "matplotlib", "torch"} & set(done.stdout.split())


def test_no_two_threads_parse_at_once(monkeypatch):
    """CPython 3.11 once answered two threads of the grader with a SystemError."""
    parsing, most, parse = [], [], ast.parse

    def slow(*arguments, **options):
        parsing.append(arguments)
        most.append(len(parsing))
        time.sleep(0.001)
        tree = parse(*arguments, **options)
        parsing.pop()
        return tree

    monkeypatch.setattr(ast, "parse", slow)
    with ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(exercise_text, EXERCISES[:8]))
    assert max(most) == 1
    assert all(texts)
