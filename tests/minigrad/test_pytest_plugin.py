"""The pytest plug-in: the fixture, the test of one line, its cases, and its messages."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cases import CASES

import minigrad.functional as F
from minigrad import Operation
from minigrad.gradcheck.cases import gradient_cases
from minigrad.gradcheck.contract import check_contract
from minigrad.gradcheck.pytest_plugin import gradient_test

pytest_plugins = "pytester"

ROOT = Path(__file__).resolve().parents[2]

SCALE = """
    import numpy as np
    from minigrad import Operation
    from minigrad.gradcheck.pytest_plugin import gradient_test

    def forward(x, w):
        return x * w, (x, w)

    def right(dy, saved):
        x, w = saved
        return dy * w, (dy * x).reshape(-1, w.size).sum(axis=0)

    def unsummed(dy, saved):
        x, w = saved
        return dy * w, dy * x

    def doubled(dy, saved):
        dx, dw = right(dy, saved)
        return 2 * dx, dw

    shapes = {"x": (2, 3, 5), "w": (5,)}
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Run a file of tests that begins with SCALE; returns the result of pytester."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # fast, and the same everywhere

    def run(text, *arguments):
        pytester.makepyfile(SCALE + "\n" + text)
        return pytester.runpytest_inprocess("-p", "pytest_minigrad", *arguments)

    return run


# -- the fixture ---------------------------------------------------------------------------


def test_the_fixture_gives_the_report_of_the_checker(run):
    result = run("""
    def test_right(gradcheck):
        report = gradcheck(Operation("scale", forward, right), np.ones((2, 5)), np.ones(5))
        assert report.name == "scale"
    """)
    result.assert_outcomes(passed=1)


def test_a_wrong_gradient_fails_with_the_message_of_the_checker(run):
    result = run("""
    def test_wrong(gradcheck):
        gradcheck(Operation("scale", forward, doubled), np.ones((2, 5)), np.ones(5))
    """)
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines(
        [
            r">       gradcheck\(Operation\(.scale., forward, doubled\), .*",
            r"E       Failed: scale: the gradient of x is wrong at index \(\d, \d\): .*",
        ]
    )
    assert "Traceback" not in result.stdout.str()  # no frame of the checker


def test_an_undecided_check_fails_and_says_so(run):
    result = run("""
    def test_kink(gradcheck):
        gradcheck("relu", np.array([1.0, 0.0]))
    """)
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines([r"E       Failed: undecided: relu: .* lies on a kink.*"])


def test_a_misuse_stays_the_error_that_it_is(run):
    result = run("""
    def test_dtype(gradcheck):
        gradcheck("tanh", np.ones(3, np.float32))
    """)
    result.stdout.re_match_lines([r"E .*DtypeError: gradcheck: x is float32, expected .*"])


# -- the test of one line ------------------------------------------------------------------


def test_one_line_makes_a_test_of_each_case(run):
    line = 'test_scale = gradient_test(Operation("scale", forward, right), shapes=shapes)'
    result = run(f"    {line}", "-v")
    result.assert_outcomes(passed=9)
    found = re.findall(r"::test_scale\[(.*?)\] PASSED", result.stdout.str())
    assert found == [
        "both signs",
        "positive",
        "negative",
        "each element",
        "one row",
        "no element",
        "view",
        "transposed layout",
        "float32",
    ]


def test_the_one_line_fails_in_one_sentence(run):
    line = 'test_scale = gradient_test(Operation("scale", forward, unsummed), shapes=shapes)'
    result = run(f"    {line}", "-k", "view")
    result.assert_outcomes(failed=1, deselected=8)
    result.stdout.fnmatch_lines(
        [
            "*_ test_scale?view? _*",
            "scale: the gradient of w has shape (2, 3, 5) and dtype float64, expected (5,) and "
            "float64",
        ]
    )
    assert "During handling" not in result.stdout.str()


def test_an_undecided_case_says_so(run):
    result = run("""
    test_relu = gradient_test("relu", shapes={"x": (2,)}, domain={"x": (0.0, 0.0)})
    """)
    result.stdout.fnmatch_lines(["undecided: relu: *kink*"])


def test_a_kind_of_case_can_be_skipped_with_a_reason(run):
    result = run(
        """
    test_scale = gradient_test(
        (forward, right), shapes=shapes, skip={"no element": "it has no meaning"}
    )
    """,
        "-rs",
    )
    result.assert_outcomes(passed=8, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*it has no meaning"])


# -- the cases -----------------------------------------------------------------------------


def failing(f, **settings):
    """The names of the cases that fail, and the message of the first."""
    names, messages = [], []
    for case in gradient_cases(f, **settings):
        try:
            case.check()
        except Exception as error:
            names.append(case.name)
            messages.append(str(error))
    return names, messages[0] if messages else None


def operation(forward, backward, **fields):
    return Operation("mine", forward, backward, **fields)


X = {"shapes": {"x": (2, 3)}}


def test_a_function_of_tensors_has_the_cases_that_need_no_arrays():
    cases = gradient_cases(lambda x: F.tanh(x) * x, **X)
    assert [case.name for case in cases] == [
        "both signs",
        "positive",
        "negative",
        "each element",
        "one row",
    ]
    assert failing(lambda x: F.tanh(x) * x, **X) == ([], None)


def test_layouts_and_options_stand_in_the_names_if_there_are_several():
    cases = gradient_cases(
        "mean", shapes=[{"x": (2, 3)}, {"x": (5,)}], options=[{}, {"axis": 0}]
    )
    names = [case.name for case in cases]
    assert "both signs, 2x3, no option" in names
    assert "view, 5, axis=0" in names
    assert len(names) == len(set(names))


def test_an_interval_replaces_both_signs():
    cases = gradient_cases("log", **X, domain={"x": (0.1, 3.0)})
    assert not {"positive", "negative"} & {case.name for case in cases}
    assert failing("log", **X, domain={"x": (0.1, 3.0)}) == ([], None)


def test_one_sign_only():
    def backward(dy, saved):
        return (2 * dy * np.abs(saved[0]),)

    square = operation(lambda x: (x * x, (x,)), backward)
    names, _ = failing(square, **X)
    assert "negative" in names
    assert "positive" not in names


def test_the_order_in_memory_instead_of_the_order_of_the_axes():
    def backward(dy, saved):
        return ((2 * dy.ravel() * saved[0].ravel(order="K")).reshape(dy.shape),)

    square = operation(lambda x: (x * x, (x,)), backward)
    assert failing(square, **X) == (
        ["transposed layout"],
        "mine: the gradient of x for the inputs 'transposed layout' is not that for C order",
    )


def test_float64_for_inputs_of_float32():
    def forward(x):
        return x * np.sqrt(2), ()

    double = operation(forward, lambda dy, saved: (dy * np.sqrt(2),))
    names, message = failing(double, **X)
    assert "float32" in names
    assert message.startswith("mine: y is float64 for inputs of float32; ")


def test_a_repeated_id():
    def backward(dy, saved):
        ids, shape = saved
        dw = np.zeros(shape, dy.dtype)
        dw[ids] += dy
        return dw, None

    lookup = operation(lambda w, ids: (w[ids], (ids, w.shape)), backward, integer_inputs=(1,))
    names, _ = failing(lookup, shapes={"w": (7, 5), "ids": (2,)}, ids={"ids": 7})
    assert names == ["repeated ids", "one id"]


def test_no_element_may_be_refused_in_a_sentence_of_the_operation():
    settings = {"shapes": {"z": (3, 5), "y": (3,)}, "ids": {"y": 5}}
    assert failing("cross_entropy", **settings) == ([], None)  # ShapeError
    assert failing("reshape", **X, options={"shape": (3, 2)}) == ([], None)  # not for one row
    assert failing(operation(over_largest("mine: x has no element"), copied), **X)[0] == []
    names, message = failing(operation(over_largest("no largest element"), copied), **X)
    assert (names, message) == (["no element"], "no largest element")


def over_largest(text):
    """A forward that refuses an array without elements, with this text."""

    def forward(x):
        if x.size == 0:
            raise ValueError(text)
        return 1 * x, ()

    return forward


def copied(dy, saved):
    return (dy.copy(),)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda dy, x: np.multiply(dy, 2, out=dy), "writes into its inputs, into dy or into"),
        (lambda dy, x: np.multiply(x, 2, out=x), "writes into its inputs, into dy or into"),
        (lambda dy, x: np.nan_to_num(dy * 2), "hides a NaN of dy; a NaN that becomes 0 cannot"),
        (lambda dy, x: _shared(2 * dy), "a later backward changes an earlier result"),
        (lambda dy, x: dy * 2 + 1e-9 * next(_count), "a second backward gives others"),
    ],
)
def test_a_broken_rule_of_the_contract(change, text):
    double = operation(lambda x: (2 * x, (x,)), lambda dy, saved: (change(dy, saved[0]),))
    case = gradient_cases(double, **X)[0]
    with pytest.raises(AssertionError, match=re.escape(text)):
        case.check()


_buffers: dict = {}
_count = iter(range(10**9))


def _shared(array):
    buffer = _buffers.setdefault((array.shape, array.dtype), array.copy())
    buffer[...] = array
    return buffer


def test_values_that_are_kept_outside_of_saved():
    kept = []

    def forward(x):
        kept[:] = [x]
        return x * x, ()

    square = operation(forward, lambda dy, saved: (2 * dy * kept[0],))
    _, message = failing(square, **X)
    assert message == (
        "mine: the gradient of x is not repeatable: it depends on another forward; keep "
        "nothing outside saved"
    )


def test_values_of_the_first_forward_although_the_sign_changes_nothing():
    first = []

    def forward(x):
        first.append(np.abs(x) > 0.7)
        return np.where(first[-1], x, 0), ()

    def backward(dy, saved):
        return (np.where(next(a for a in first if a.shape == dy.shape), dy, 0),)

    names, _ = failing(operation(forward, backward), shapes={"x": (2, 3, 5)})
    assert {"positive", "negative"} <= set(names)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_contract_blames_no_right_operation(dtype):
    for case in CASES:
        arrays = tuple(a.astype(dtype) if a.dtype.kind == "f" else a for a in case.arrays)
        _, _, gradients = check_contract(case.operation, arrays, case.options)
        assert len(gradients) == len(arrays)


# -- misuse --------------------------------------------------------------------------------


def refusal(*arguments, error=ValueError, **settings):
    with pytest.raises(error) as caught:
        gradient_test(*arguments, **settings)
    return str(caught.value)


def test_shapes_must_name_the_inputs():
    assert refusal("rms_norm", shapes={"x": (2, 3), "gain": (3,)}) == (
        "gradient_cases: shapes names ['x', 'gain'], but the inputs of rms_norm are "
        "['x', 'w'], in this order"
    )


def test_ids_and_domain_must_name_inputs():
    assert refusal("tanh", **X, domain={"y": (0.0, 1.0)}) == (
        "gradient_cases: ids and domain name ['y'], which is no input of tanh; its inputs are "
        "['x']"
    )


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"shapes": (2, 3)}, "shapes holds (2, 3), expected a dict such as {'x': (2, 3)}"),
        ({"shapes": {"x": 3}}, "the shape of x is 3, expected a tuple of sizes"),
        (X | {"ids": {"x": 0}}, "ids says 0 for x, expected the number of ids"),
        (
            X | {"domain": {"x": (3.0, 1.0)}},
            "the domain of x is (3.0, 1.0), expected (low, high)",
        ),
    ],
)
def test_values_that_cannot_be_meant(settings, text):
    assert refusal("tanh", **settings) == f"gradient_cases: {text}"


def test_skip_must_name_kinds():
    text = refusal("tanh", **X, skip={"zero size": "no"})
    assert text.startswith("gradient_test: skip names ['zero size']; the kinds are (")


def test_a_tuple_must_be_a_pair():
    assert refusal((np.tanh,), **X, error=TypeError) == (
        "gradient_cases: a tuple must be a pair (forward, backward) of functions of arrays"
    )


# -- the start of pytest -------------------------------------------------------------------


def test_the_plug_in_loads_nothing_until_it_is_used():
    program = "import sys, pytest_minigrad; print({'numpy', 'minigrad'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "set()\n", done.stderr


def test_the_entry_point_is_the_module_with_the_fixture():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '[project.entry-points.pytest11]\npytest_minigrad = "pytest_minigrad"\n' in text
    assert 'py-modules = ["pytest_minigrad"]' in text
    assert "def gradcheck(" in (ROOT / "pytest_minigrad.py").read_text(encoding="utf-8")


def test_tests_that_do_not_use_it_run_as_before(run):
    run("    def test_other():\n        pass").assert_outcomes(passed=1)


def test_the_guide_shows_the_output_of_its_line(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    guide = (ROOT / "docs/check_gradients.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    code = [text for language, text in blocks if language == "python"]
    (console,) = (text for language, text in blocks if language == "console")
    line = next(k for k, text in enumerate(code) if "test_gain = gradient_test(" in text)
    pytester.makepyfile(test_gain="\n".join([code[0], code[line], code[line + 1]]))
    result = pytester.runpytest_inprocess("-p", "pytest_minigrad", "-v")
    result.assert_outcomes(passed=10)
    found = re.findall(r"^(.*\[.*PASSED)", result.stdout.str(), re.MULTILINE)
    assert found == console.splitlines()[1:]
