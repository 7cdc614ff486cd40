"""The Python side of the playground, in this Python, without a browser."""

import importlib
import sys

import numpy as np
import pytest
from build import examples
from session import products
from session.expression import check, picture
from session.run_code import MOST_CHARACTERS, run_code
from session.training import Training

from minigrad import Tensor

INPUTS = "x = [[1.0, -2.0], [0.5, 3.0]]\nw = [0.5, -1.0]\nids = [1, 0]"
STEPS = "from minigrad import Tensor\nfrom minigrad.look import step_through\n"


def run(source):
    """Run a program; return its output and the result."""
    shown = []
    result = run_code(source, shown.append)
    return "".join(shown), result


# -- programs --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("", ""),
        ("x = 3", ""),
        ("x = 3\nx * x", "9\n"),
        ("print('a', end='')\n'b'", "a'b'\n"),
        ("import sys\nprint('e', file=sys.stderr)\nsys.exit(2)", "e\n"),
        ("if __name__ == '__main__':\n    print('main')", "main\n"),
    ],
)
def test_a_program_prints_and_its_last_value_is_shown(source, output):
    assert run(source) == (output, {"error": None, "page": None})


HEADING = "Traceback (most recent call last):"
LINE = '  File "your program", line'


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (
            "x = 1\n1 / 0",
            (
                HEADING,
                f"{LINE} 2, in <module>",
                "    1 / 0",
                "ZeroDivisionError: division by zero",
            ),
        ),
        (
            "def f(x):\n    return x.reshape(2)\nimport minigrad\nf(minigrad.Tensor([1.0]))",
            (
                *(HEADING, f"{LINE} 4, in <module>", "    f(minigrad.Tensor([1.0]))"),
                *(f"{LINE} 2, in f", "    return x.reshape(2)"),
                "minigrad.errors.ShapeError: reshape: x has shape (1,), 1 elements, "
                "not fit for (2,)",
            ),
        ),
        (
            "input('?')",
            (
                *(HEADING, f"{LINE} 1, in <module>", "    input('?')"),
                "OSError: input: this page has no keyboard input; write the value into the "
                "program",
            ),
        ),
        ("x = (", (f"{LINE} 1", "    x = (", "SyntaxError: '(' was never closed")),
        ("raise KeyboardInterrupt", ("KeyboardInterrupt: you stopped the program",)),
    ],
)
def test_an_error_is_pythons_traceback_from_the_readers_line_on(source, error):
    lines = run(source)[1]["error"].splitlines()
    assert (
        tuple(x for x in lines if not set(x) <= set(" ~^")) == error
    )  # marks of newer Pythons


def test_every_run_starts_with_no_names():
    run("kept = 1")
    assert "NameError" in run("kept")[1]["error"]


def test_a_flood_of_output_is_cut_in_one_sentence():
    output, result = run("for i in range(100_000):\n    print(i)")
    assert result["error"] is None
    assert MOST_CHARACTERS <= len(output) < MOST_CHARACTERS + 100
    assert output.endswith("only the first 200,000 characters are shown\n")


def test_the_page_of_step_through_is_the_value():
    source = "x = Tensor([3.0], requires_grad=True)\nstep_through(lambda: (x * x).sum())"
    output, result = run(STEPS + source)
    assert output == ""
    assert result["page"].startswith("<!")


@pytest.mark.parametrize("example", examples(), ids=lambda example: example["name"])
def test_every_program_of_the_page_does_what_its_title_says(example):
    output, result = run(example["source"])
    expected = {
        "shape_error": "ShapeError: rms_norm: w has shape (683,), expected (D,) = (256,)",
        "wrong_backward": "GradientError: silu: the gradient of x is wrong at index",
    }
    if example["name"] in expected:
        assert expected[example["name"]] in result["error"]
    else:
        assert result["error"] is None
        assert output or result["page"]


# -- expressions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "answer", "text"),
    [
        ("F.relu_squared(x @ w).mean()", "right", "x: expected"),
        ("x * w", "right", "an error of"),
        ("F.select_rows(x, ids)", "right", "auto check passed"),
        ("F.relu(x - x)", "undecided", "kink"),
        ("w @ x @ x.sum()", "error", "matmul: a has shape (2,) and b has shape ()"),
        ("x @ y", "error", "NameError: name 'y' is not defined"),
        ("x *", "error", "SyntaxError: invalid syntax"),
        ("", "error", "SyntaxError"),
        ("ids", "error", "the expression uses no input with a gradient"),
        ("x.shape", "error", "the expression gives tuple, expected a Tensor"),
    ],
)
def test_an_expression_is_right_undecided_or_an_error(expression, answer, text):
    result = check(INPUTS, expression)
    assert (result["answer"], text in result["text"]) == (answer, True), result
    shown = picture(INPUTS, expression)
    assert (shown["error"] is None) == (answer != "error")
    assert (shown["page"] is None) == (answer == "error")


def test_the_numbers_beside_the_answer_are_the_gradient():
    rows = check(INPUTS, "(x * x).sum()")["rows"]
    assert [row[:2] for row in rows] == [("x", f"[{i}, {j}]") for i in (0, 1) for j in (0, 1)]
    for (_, _, backward, difference), x in zip(rows, (1.0, -2.0, 0.5, 3.0), strict=True):
        assert backward == 2 * x
        assert difference == pytest.approx(2 * x, rel=1e-6)


def test_a_planted_mistake_is_found_and_seen_in_its_numbers():
    result = check(INPUTS, "(x * x).sum()", mistake=True)
    assert result["answer"] == "wrong"
    assert "the gradient of x is wrong at index" in result["text"]
    name, index, backward, difference = result["rows"][0]
    assert (name, index) == ("x", "[0, 0]")
    assert backward == pytest.approx(1.001 * difference, rel=1e-6)


# -- products --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("a", "b"),
    [((64, 30), (30, 50)), ((3, 64, 30), (3, 30, 50)), ((2, 3), (3, 2)), ((30,), (30, 500))],
)
def test_a_product_is_that_of_python(a, b, dtype):
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape).astype(dtype) for shape in (a, b))
    for x in (a, np.asfortranarray(a)):
        for y in (b, np.asfortranarray(b)):
            assert products.product(x, y).dtype == dtype
            assert products.product(x, y) == pytest.approx(x @ y, rel=1e-3, abs=1e-4)
    assert isinstance(products.product(Tensor(a), b), Tensor)


@pytest.mark.parametrize("shapes", [((9, 90), (91, 90)), ((2, 9, 90), (3, 90, 9)), ((), (3,))])
def test_a_wrong_product_has_pythons_own_error(shapes):
    a, b = map(np.ones, shapes)
    with pytest.raises(ValueError, match=r"matmul|broadcast") as expected:
        a @ b
    with pytest.raises(ValueError, match=r"matmul|broadcast") as found:
        products.product(a, b)
    assert str(found.value) == str(expected.value)


def test_modules_of_the_folder_multiply_with_product_and_keep_their_lines(
    tmp_path, monkeypatch
):
    (tmp_path / "of_a_page.py").write_text("def f(a, b):\n    return (\n        a @ b\n    )\n")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "path_hooks", [*sys.path_hooks])
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)
    monkeypatch.setattr(products, "product", lambda a, b: a.called)
    try:
        products.install(str(tmp_path))
        module = importlib.import_module("of_a_page")
    finally:
        monkeypatch.undo()
        sys.path_importer_cache.clear()
    with pytest.raises(AttributeError, match="called") as error:
        module.f(1, 2)
    lines = [entry.lineno for entry in error.traceback]
    assert lines[1] == 2  # of the call in the file, counted from 0
    assert not list(tmp_path.glob("**/*.pyc"))


# -- training --------------------------------------------------------------------------------


@pytest.mark.parametrize("tokens", ["words", "letters"])
def test_the_small_model_learns_and_writes(tokens):
    training = Training(tokens)
    numbers, before = training.describe(), training.validate()
    assert numbers["best"] < before < numbers["uniform"] + 0.2
    assert 50_000 < numbers["parameters"] < 150_000
    states = [training.step() for _ in range(12)]
    assert [state["step"] for state in states] == list(range(1, 13))
    assert numbers["best"] < training.validate() < before - 0.5
    story = training.sample(100)
    assert isinstance(story, str)
    assert len(story) < 130
