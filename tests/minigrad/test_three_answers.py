"""Right, wrong or undecided: each case is one that a checker has once got wrong."""

import dataclasses
import re

import numpy as np
import pytest

from minigrad import TABLE, DtypeError, Operation, Tensor, apply
from minigrad import functional as F
from minigrad.gradcheck import (
    GradientError,
    InconclusiveError,
    KinkError,
    check_pair,
    declare,
    gradcheck,
)

MODES = ("auto", "projection", "full")
every_mode = pytest.mark.parametrize("mode", MODES)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def elementwise(name, forward, derivative):
    """An operation of a user's own, of which the checker knows nothing."""
    return Operation(
        name, lambda x: (forward(x), (x,)), lambda dy, saved: (dy * derivative(saved[0]),)
    )


def changed(name, change):
    right = TABLE[name].backward
    return dataclasses.replace(
        TABLE[name], backward=lambda dy, saved: change(*right(dy, saved))
    )


def answer(f, *inputs, **settings):
    """ "right", "wrong" or "undecided"."""
    try:
        gradcheck(f, *inputs, **settings)
    except GradientError:
        return "wrong"
    except InconclusiveError:
        return "undecided"
    return "right"


# -- elements of every size ----------------------------------------------------------------

LOGS = [TABLE["log"], elementwise("log", np.log, lambda x: 1 / x)]
WRONG_LOGS = [
    changed("log", lambda dx: (5 * dx,)),
    elementwise("log", np.log, lambda x: 5 / x),
]


@every_mode
@pytest.mark.parametrize("log", LOGS, ids=["table", "own"])
@pytest.mark.parametrize("x", [[1e6, 1e-3], [1e-8], [1e8, 1e-8, 1.0]], ids=str)
def test_a_right_log_is_right_at_points_of_every_size(log, x, mode):
    assert answer(log, np.array(x), mode=mode) == "right"


@every_mode
@pytest.mark.parametrize("log", WRONG_LOGS, ids=["table", "own"])
@pytest.mark.parametrize("x", [[1e6, 1.0], [0.9, 0.1, 3e-6]], ids=str)
def test_a_wrong_log_is_wrong_at_points_of_every_size(log, x, mode):
    assert answer(log, np.array(x), mode=mode) == "wrong"


@every_mode
def test_functions_that_bend_sharply_are_not_blamed(mode):
    assert answer(lambda b: 1 / b, np.array([1e-7]), mode=mode) == "right"
    power = elementwise("power", lambda x: x**1.5, lambda x: 1.5 * x**0.5)
    assert answer(power, np.array([0.0, 1.0]), mode=mode) != "wrong"
    root = elementwise("root", np.sqrt, lambda x: 0.5 / np.sqrt(x))
    assert answer(root, np.array([0.0, 1.0]), mode=mode) == "undecided"


SCALES = np.array([1e8, 1.0])


@every_mode
@pytest.mark.parametrize(("second", "expected"), [(1.0, "right"), (2.0, "wrong")])
def test_a_large_gradient_hides_no_small_one(second, expected, mode):
    claimed = np.array([1e8, second])
    scaled = Operation(
        "scaled",
        lambda x: (x * SCALES.astype(x.dtype), ()),
        lambda dy, _: (dy * claimed.astype(dy.dtype),),
    )
    assert answer(scaled, np.ones(2), mode=mode) == expected


@every_mode
@pytest.mark.parametrize("low", [-1e9, -1e30, -np.inf])
def test_a_mask_hides_no_error_and_makes_none(low, mode):
    mask = np.array([[0, low, 0], [low, 0, 0]])
    wrong_exp = changed("exp", lambda dx: (1.01 * dx,))
    assert answer(lambda x: F.softmax(x + mask), normal(2, 3), mode=mode) == "right"
    assert answer(lambda x: F.exp(x + mask), normal(2, 3), mode=mode) == "right"
    assert answer(lambda x: apply(wrong_exp, x + mask), normal(2, 3), mode=mode) == "wrong"


@every_mode
@pytest.mark.parametrize("constant", [1e12, 1e30])
@pytest.mark.parametrize("slope", [0.0, 3.0])
def test_an_output_that_swallows_the_step_is_never_called_right(constant, slope, mode):
    wrong = elementwise("far", lambda x: x + constant, lambda x: slope + 0 * x)
    assert answer(wrong, normal(3), mode=mode) != "right"
    right = elementwise("far", lambda x: x + constant, lambda x: 1 + 0 * x)
    assert answer(right, normal(3), mode=mode) != "wrong"


def test_confident_logits_are_right():
    assert answer("cross_entropy", np.array([[8, 0, 0.3, -0.2]]), np.array([0])) == "right"
    logits = 30 * normal(4, 50)
    assert answer("cross_entropy", logits, logits.argmax(axis=1)) == "right"
    assert answer("cross_entropy", logits, np.array([0, 3, 7, 9])) == "right"


@every_mode
@pytest.mark.parametrize("scale", [20, 50, 300])
def test_saturated_softmax_is_never_blamed(scale, mode):
    x = scale * np.random.default_rng(3).standard_normal((2, 5))
    assert answer("softmax", x, mode=mode) != "wrong"
    assert answer("log_softmax", x, mode=mode) != "wrong"


@every_mode
@pytest.mark.parametrize("x", [[41.1, 0.0004], [65.07, 30.65]], ids=str)
def test_a_share_that_an_unmoved_output_hides_is_never_right(x, mode):
    """The output near 1 changes by less than its last digit, and so hides its part of dx."""

    def forward(x):
        y = np.exp(x) / np.exp(x).sum()
        return y, (y,)

    def without_the_first(dy, saved):
        (y,) = saved
        return (np.array([-1, 1], dy.dtype) * y[1] * dy[1],)

    softmax = Operation("softmax", forward, without_the_first)
    for seed in range(3):
        assert answer(softmax, np.array(x), mode=mode, seed=seed) != "right"


@every_mode
def test_inputs_that_are_infinite_are_no_fault(mode):
    x = np.array([[1.0, -np.inf, 0.5], [-np.inf, 2.0, 0.0]])
    assert answer("softmax", x, mode=mode) == "right"
    assert answer("maximum", x, np.zeros(3) - 7, mode=mode) == "right"
    assert answer(changed("softmax", lambda dx: (1.01 * dx,)), x, mode=mode) == "wrong"
    nan = changed("softmax", lambda dx: (np.where(np.isinf(x), np.nan, dx),))
    assert answer(nan, x, mode=mode) != "right"


def test_the_resolution_is_reported_for_each_argument():
    report = gradcheck("multiply", normal(2, 3), normal(3))
    assert report.resolution.keys() == {"a", "b"}
    assert all(0 < r < 1e-10 for r in report.resolution.values())
    differences = gradcheck("multiply", normal(2, 3), normal(3), mode="projection")
    assert all(1e-12 < r < 1e-4 for r in differences.resolution.values())
    assert re.search(r"a: expected .*; an error of \de-\d\d of any element would", str(report))


# -- complex steps, kinks, randomness ------------------------------------------------------


@pytest.mark.parametrize("derivative", [np.zeros_like, np.sign], ids=["zeros", "right"])
def test_a_complex_step_through_abs_is_refused(derivative):
    absolute = elementwise("abs", np.abs, derivative)
    with pytest.raises(InconclusiveError, match="not analytic"):
        gradcheck(absolute, normal(3), mode="complex")


def test_abs_is_decided_by_differences():
    assert answer(elementwise("abs", np.abs, np.sign), normal(3)) == "right"
    assert answer(elementwise("abs", np.abs, np.zeros_like), normal(3)) == "wrong"


def test_a_forward_that_was_declared_not_analytic_takes_no_complex_step():
    absolute = elementwise("abs", lambda x: np.sqrt(x * x), np.sign)
    declare(absolute, analytic=False)
    with pytest.raises(InconclusiveError):
        gradcheck(absolute, normal(3), mode="complex")
    assert gradcheck(absolute, normal(3)).resolution["x"] > 1e-12


def test_a_forward_that_was_declared_analytic_takes_one():
    cube = elementwise("cube", lambda x: x**3, lambda x: 3 * x**2)
    assert gradcheck(cube, normal(3)).resolution["x"] > 1e-12
    declare(cube, analytic=True)
    assert gradcheck(cube, normal(3)).resolution["x"] < 1e-12


@every_mode
def test_kinks_that_nobody_declared_are_named(mode):
    text = (
        r"abs: the gradient of x at index \(1,\) is -?0, undecided: the function has a kink "
        r"here: its slope is \S+ to the left and \S+ to the right, so it has no derivative to "
        "compare with; move that input away from it"
    )
    with pytest.raises(KinkError, match=text):
        gradcheck(elementwise("abs", np.abs, np.sign), np.array([1.0, 0.0]), mode=mode)


def test_a_tie_of_a_maximum_is_a_kink():
    def backward(dy, saved):
        (x,) = saved
        return ((x == x.max(-1, keepdims=True)) * dy[..., None],)

    largest = Operation("largest", lambda x: (x.max(-1), (x,)), backward)
    with pytest.raises(KinkError, match=r"index \(0, 1\)"):
        gradcheck(largest, np.array([[1.0, 1.0, 0.0], [2.0, 3.0, 1.0]]))
    gradcheck(largest, np.array([[1.0, 1.5, 0.0], [2.0, 3.0, 1.0]]))


@pytest.mark.parametrize(
    ("side", "found"), [(lambda x: x > 0, "booleans"), (lambda x: 2 * x, "float64 such as")]
)
def test_side_is_validated(side, found):
    relu = declare(
        elementwise("relu", lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(x.dtype)),
        side=side,
    )
    with pytest.raises(TypeError, match=f"^relu: side gives {found}.* expected -1, 0 "):
        gradcheck(relu, normal(3))


def test_a_side_that_sees_no_kink_does_not_hide_one():
    relu = elementwise("relu", lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(x.dtype))
    declare(relu, side=lambda x: np.ones_like(x))
    with pytest.raises(KinkError, match="has a kink here"):
        gradcheck(relu, np.array([0.0, 1.0]))


def test_randomness_of_its_own_is_told():
    rng = np.random.default_rng(0)
    with pytest.raises(
        InconclusiveError,
        match=r"two runs at the same inputs differ.*rng=np\.random\.default_rng\(0\)",
    ):
        gradcheck(lambda x: x * (rng.random(3) > 0.5), normal(3))


@pytest.mark.parametrize("p", [0.0, 0.5])
def test_a_generator_among_the_options_draws_the_same_in_every_run(p):
    rng = np.random.default_rng(0)
    state = rng.bit_generator.state
    assert answer("dropout", normal(3, 5), p=p, rng=rng) == "right"
    assert rng.bit_generator.state == state


# -- outputs and inputs --------------------------------------------------------------------


@every_mode
def test_functions_without_an_operation_are_right(mode):
    assert answer(lambda x: x, normal(3), mode=mode) == "right"
    assert answer(lambda x, y: x * 1.0, normal(3), normal(2), mode=mode) == "right"
    assert answer(lambda x: Tensor(np.ones(3)), normal(3), mode=mode) == "right"


@every_mode
def test_several_outputs_are_checked_together(mode):
    def both(x, y):
        return x * y, (F.exp(x) + y).sum(), y

    assert answer(both, normal(3), normal(3), mode=mode) == "right"
    wrong = changed("exp", lambda dx: (2 * dx,))
    assert answer(lambda x: (x, apply(wrong, x)), normal(3), mode=mode) == "wrong"


def test_inputs_of_other_kinds():
    assert answer("exp", [1.0, 2.0]) == answer("exp", 2.0) == "right"
    assert answer("exp", np.zeros((0, 3))) == "right"
    assert answer("exp", np.array([1.0, 2.0]).astype(">f8")) == "right"
    mask = np.array([True, False, True])
    assert answer(lambda x, mask: x * mask, normal(3), mask) == "right"
    for wrong, text in [
        ([1, 2], "x is int64, expected float64: only floating-point numbers"),
        (np.ma.masked_array([1.0]), "x is a masked array, expected an array of float64"),
        (np.array([1j]), "x is of dtype complex128, expected an array of float64"),
        (np.array([None]), "x is of dtype object, expected an array of float64"),
    ]:
        with pytest.raises(DtypeError, match=text):
            gradcheck("exp", wrong)
    with pytest.raises(TypeError, match="no input holds floating-point numbers"):
        gradcheck(lambda ids: Tensor([1.0]), np.array([1]))
    with pytest.raises(ValueError, match="no operation 'gelo'; did you mean gelu"):
        gradcheck("gelo", normal(3))
    with pytest.raises(TypeError, match="f is float, expected an Operation"):
        gradcheck(1.0, normal(3))


@pytest.mark.parametrize("tolerance", [0, -1, float("nan"), 1, "small"])
def test_impossible_tolerances_are_refused(tolerance):
    with pytest.raises(ValueError, match=r"tolerance is .*, expected a relative error between"):
        gradcheck("exp", normal(3), tolerance=tolerance)


@pytest.mark.parametrize("seed", [None, -1, 0.5, True])
def test_impossible_seeds_are_refused(seed):
    with pytest.raises(ValueError, match=r"seed is .*, expected an integer, 0 or more"):
        gradcheck("exp", normal(3), seed=seed)


def test_options_may_have_the_names_of_settings():
    def power(x, *, mode, seed):
        return x**seed if mode == "power" else x

    options = {"mode": "power", "seed": 3}
    assert answer(power, normal(3), options=options) == "right"
    assert gradcheck(power, normal(3), mode="full", options=options).mode == "full"


# -- rules ---------------------------------------------------------------------------------


def own(forward=lambda x: (2 * x, ()), backward=lambda dy, saved: (2 * dy,)):
    return Operation("own", forward, backward)


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        (own(lambda x: 2 * x), "own: forward does not return a pair; return y and the values"),
        (own(lambda x: (2.0, ())), "own: forward returns y as float, expected an array"),
        (own(backward=lambda dy, _: 2 * dy), "own: backward returns ndarray, expected a tuple"),
        (own(backward=lambda dy, _: None), "own: backward returns None, expected a tuple"),
        (own(backward=lambda dy, _: [2 * dy]), "own: backward returns list, expected a tuple"),
        (
            own(backward=lambda dy, _: (Tensor(dy),)),
            "own: the gradient of x is a Tensor, expected an array of shape (3,)",
        ),
        (
            own(lambda x: (x * np.sqrt(4.0), ())),
            "own: y is float64 for inputs of float32; np.sqrt(2), np.array(3)",
        ),
        (
            own(backward=lambda dy, _: (dy * np.sqrt(4.0),)),
            "own: the gradient of x is float64 for inputs of float32",
        ),
    ],
)
def test_an_operation_that_breaks_a_rule_is_told_which(operation, text):
    with pytest.raises(GradientError, match="^" + re.escape(text)):
        gradcheck(operation, normal(3))


def test_a_composition_names_the_operation_that_breaks_a_rule():
    unpaired = own(lambda x: 2 * x)
    with pytest.raises(GradientError, match=r"^own: forward does not return a pair"):
        gradcheck(lambda x: apply(unpaired, x * 1.0), normal(3))


def write_dy(dy, saved):
    dy *= 2
    return (dy,)


def write_saved(dy, saved):
    saved["all"][0][...] *= 2
    return (2 * dy,)


def write_input(x):
    x *= 2
    return x, ()


@pytest.mark.parametrize(
    "operation",
    [
        own(backward=write_dy),
        own(lambda x: (2 * x, {"all": [x.copy()]}), write_saved),
        own(write_input),
    ],
    ids=["dy", "saved", "input"],
)
def test_a_write_inside_a_composition_names_the_operation(operation):
    def composed(x):
        y = apply(operation, x * 3.0)
        return F.exp(y) + y

    with pytest.raises(GradientError, match=r"^own: an operation writes into its inputs"):
        gradcheck(composed, normal(3))


# -- plain functions -----------------------------------------------------------------------


def scaled_forward(x, w, ids, *, factor):
    return factor * x * w[ids], (x, w, ids, factor)


def scaled_backward(dy, saved):
    x, w, ids, factor = saved
    dw = np.zeros_like(w)
    np.add.at(dw, ids, factor * dy * x)
    return factor * dy * w[ids], dw, None


def test_a_pair_of_plain_functions_is_checked():
    arrays = [normal(4), normal(3), np.array([0, 2, 2, 1])]
    report = check_pair(scaled_forward, scaled_backward, arrays, factor=2.0)
    assert (report.name, list(report.resolution)) == ("scaled", ["x", "w"])

    def lost(dy, saved):
        dx, dw, _ = scaled_backward(dy, saved)
        x, _, ids, factor = saved
        dw[ids] = factor * dy * x  # an id that repeats keeps only the last
        return dx, dw, None

    with pytest.raises(GradientError, match=r"scaled: the gradient of w is wrong at index \(2"):
        check_pair(scaled_forward, lost, arrays, factor=2.0, mode="full")
