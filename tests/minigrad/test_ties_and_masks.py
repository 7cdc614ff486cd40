"""The points where a choice must be made: ties, kinks, NaN, infinities, masks."""

from dataclasses import replace

import numpy as np
import pytest

from minigrad import TABLE, Tensor, no_grad
from minigrad import functional as F
from minigrad.gradcheck import GradientError, KinkError, gradcheck
from minigrad.gradcheck.declarations import SIDES

INF, NAN = np.inf, np.nan


def result(name, *arrays, dy=None, **options):
    """The value of an operation and the gradients of its inputs, as lists; dy is ones."""
    y, saved = TABLE[name].forward(*map(np.asarray, arrays), **options)
    dy = np.ones_like(y) if dy is None else np.asarray(dy)
    gradients = TABLE[name].backward(dy, saved)
    return [None if array is None else array.tolist() for array in (y, *gradients)]


# -- ties and kinks ------------------------------------------------------------------------


def test_tied_elements_share_the_gradient_of_max_and_min():
    x = [[3.0, 1.0, 3.0, 3.0], [2.0, 5.0, 2.0, 4.0]]
    y, dx = result("max", x, axis=1, dy=[6.0, 7.0])
    assert (y, dx) == ([3.0, 5.0], [[2.0, 0.0, 2.0, 2.0], [0.0, 7.0, 0.0, 0.0]])
    y, dx = result("min", x, axis=1, dy=[6.0, 7.0])
    assert (y, dx) == ([1.0, 2.0], [[0.0, 6.0, 0.0, 0.0], [3.5, 0.0, 3.5, 0.0]])


def test_tied_inputs_share_the_gradient_of_maximum_and_minimum():
    a, b = [1.0, 2.0, 3.0], [2.0, 2.0, 2.0]
    assert result("maximum", a, b) == [[2.0, 2.0, 3.0], [0.0, 0.5, 1.0], [1.0, 0.5, 0.0]]
    assert result("minimum", a, b) == [[1.0, 2.0, 2.0], [1.0, 0.5, 0.0], [0.0, 0.5, 1.0]]


def test_a_tie_in_float32_gives_float32():
    x = np.ones((2, 3), np.float32)
    y, saved = TABLE["max"].forward(x, axis=1)
    (dx,) = TABLE["max"].backward(y, saved)
    assert dx.dtype == np.float32
    assert dx.tolist() == [[np.float32(1 / 3)] * 3] * 2


def test_clip_at_its_limits_has_the_gradient_of_relu_at_0():
    x = np.array([-1.0, 0.0, 2.0])
    assert result("clip", x, low=0.0) == result("relu", x) == [[0.0, 0.0, 2.0], [0, 0, 1.0]]
    assert result("clip", x, low=-1.0, high=2.0) == [x.tolist(), [0.0, 1.0, 0.0]]
    assert result("clip", x, low=0.0, high=0.0) == [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def test_abs_of_0_is_plus_0_with_the_gradient_0():
    y, dx = result("abs", [-0.0, 0.0, -3.0])
    assert (y, dx) == ([0.0, 0.0, 3.0], [0.0, 0.0, -1.0])
    assert not np.signbit(y).any()


def test_the_slope_of_sqrt_at_0_is_infinite():
    with np.errstate(divide="ignore"):
        assert result("sqrt", [0.0, 4.0]) == [[0.0, 2.0], [INF, 0.25]]


KINKS = [
    ("abs", ([1.0, 0.0],), {}, [1, 0]),
    ("clip", ([-2.0, -1.0, 0.0, 1.0, 2.0],), {"low": -1.0, "high": 1.0}, [-1, 0, 1, 0, -1]),
    ("maximum", ([1.0, 2.0, 3.0], 2.0), {}, [-1, 0, 1]),
    ("minimum", ([1.0, 2.0, 3.0], 2.0), {}, [-1, 0, 1]),
    ("max", ([[3.0, 1.0, 3.0], [1.0, 5.0, 1.0]],), {"axis": 1}, [[0, -1, 0], [-1, 1, -1]]),
    ("min", ([[3.0, 1.0, 3.0], [1.0, 5.0, 1.0]],), {"axis": 1}, [[-1, 1, -1], [0, -1, 0]]),
]


@pytest.mark.parametrize(("name", "arrays", "options", "sides"), KINKS, ids=lambda v: str(v))
def test_the_checker_names_a_tie(name, arrays, options, sides):
    arrays = [np.asarray(array) for array in arrays]
    assert SIDES[TABLE[name].forward](*arrays, **options).tolist() == sides
    with pytest.raises(KinkError, match=f"^{name}: "):
        gradcheck(name, *arrays, **options)


def test_equal_limits_leave_no_kink():
    gradcheck("clip", np.array([1.0, 2.0, 3.0]), low=2.0, high=2.0)


# -- NaN -----------------------------------------------------------------------------------


def test_nan_spreads_as_in_numpy_and_receives_the_gradient():
    for name in ("max", "min"):
        y, dx = result(name, [[1.0, NAN, 3.0], [1.0, 2.0, 3.0]], axis=1)
        assert np.isnan(y).tolist() == [True, False]
        assert dx[0] == [0.0, 1.0, 0.0]
        y, da, db = result(name + "imum", [NAN, 1.0, NAN], [1.0, NAN, NAN])
        assert np.isnan(y).all()
        assert (da, db) == ([1.0, 0.0, 0.5], [0.0, 1.0, 0.5])
    for name in ("abs", "sqrt", "var", "softmax", "log_softmax"):
        assert np.isnan(result(name, [1.0, NAN])[0]).any()
    y, dx = result("clip", [NAN], low=0.0)
    assert (np.isnan(y[0]), dx) == (True, [0.0])


# -- masks ---------------------------------------------------------------------------------


def test_masked_entries_have_the_probability_0_and_change_nothing():
    rng = np.random.default_rng(5)
    x, dy = rng.standard_normal((2, 5)), rng.standard_normal((2, 5))
    masked, kept = x.copy(), [0, 2, 3]
    masked[:, [1, 4]] = -INF
    for name in ("softmax", "log_softmax"):
        y, dx = map(np.array, result(name, masked, dy=dy))
        # A loss does not use a masked log-probability, so its dy is 0 there.
        used = dy if name == "softmax" else dy * np.isfinite(y)
        y, dx = map(np.array, result(name, masked, dy=used))
        expected_y, expected_dx = map(np.array, result(name, x[:, kept], dy=dy[:, kept]))
        np.testing.assert_allclose(y[:, kept], expected_y, rtol=1e-14)
        np.testing.assert_allclose(dx[:, kept], expected_dx, rtol=1e-12)
        assert set(y[:, [1, 4]].flat) == {0.0 if name == "softmax" else -INF}
        assert not dx[:, [1, 4]].any()


def test_a_softmax_of_large_numbers_does_not_overflow():
    x = np.array([[1e4, -1e4, 1e4], [-1e30, -1e30, -INF]], np.float32)
    with np.errstate(all="raise", under="ignore"):
        y, dx = result("softmax", x)
        log_y, _ = result("log_softmax", x)
    assert y == [[0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]
    assert dx == [[0.0] * 3] * 2
    np.testing.assert_allclose(log_y[0], [-np.log(2), -2e4, -np.log(2)], rtol=1e-4)


def test_where_gives_a_place_that_was_not_chosen_exactly_0():
    condition = [True, False, True]
    y, none, da, db = result("where", condition, [1.0, INF, 3.0], [NAN, 2.0, -INF])
    assert none is None
    assert (y, da, db) == ([1.0, 2.0, 3.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0])
    assert result("where", condition, [1.0] * 3, 2.0, dy=[NAN, 5.0, INF])[3] == 5.0
    y, dx, none = result("masked_fill", [INF, 2.0, NAN], condition, value=0.0, dy=[NAN, 5, 6.0])
    assert (y, dx, none) == ([0.0, 2.0, 0.0], [0.0, 5.0, 0.0], None)


X = np.random.default_rng(8).standard_normal((2, 5))
HIDDEN = np.array([[0, 1, 0, 0, 1], [1, 0, 0, 1, 0]], bool)
MASKED = np.where(HIDDEN, -INF, X)
INFINITE = [
    ("softmax", (MASKED,), {}),
    ("log_softmax", (MASKED,), {}),
    *(("masked_fill", (X, HIDDEN), {"value": value}) for value in (-1e9, -1e30, -INF)),
    ("where", (HIDDEN, MASKED, 2 * X), {}),
    ("where", (~HIDDEN, X, np.where(HIDDEN, X, NAN)), {}),
    ("max", (MASKED,), {"axis": 1}),
    ("min", (-MASKED,), {"axis": 1}),
    ("maximum", (MASKED, 2 * X), {}),
    ("clip", (MASKED,), {"low": -0.5}),
]


@pytest.mark.parametrize("mode", ["auto", "full", "complex"])
@pytest.mark.parametrize(
    ("name", "arrays", "options"),
    INFINITE,
    ids=[f"{name}-{i}" for i, (name, *_) in enumerate(INFINITE)],
)
def test_the_checker_decides_beside_infinities(name, arrays, options, mode):
    gradcheck(name, *arrays, mode=mode, **options)
    right = TABLE[name]

    def backward(dy, saved):
        return tuple(g if g is None else 1.001 * g for g in right.backward(dy, saved))

    with pytest.raises(GradientError, match=f"^{name}: the gradient of "):
        gradcheck(replace(right, backward=backward), *arrays, mode=mode, **options)


def test_causal_attention_does_not_depend_on_later_positions():
    rng = np.random.default_rng(6)
    scores = Tensor(rng.standard_normal((2, 5, 5)), requires_grad=True)
    later = np.triu(np.ones((5, 5), bool), k=1)

    def attention(scores):
        return F.softmax(F.masked_fill(scores, later, value=-INF))

    y = attention(scores)
    y.backward(rng.standard_normal(y.shape))
    assert not scores.grad[:, later].any()
    seen = ~later
    seen[0, 0] = False  # the only entry of its row: its probability is always 1
    assert scores.grad[:, seen].all()
    np.testing.assert_allclose(y.data.sum(axis=-1), 1, rtol=1e-12)
    with no_grad():
        changed = attention(Tensor(np.where(later, NAN, scores.data)))
    np.testing.assert_array_equal(changed.data, y.data)


# -- notation ------------------------------------------------------------------------------


def test_constants_take_the_dtype_of_the_tensors():
    x = Tensor([[1.0, -2.0], [3.0, -4.0]], requires_grad=True)
    condition = x.data > 0
    for y, expected in [
        (F.where(condition, x, 0.0), [[1, 0], [3, 0]]),
        (F.where([[True, False], [False, True]], -INF, x), [[-INF, -2], [3, -INF]]),
        (F.where(1, x, np.array(7.0)), [[1, -2], [3, -4]]),
        (F.masked_fill(x, condition, value=-INF), [[-INF, -2], [-INF, -4]]),
        (F.masked_fill(x, [1, 0], value=np.float64(0)), [[0, -2], [0, -4]]),
        (F.maximum(x, 0), [[1, 0], [3, 0]]),
        (F.minimum(0.0, x), [[0, -2], [0, -4]]),
        (F.clip(x, low=np.float64(-3), high=2), [[1, -2], [2, -3]]),
        (x.max(), 3),
        (x.max(axis=0, keepdims=True), [[3, -2]]),
        (x.min(axis=-1), [-2, -4]),
        (x.max(axis=[0, 1]), 3),
        (x.var(axis=1, ddof=1), [4.5, 24.5]),
    ]:
        assert y.dtype == np.float32
        assert y.data.tolist() == expected
