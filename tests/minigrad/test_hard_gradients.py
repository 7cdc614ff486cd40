"""The checker on gradients that are hard to check: it may be undecided, never mistaken.

The pairs of hard_gradients.py are checked as they are, which must not be blamed, and with an
error of 0.2 % in their smallest gradient, which must not pass. The other tests are single
points. benchmarks/gradcheck.py does the same with thousands of random points.
"""

import numpy as np
import pytest
from hard_gradients import build
from hard_pairs import HARD, a_shape

from minigrad import TABLE, Operation
from minigrad import functional as F
from minigrad.gradcheck import GradientError, InconclusiveError, check_pair, gradcheck

MODES = ("auto", "full", "projection")
RIGHT, WRONG, UNDECIDED = "right", "wrong", "undecided"


def answer(check, *arrays, **options):
    """The answer of the checker."""
    try:
        check(*arrays, **options)
    except GradientError:
        return WRONG
    except InconclusiveError:
        return UNDECIDED
    return RIGHT


def answer_of(forward, backward, *arrays, **options):
    operation = Operation("user's", forward, backward)
    return answer(gradcheck, operation, *map(np.asarray, arrays), **options)


def elementwise(y, slope, x, **options):
    """The answer for y(x) with the derivative slope(x)."""
    return answer_of(
        lambda x: (np.asarray(y(x)), (x,)),
        lambda dy, saved: (np.asarray(dy * slope(saved[0]), dy.dtype),),
        *(np.array(x, float),),
        **options,
    )


# -- the corpus ----------------------------------------------------------------------------


def draws(name):
    """A pair in each mode, with at least one element; few where the mode takes each alone."""
    for seed, mode in enumerate(("auto", "full", "complex")):
        rng = np.random.default_rng([seed, len(name)])
        pair = build(rng, name)
        size = sum(a.size for a in pair.arrays)
        if 0 < size < (100 if mode == "full" else 10_000):
            yield pair, mode


@pytest.mark.parametrize("name", [n for n in HARD if n != "times random numbers"])
def test_a_right_gradient_is_not_blamed(name):
    for pair, mode in draws(name):
        found = answer_of(pair.forward, pair.backward, *pair.arrays, mode=mode)
        assert found in (RIGHT, UNDECIDED), (mode, pair.arrays)


@pytest.mark.parametrize("name", HARD)
def test_a_small_error_in_the_smallest_gradient_does_not_pass(name):
    for pair, mode in draws(name):

        def wrong(dy, saved, pair=pair):
            first, *others = pair.backward(dy, saved)
            dx = np.array(first)
            places = np.flatnonzero(dx)
            if len(places) == 0:  # all are 0: no factor makes an error
                dx.flat[0] = 1.0
            else:
                exponents = np.frexp(dx.flat[places])[1]  # a choice that no rounding changes
                dx.flat[places[np.argmin(exponents)]] *= 1.002
            return (dx, *others)

        found = answer_of(pair.forward, wrong, *pair.arrays, mode=mode)
        assert found in (WRONG, UNDECIDED), (mode, pair.arrays)


def test_random_numbers_inside_are_undecided():
    pair = build(np.random.default_rng(0), "times random numbers")
    assert answer_of(pair.forward, pair.backward, *pair.arrays) == UNDECIDED


def test_points_without_an_element_are_right():
    assert (0, 3) in {a_shape(np.random.default_rng(i)) for i in range(100)}
    assert elementwise(np.exp, np.exp, np.zeros((0, 3))) == RIGHT


# -- sizes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("name", "x", "options"),
    [
        ("log", [1e6, 1e-3], {}),
        ("log", [1e-8], {}),
        ("log", [0.9, 0.1, 3e-6], {}),
        ("power", [1e-7], {"p": -1}),
        ("power", [1e-8, 1e8], {"p": 3}),
        ("exp", [-600.0, -1e-8, 600.0], {}),
        ("sqrt", [1e-8, 1e8], {}),
        ("relu_squared", [1e-8, -1e-8, 1e8], {}),
    ],
)
def test_a_right_gradient_at_very_small_and_large_numbers(name, x, options, mode):
    assert answer(gradcheck, name, np.array(x), mode=mode, **options) == RIGHT


@pytest.mark.parametrize("mode", MODES)
def test_the_edge_of_a_domain(mode):
    for x in ([0.0], [0.0, 2.0]):
        assert answer(gradcheck, "power", np.array(x), mode=mode, p=1.5) in (RIGHT, UNDECIDED)
        found = elementwise(lambda x: x**1.5, lambda x: 1.6 * x**0.5 + 0.1, x, mode=mode)
        assert found in (WRONG, UNDECIDED)


@pytest.mark.parametrize("mode", [*MODES, "complex"])
@pytest.mark.parametrize(
    ("name", "x"),
    [
        ("log", [1e6, 1.0]),
        ("log", [0.9, 0.1, 3e-6]),
        ("exp", [1.0, -30.0, 5.0]),
        ("tanh", [1e-8, 1.0]),
        ("relu_squared", [1e-8, 1e8]),
        ("relu_squared", [1e-4, 4e5, -8e4]),
    ],
)
@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("factor", [5.0, 1.002])
def test_one_wrong_element_beside_far_larger_ones(name, x, index, factor, mode):
    right = TABLE[name]

    def backward(dy, saved):
        (dx,) = right.backward(dy, saved)
        return (np.where(np.arange(len(x)) == index, factor * dx, dx).astype(dy.dtype),)

    wrong = Operation(name, right.forward, backward)
    assert answer(gradcheck, wrong, np.array(x), mode=mode) == WRONG


@pytest.mark.parametrize("mode", [*MODES, "complex"])
@pytest.mark.parametrize("large", [1e8, 1e12, 1e-12])
def test_a_wrong_gradient_beside_a_large_factor(large, mode):
    scale = np.array([large, 1.0])

    def check(claimed):
        return answer_of(
            lambda x: (x * scale.astype(x.real.dtype), ()),
            lambda dy, _: (dy * np.array(claimed, dy.dtype),),
            *([0.3, -0.7],),
            mode=mode,
        )

    assert check([large, 1.0]) == RIGHT
    assert check([large, 2.0]) == WRONG
    assert check([large, 1.001]) == WRONG
    assert check([large * 1.001, 1.0]) == WRONG


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [1e-200, 1e-150, 1e150, 1e200])
def test_outputs_whose_squares_overflow(size, mode):
    x = [1.0, 0.0, -0.3]
    assert elementwise(lambda x: size * x, lambda x: size, x, mode=mode) == RIGHT
    for wrong in ([1, 1, -1], [1, 1.01, 1]):
        claim = size * np.array(wrong)
        assert elementwise(lambda x: size * x, lambda x, c=claim: c, x, mode=mode) == WRONG


# -- large constants -----------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fill", [-1e9, -1e30, -np.inf])
def test_what_is_not_masked_is_checked(fill, mode):
    mask = np.array([False, True, False])

    def check(claimed):
        return answer_of(
            lambda x: (np.where(mask, np.asarray(fill, x.dtype), x), ()),
            lambda dy, _: (np.where(mask, 0, dy * np.array(claimed, dy.dtype)),),
            *([0.3, -0.7, 2.0],),
            mode=mode,
        )

    assert check([1.0, 1.0, 1.0]) == RIGHT
    assert check([1.0, 1.0, 3.0]) == WRONG


@pytest.mark.parametrize("mode", [*MODES, "complex"])
@pytest.mark.parametrize("fill", [-1e9, -1e30, -np.inf])
def test_a_masked_softmax_is_right(fill, mode):
    later = np.triu(np.ones((3, 3), bool), 1)
    scores = np.random.default_rng(0).standard_normal((3, 3))

    def attention(scores):
        return F.softmax(F.masked_fill(scores, later, value=fill))

    assert answer(gradcheck, attention, scores, mode=mode) == RIGHT


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("far", [1e8, 1e12, 1e16, 1e30])
@pytest.mark.parametrize("small", [1.0, 1e-6])
@pytest.mark.parametrize("claim", [2.0, 1.01, 0.0, -1.0])
def test_a_wrong_gradient_under_a_large_constant_does_not_pass(far, small, claim, mode):
    found = elementwise(
        lambda x: far + small * x, lambda x: claim * small, [1.0, -3.0], mode=mode
    )
    assert found in (WRONG, UNDECIDED)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("far", [1e8, 1e12, 1e16, 1e30])
@pytest.mark.parametrize("small", [1.0, 1e-6])
def test_a_right_gradient_under_a_large_constant_is_not_blamed(far, small, mode):
    found = elementwise(lambda x: far + small * x, lambda x: small, [1.0, -3.0], mode=mode)
    assert found in (RIGHT, UNDECIDED)


@pytest.mark.parametrize("mode", MODES)
def test_digits_lost_inside_a_function_blame_nothing(mode):
    def loses(x, w):
        return F.tanh(F.subtract(F.add(x * w, 1e9), 1e9))

    x, w = np.array([0.3, -0.7]), np.array([1.5, 0.4])
    assert answer(gradcheck, loses, x, w, mode=mode) in (RIGHT, UNDECIDED)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("far", [1e6, 1e8, 1e10])
def test_half_of_a_slope_that_tiny_steps_lose(far, mode):
    """A check with tiny steps alone would pass 1, which is wrong, and blame 2."""

    def y(x):
        return (x + far) - far + x

    x = [-0.02, -0.7, 1.3]
    assert elementwise(y, lambda x: 1.0, x, mode=mode) in (WRONG, UNDECIDED)
    assert elementwise(y, lambda x: 2.0, x, mode=mode) in (RIGHT, UNDECIDED)


# -- kinks and steep places that nobody declared -------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_beside_a_kink_and_a_jump(distance, side, mode):
    x = [1.0 + side * distance, 3.0]
    slope = np.array([(1 + side) / 2, 1.0])
    up = np.array([1.0, 1.0])
    for y, right in (
        (lambda x: np.maximum(x, 1.0), slope),
        (lambda x: np.where(x > 1.0, x + 1, x), up),
        (lambda x: np.where(x > 1.0, x + 1e-6, x), up),
    ):
        assert elementwise(y, lambda x, s=right: s, x, mode=mode) in (RIGHT, UNDECIDED)
        for wrong in (0.5 * right + 0.25, right * 0, right + np.array([0.01, 0])):
            if not np.array_equal(wrong, right):
                assert elementwise(y, lambda x, s=wrong: s, x, mode=mode) != RIGHT


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [1e-3, 1e-6, 1e-9])
def test_a_ripple_is_not_taken_for_its_mean_slope(size, mode):
    found = elementwise(
        lambda x: x + size * np.sin(x / size), np.ones_like, [1.3, -2.4], mode=mode
    )
    assert found in (WRONG, UNDECIDED)


@pytest.mark.parametrize("mode", MODES)
def test_steps_of_a_staircase_are_not_taken_for_a_slope(mode):
    for digits in (3, 6, 9):
        unit = 10.0**digits
        found = elementwise(
            lambda x, unit=unit: np.round(x * unit) / unit, np.ones_like, [1.3, -2.4], mode=mode
        )
        assert found in (WRONG, UNDECIDED)


@pytest.mark.parametrize("mode", MODES)
def test_zero_for_a_gradient_that_is_only_small(mode):
    x = [1.4e-8, 3.1e-7]
    assert (
        elementwise(lambda x: x**7, lambda x: np.array([7.0, 0.0]) * x**6, x, mode=mode)
        != RIGHT
    )
    assert elementwise(lambda x: x**7, lambda x: 7 * x**6, x, mode=mode) != WRONG


# -- complex steps -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "slope"),
    [
        (np.abs, np.sign),
        (lambda x: np.real(x) * 1.0, np.ones_like),
        (lambda x: np.linalg.norm(x, keepdims=True), lambda x: x / np.linalg.norm(x)),
        (lambda x: x * np.conj(x), lambda x: 2 * x),
        (
            lambda x: np.sqrt(np.abs(x - 1)),
            lambda x: np.sign(x - 1) / 2 / np.sqrt(np.abs(x - 1)),
        ),
    ],
    ids=["abs", "real", "norm", "conjugate", "root of abs"],
)
@pytest.mark.parametrize("is_zero", [False, True])
def test_complex_steps_are_refused_where_the_forward_is_not_analytic(y, slope, is_zero):
    """Without a check, zeros would pass: the imaginary part is lost."""

    def claimed(x):
        return 0 * x if is_zero else slope(x)

    found = elementwise(y, claimed, [0.3, -0.7, 2.0], mode="complex")
    assert found == UNDECIDED


# -- losses --------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "full", "complex"])
@pytest.mark.parametrize(
    "z", [[[8.0, 0.0, 0.3, -0.2]], [[14.0, 0.0, 0.3, -0.2], [0.1, 20.0, -3.0, 0.0]]]
)
def test_cross_entropy_of_confident_logits_is_right(z, mode):
    ids = np.arange(len(z))
    assert answer(gradcheck, "cross_entropy", np.array(z), ids, mode=mode) == RIGHT


def test_differences_show_no_gradient_below_the_digits_of_the_loss():
    """Of a loss of 7, a gradient of 1e-9 is 1e-10 of a difference."""
    z = np.array([[14.0, 0.0, 0.3, -0.2], [0.1, 20.0, -3.0, 0.0]])
    found = answer(gradcheck, "cross_entropy", z, np.arange(2), mode="projection")
    assert found in (RIGHT, UNDECIDED)


def test_plain_pairs_of_functions_are_checked_as_strictly():
    def forward(x):
        return x * np.abs(x), (x,)

    def backward(dy, saved):
        return (2 * dy * np.abs(saved[0]),)

    def wrong(dy, saved):
        return (2 * dy * np.abs(saved[0]) * np.array([1, 1.05, 1], dy.dtype),)

    arrays = [np.array([-1.26e-8, -2.2e4, 2.1e4])]
    assert answer(check_pair, forward, backward, arrays) == RIGHT
    assert answer(check_pair, forward, wrong, arrays) == WRONG
