"""The check of step_through: gradients by differences, and where they decide nothing."""

import json

import numpy as np
import pytest
from browser import chromium, opened

from minigrad import TABLE, Operation, Tensor, apply
from minigrad import functional as F
from minigrad.look import numeric_checks, step_through

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of infinities, on purpose
MASK = np.triu(np.ones((3, 3), bool), 1)
SCORES = np.random.default_rng(1).standard_normal((3, 3))
WEIGHTS = np.random.default_rng(2).standard_normal((3, 3))


@pytest.fixture(autouse=True, params=["to the loss", "through one operation"])
def way(request, monkeypatch):
    """How far a changed number is followed; only in large graphs, through one operation."""
    if request.param == "through one operation":
        monkeypatch.setattr(numeric_checks, "TO_LOSS", 0)
    return request.param


def leaf(values, dtype=np.float64, name="x"):
    return Tensor(np.array(values, dtype), requires_grad=True, name=name)


def checks(function, name="x"):
    """Each check of the value of this name: agree, and the text beside the gradient."""
    values = step_through(function).data["values"]
    (value,) = [value for value in values if value["name"] == name]
    return [(check["agree"], check["expected"]) for check in value["checks"]]


def verdicts(function, name="x"):
    return [agree for agree, _ in checks(function, name)]


# -- right gradients -----------------------------------------------------------------------


def masked(how, value, dtype):
    x, weights = leaf(SCORES, dtype), WEIGHTS.astype(dtype)
    if how == "filled":
        return (F.softmax(F.masked_fill(x, MASK, value=value)) * weights).sum()
    return (F.softmax(x + np.where(MASK, value, 0).astype(dtype)) * weights).sum()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("value", [-1e9, -1e30, -np.inf])
@pytest.mark.parametrize("how", ["filled", "added"])
def test_gradients_beside_a_mask_agree(how, value, dtype):
    assert verdicts(lambda: masked(how, value, dtype)) == [True] * 9


RIGHT = {
    "log of very different numbers": lambda: F.log(leaf([1e6, 1e-3, 1e-8, 1e-12])).sum(),
    "near a pole": lambda: (1.0 / leaf([1e-7, 1e-12])).sum(),
    "confident logits": lambda: F.cross_entropy(leaf([[8.0, 0, 0.3, -0.2]]), np.array([0])),
    "terms that cancel": lambda: F.softmax(leaf([[1.0, 2, 3]]) * 2.0).sum(),
    "zero on a flat side": lambda: F.relu(leaf([-1.0, -2.0, 3.0]) * 1.0).sum(),
    "a bend, not a kink": lambda: F.relu_squared(leaf([1e-7, -1e-7])).sum(),
    "huge and tiny": lambda: (leaf([1e300]) * 1e-300).sum(),
    "dropout": lambda: (
        F.dropout(leaf([1.0, 2, 3, 4]), p=0.5, rng=np.random.default_rng(0)) ** 2
    ).sum(),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_gradients_agree(name):
    assert set(verdicts(RIGHT[name])) == {True}


# -- wrong gradients -----------------------------------------------------------------------


def wrong(name, factor):
    """The operation of the table, whose backward multiplies the gradients by a factor."""
    right = TABLE[name]

    def backward(dy, saved):
        return tuple(None if g is None else g * factor for g in right.backward(dy, saved))

    return Operation(f"wrong_{name}", right.forward, backward)


@pytest.mark.parametrize("factor", [-1, 0, 0.99, 1.01, 5, np.nan])
def test_wrong_gradients_differ_at_every_scale(factor):
    operation = wrong("log", factor)
    points = [1e6, 1.0, 0.9, 3e-6]
    assert verdicts(lambda: apply(operation, leaf(points)).sum()) == [False] * 4


@pytest.mark.parametrize("value", [-1e9, -1e30, -np.inf])
def test_a_wrong_gradient_beside_a_mask_differs(value, way):
    x, operation = leaf(SCORES), wrong("softmax", 1.01)

    def loss():
        return (apply(operation, F.masked_fill(x, MASK, value=value)) * WEIGHTS).sum()

    # Through one operation, the number beside the wrong backward differs, and no other.
    found = verdicts(loss, "x" if way == "to the loss" else "masked_fill 1")
    is_zero = [True] * 3 + [False, False, True] + [False] * 3  # 1.01 times 0 is right
    seen = [i for i in range(9) if way == "to the loss" or not MASK.flat[i]]
    assert [found[i] for i in seen] == [is_zero[i] for i in seen]


def test_nan_never_agrees():
    x = leaf([0.0, 2.0])
    trap = checks(lambda: F.where(np.array([False, True]), F.log(x), 0.0).sum())
    assert trap == [(False, "0"), (True, "0.5")]


# -- not decided ---------------------------------------------------------------------------

NOISY = Operation("noisy", lambda x: (x * np.random.rand(), ()), lambda dy, _: (dy,))
UNDECLARED = Operation(
    "size", lambda x: (np.abs(x), (x,)), lambda dy, s: (dy * np.where(s[0] < 0, -1, 1),)
)
UNDECIDED = {
    "rounding hides it": lambda: (leaf([1.0]) + 1e12).sum(),
    "the number is not finite": lambda: F.where(np.array(True), 2.0, leaf([np.inf])).sum(),
    "the loss is not finite": lambda: F.exp(leaf([1000.0])).sum(),
    "the domain ends here": lambda: F.sqrt(leaf([0.0])).sum(),
    "a kink is near": lambda: F.max(leaf([1.0, 1.0])),
    "float32 rounds it": lambda: F.gelu(leaf([-5.0], np.float32), approximate="tanh").sum(),
    "a second run differs": lambda: apply(NOISY, leaf([2.0])).sum(),
}


@pytest.mark.parametrize("reason", UNDECIDED)
def test_the_check_says_why_it_decides_nothing(reason):
    assert set(checks(UNDECIDED[reason])) == {(None, reason)}


def test_an_undeclared_kink_is_found_by_its_two_slopes():
    sizes = checks(lambda: apply(UNDECLARED, leaf([0.0, 1e-9, 1.0])).sum())
    assert sizes == [(None, "a kink is near"), (None, "a kink is near"), (True, "1")]


def test_an_operation_that_refuses_the_changed_number_ends_the_domain():
    def forward(x):
        if x > 2:
            raise ValueError("x must be at most 2")
        return x * x, (x,)

    square = Operation("square", forward, lambda dy, saved: (2 * dy * saved[0],))
    assert checks(lambda: apply(square, leaf(2.0))) == [(None, "the domain ends here")]


def test_behind_an_operation_that_does_not_repeat_all_is_checked():
    x = leaf([2.0])
    function = lambda: (apply(NOISY, x) * 3.0).sum()  # noqa: E731
    assert verdicts(function) == [None]
    assert verdicts(function, "noisy 1") == [True]


def test_a_masked_number_itself_is_not_decided():
    values = step_through(lambda: masked("filled", -np.inf, np.float64)).data["values"]
    (scores,) = [value for value in values if value["name"] == "masked_fill 1"]
    agree = [None if hidden else True for hidden in MASK.ravel()]
    assert [check["agree"] for check in scores["checks"]] == agree


# -- the page ------------------------------------------------------------------------------


def test_the_data_of_infinities_is_json():
    page = step_through(lambda: masked("filled", -np.inf, np.float64)).html
    data = page.split('id="data">')[1].split("</script>")[0]
    values = json.loads(data, parse_constant=pytest.fail)["values"]
    (scores,) = [value for value in values if value["name"] == "masked_fill 1"]
    assert [row[2] for row in scores["table"]["cells"]] == ["−∞", "−∞", number(SCORES[2, 2])]
    assert scores["table"]["about"].startswith("3 infinite. Of the rest: norm ")


def number(x):
    return f"{x:.4g}"


IS_RIGHT = """([text, answer]) => {
    const { kind, given, truth } = readAnswer(text, { answer, isShape: false });
    return isHit(["", "", "", kind, given, truth]);
}"""


def test_the_page_displays_reasons_and_asks_for_infinities(tmp_path):
    step_through(lambda: masked("filled", -np.inf, np.float64), tmp_path / "mask.html")
    address = f"{(tmp_path / 'mask.html').as_uri()}#step=1"
    with chromium() as browser, opened(browser, address) as page:
        page.check("#check")
        rows = page.inner_text("#checks").splitlines()
        assert "[0, 1]\t0\tthe number is not finite\tnot decided" in rows
        infinite = page.locator("#tables td", has_text="−∞").first
        assert "rgba" in infinite.get_attribute("style")
        for given in ("-inf", "−∞", "-Infinity"):
            assert page.evaluate(IS_RIGHT, [given, "−∞"])
        for given in ("inf", "-3", "nan"):
            assert not page.evaluate(IS_RIGHT, [given, "−∞"])
        assert page.evaluate(IS_RIGHT, ["NaN", "NaN"])
