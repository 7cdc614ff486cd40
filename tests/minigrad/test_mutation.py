"""mutate: the mistakes that it plants, how it judges a test, and its report."""

import random
import re
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from minigrad import Operation
from minigrad.gradcheck import declare, gradcheck
from minigrad.gradcheck.cases import gradient_cases
from minigrad.gradcheck.mutation import MutationError, mutate
from minigrad.gradcheck.mutation.mistakes import MISTAKES


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def texts(planted):
    return [str(one) for one in planted]


def exactly(text):
    return f"^{re.escape(text)}$"


def scale_forward(x, w):
    return x * w, (x, w)


def scale_backward(dy, saved):
    x, w = saved
    return dy * w, (dy * x).sum(axis=0)


SCALE = Operation("scale", scale_forward, scale_backward)


def all_cases(**settings):
    """The test of an operation by all cases of the checker."""

    def test(operation):
        for case in gradient_cases(operation, **settings):
            case.check()

    return test


# -- what a strong test catches ------------------------------------------------------------

STRONG = {
    "rms_norm": {"shapes": {"x": (2, 3, 5), "w": (5,)}, "options": [{}, {"eps": 0.5}]},
    "multiply": {"shapes": [{"a": (2, 3), "b": (3,)}, {"a": (2, 3), "b": (2, 3)}]},
    "matmul": {"shapes": [{"a": (2, 3), "b": (3, 5)}, {"a": (3, 3), "b": (3, 3)}]},
    "embedding": {"shapes": {"w": (7, 5), "ids": (2, 3)}, "ids": {"ids": 7}},
    "ternary_linear": {
        "shapes": {"x": (2, 3, 5), "w": (7, 5)},
        "options": [{}, {"scale": "mean"}],
    },
}


@cache
def strong_report(name):
    return mutate(name, all_cases(**STRONG[name]))


@pytest.mark.parametrize("name", STRONG)
def test_the_cases_of_the_checker_catch_every_planted_mistake(name):
    report = strong_report(name)
    assert texts(report.missed) == []
    assert texts(report.no_effect) == []
    assert len(report.caught) >= 15


def test_every_mistake_is_planted_in_one_of_these_operations():
    made = {one.mistake for name in STRONG for one in strong_report(name).caught}
    assert made == {mistake.name for mistake in MISTAKES}


def test_the_surrogate_of_an_operation_stays_declared():
    x, w = normal(2, 5), normal(3, 5, seed=1)
    report = mutate("ternary_linear", lambda op: gradcheck(op, x, w))
    assert "wrong sign (w)" in texts(report.caught)

    rounded = Operation("rounded", lambda x: (np.round(x), ()), lambda dy, _: (dy,))
    declare(rounded, surrogate=lambda x0: lambda x: np.round(x0) + (x - x0))
    assert "zeros (x)" in texts(mutate(rounded, lambda op: gradcheck(op, x)).caught)


# -- what a weak test misses ---------------------------------------------------------------


def test_a_gradient_of_ones_and_positive_inputs_are_inputs_that_cannot_see():
    def test(op):
        x = np.array([1.0, 2.0, 3.0])
        y, saved = op.forward(x)
        (dx,) = op.backward(np.ones(3), saved)
        assert np.allclose(dx, 1 - y**2)

    report = mutate("tanh", test)
    sentences = {one.mistake: one.sentence for one in report.no_effect}
    assert (
        sentences["dy is not used: ones"]
        == "Use a random dy: ones give the same gradients as yours."
    )
    assert sentences["wrong sign where the input is negative"] == (
        "Use inputs of both signs; no negative one had a gradient that is not 0."
    )
    assert texts(report.missed) == [
        "the other precision (x)",
        "an axis of size 1 too many (x)",
        "writes into dy",
    ]


def test_a_comparison_that_broadcasts_misses_the_missing_sum():
    def test(op):
        x, w, dy = np.ones((4, 3)), normal(3), np.ones((4, 3))
        _, saved = op.forward(x, w)
        assert np.allclose(op.backward(dy, saved)[1], 4.0, atol=3.5)

    assert "not summed over the broadcast axes (w)" in texts(mutate(SCALE, test).missed)


def test_a_difference_that_nan_passes_is_found():
    def test(op):
        x = normal(5)
        y, saved = op.forward(x)
        (dx,) = op.backward(np.ones(5), saved)
        if (np.abs(dx - (1 - y**2)) > 1e-6).any():
            raise AssertionError("wrong")

    assert "one element is NaN (x)" in texts(mutate("tanh", test).missed)


def test_a_loose_tolerance_misses_a_thousandth_of_one_element():
    def test(op):
        y, saved = op.forward(normal(5))
        assert np.allclose(op.backward(np.ones(5), saved)[0], 1 - y**2, rtol=0.01)

    assert "one element is wrong by a thousandth (x)" in texts(mutate("tanh", test).missed)


def test_ids_without_repetition_cannot_see_how_an_id_that_repeats_is_counted():
    def test_with(ids):
        def test(op):
            _, saved = op.forward(np.zeros((4, 2)), ids)
            expected = np.zeros((4, 2))
            np.add.at(expected, ids, dy)
            assert np.allclose(op.backward(dy, saved)[0].dense(), expected)

        dy = normal(len(ids), 2)
        return test

    mistake = "an id that repeats counts once (w)"
    assert mistake in texts(mutate("embedding", test_with(np.array([0, 3]))).no_effect)
    assert mistake in texts(mutate("embedding", test_with(np.array([3, 3]))).caught)


def test_one_forward_cannot_see_stale_saved_values_and_two_forwards_can():
    def test(op):
        runs = [op.forward(normal(3, seed=seed)) for seed in (1, 2)]
        for y, saved in runs if two else runs[:1]:
            (dx,) = op.backward(np.ones(3), saved)
            assert np.allclose(dx, 1 - y**2)

    two = True
    stale = {"the saved values of the first forward", "the saved values of the latest forward"}
    assert stale <= set(texts(mutate("tanh", test).caught))
    two = False  # the second forward runs, but its backward is not used
    report = mutate("tanh", test)
    assert "the saved values of the first forward" in texts(report.no_effect)
    assert "the saved values of the latest forward" in texts(report.caught)


def test_an_argument_whose_gradient_is_not_looked_at_gets_one_row():
    def test(op):
        _, saved = op.forward(normal(4, 3), normal(3))
        op.backward(normal(4, 3), saved)[0].sum()
        assert op.backward(np.zeros((4, 3)), saved)[0].shape == (4, 3)

    rows = str(mutate(SCALE, test)).splitlines()
    assert any(re.search(r"all \d+ mistakes  +w +The test does not look at", r) for r in rows)


# -- sound accounts ------------------------------------------------------------------------


def test_a_mistake_of_less_than_a_ten_thousandth_counts_as_no_effect():
    """Differences run the forward at almost the same input: a stale value is almost right."""

    def test(op):
        x = normal(3)
        op.forward(x + 1e-9)
        y, saved = op.forward(x)
        assert np.allclose(op.backward(np.ones(3), saved)[0], 1 - y**2)

    assert "the saved values of the first forward" in texts(mutate("tanh", test).no_effect)


def test_the_arrays_of_the_test_are_as_they_were():
    x, w, dy = normal(4, 3), normal(3, seed=1), normal(4, 3, seed=2)
    before = x.copy(), w.copy(), dy.copy()

    def test(op):
        _, saved = op.forward(x, w)
        dx, dw = op.backward(dy, saved)
        assert np.allclose(dx, before[2] * before[1])
        assert np.allclose(dw, (before[2] * before[0]).sum(0))

    report = mutate(SCALE, test)
    assert {"writes into dy", "writes into a saved array"} <= set(texts(report.missed))
    for array, original in zip((x, w, dy), before, strict=True):
        np.testing.assert_array_equal(array, original)


def test_locked_arrays_catch_writes():
    def test(op):
        x, w, dy = normal(4, 3), normal(3, seed=1), normal(4, 3, seed=2)
        for array in (x, w, dy):
            array.flags.writeable = False
        _, saved = op.forward(x, w)
        op.backward(dy, saved)

    report = mutate(SCALE, test)
    assert texts(report.caught) == ["writes into dy", "writes into a saved array"]


def test_a_reused_buffer_is_seen_by_the_first_result_after_a_second_call():
    def test(op):
        _, saved = op.forward(normal(4, 3), normal(3))
        first = op.backward(np.ones((4, 3)), saved)[0]
        second = op.backward(2 * np.ones((4, 3)), saved)[0]
        assert not compare or np.allclose(second, 2 * first)

    compare = True
    assert "returns the same buffers in each call" in texts(mutate(SCALE, test).caught)
    compare = False
    assert "returns the same buffers in each call" in texts(mutate(SCALE, test).missed)


def test_two_reports_are_equal_also_with_the_random_numbers_of_the_process():
    def test(op):
        _, saved = op.forward(np.random.randn(4, 3), normal(3))
        dy = np.full((4, 3), random.random())
        assert np.allclose(op.backward(dy, saved)[0].std(axis=0), 0)

    assert mutate(SCALE, test) == mutate(SCALE, test)


def test_a_mistake_that_cannot_be_made_has_a_reason():
    report = mutate("tanh", lambda op: gradcheck(op, normal(3)))
    reasons = {one.mistake: one.sentence for one in report.not_applicable}
    assert reasons["the gradients are in the wrong order"] == "there is one gradient only"
    assert reasons["an id that repeats counts once"] == "no array of ids was used"
    assert reasons["transposed"] == "it has fewer than two axes"


# -- pairs of functions --------------------------------------------------------------------


def test_a_pair_may_have_its_own_conventions():
    def forward(x, w):
        return x @ w

    def backward(dy, x, w):
        return {"x": dy @ w.T, "w": x.T @ dy}

    def test(forward, backward):
        x, w = normal(4, 3), normal(3, 2)
        gradients = backward(np.ones_like(forward(x, w)), x, w)
        assert np.allclose(gradients["x"], w.sum(1))
        assert gradients["w"].shape == (3, 2)

    report = mutate((forward, backward), test)
    assert report.name == "forward"
    assert "wrong sign (x)" in texts(report.caught)
    assert "wrong sign (w)" in texts(report.missed)


def test_a_backward_may_return_one_array_alone():
    def test(forward, backward):
        y = forward(np.array([2.0]))
        assert backward(np.array([1.0]), y) == pytest.approx(y)

    # Older versions of NumPy give np.exp no signature, so its input would have no name.
    report = mutate((lambda x: np.exp(x), lambda dy, y: dy * y), test)
    assert "wrong sign (x)" in texts(report.caught)
    assert texts(report.missed) == ["the other precision (x)", "writes into dy"]


def test_saved_values_may_be_a_dataclass():
    @dataclass
    class Kept:
        y: np.ndarray

    def forward(x):
        y = np.tanh(x)
        return y, Kept(y)

    def backward(dy, kept):
        return (dy * (1 - kept.y**2),)

    def test(op):
        x = normal(5)
        _, kept = op.forward(x)
        assert np.allclose(op.backward(np.ones(5), kept)[0], 1 - np.tanh(x) ** 2)

    report = mutate(Operation("mine", forward, backward), test)
    assert "input and output exchanged in what is saved" in texts(report.caught)
    assert "writes into a saved array" in texts(report.missed)


def test_a_layer_may_keep_its_values_in_itself():
    class Layer:
        def forward(self, x):
            self.y = np.tanh(x)
            return self.y

        def backward(self, dy):
            return dy * (1 - self.y**2)

    def test(forward, backward):
        y = forward(normal(5))
        assert np.allclose(backward(np.ones(5)), 1 - y**2)

    layer = Layer()
    report = mutate((layer.forward, layer.backward), test)
    assert "wrong sign (x)" in texts(report.caught)
    reasons = {str(one): one.sentence for one in report.not_applicable}
    assert reasons["the saved values of the first forward"] == (
        "the backward does not get the saved values of the forward"
    )


# -- tests that cannot be judged -----------------------------------------------------------


def refusal(operation, test):
    with pytest.raises(MutationError) as caught:
        mutate(operation, test)
    return str(caught.value)


def test_a_test_that_fails_on_the_right_backward():
    def test(op):
        raise AssertionError("0.5 is not 1.0\nand more")

    assert refusal("tanh", test) == (
        "mutate: the test fails on tanh without any mistake (AssertionError: 0.5 is not 1.0); "
        "correct one of them first"
    )


def test_a_test_that_never_calls_the_backward():
    assert refusal("tanh", lambda op: gradcheck("tanh", normal(3))) == (
        "mutate: the test never calls the backward of tanh; use the operation that the test is "
        "called with, and its backward"
    )


@pytest.mark.parametrize("answer", [True, False, np.True_])
def test_a_test_that_returns_its_answer(answer):
    def test(op):
        op.backward(np.ones(2), op.forward(np.ones(2))[1])
        return answer

    assert refusal("tanh", test) == (
        f"mutate: the test returns {answer}; a test must raise if it finds a fault: use assert"
    )


def test_a_test_that_fails_by_chance():
    runs = []

    def test(op):
        op.backward(np.ones(3), op.forward(np.zeros(3))[1])
        runs.append(1)
        assert len(runs) < 8, "too late"

    assert refusal("relu", test).startswith("mutate: the test of relu fails by chance: ")


def test_pytest_fail_and_sys_exit_count_as_caught():
    def test(op):
        (dx,) = op.backward(np.ones(2), op.forward(np.ones(2))[1])
        if dx[0] < 0:
            pytest.fail("negative")
        if dx[0] == 0:
            raise SystemExit("zero")

    caught = texts(mutate("tanh", test).caught)
    assert "wrong sign (x)" in caught
    assert "zeros (x)" in caught


def test_ctrl_c_ends_it():
    def test(op):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mutate("tanh", test)


def test_anything_else_than_an_operation_is_refused():
    text = (
        "mutate: operation is 'gelu2', expected an Operation, the name of one in "
        "minigrad.TABLE, or a pair (forward, backward) of functions"
    )
    with pytest.raises(TypeError, match=exactly(text)):
        mutate("gelu2", lambda op: None)


# -- three operations and their tests, independent of the checker --------------------------


def numbers_by_hand(op):
    """RMSNorm of (3, 4): mean square 12.5; the expected numbers were computed on paper."""
    x, w = np.array([[3.0, 4.0]]), np.array([1.0, 2.0])
    _, saved = op.forward(x, w, eps=0.0)
    dx, dw = op.backward(np.array([[1.0, 0.0]]), saved)
    assert np.allclose(dx, [[0.18101934, -0.13576450]])
    assert np.allclose(dw, [0.84852814, 0.0])


def the_loops_of_the_definition(op):
    """A causal convolution, element by element: y[t] = Σ_k w[k] x[t + k - 1]."""
    x, w, dy = normal(1, 4, 1), normal(1, 1, 2, seed=1), normal(1, 4, 1, seed=2)
    _, saved = op.forward(x, w)
    dx, dw = op.backward(dy, saved)
    expected_dx, expected_dw = np.zeros_like(x), np.zeros_like(w)
    for t in range(4):
        for k in range(2):
            if t + k >= 1:
                expected_dx[0, t + k - 1] += dy[0, t] * w[0, 0, k]
                expected_dw[0, 0, k] += dy[0, t, 0] * x[0, t + k - 1, 0]
    assert np.abs(dx - expected_dx).max() < 1e-9
    assert np.abs(dw - expected_dw).max() < 1e-9


def rows_of_ones(op):
    """An embedding with each id once and a dy of ones."""
    _, saved = op.forward(np.zeros((4, 2)), np.array([0, 3]))
    dw, _ = op.backward(np.ones((2, 2)), saved)
    assert dw.dense().tolist() == [[1, 1], [0, 0], [0, 0], [1, 1]]


def test_numbers_computed_by_hand_miss_shapes_dtypes_and_writes():
    report = mutate("rms_norm", numbers_by_hand)
    assert texts(report.missed) == [
        "the other precision (x)",
        "the other precision (w)",
        "not summed over the broadcast axes (w)",
        "an axis of size 1 too many (x)",
        "an axis of size 1 too many (w)",
        "writes into dy",
        "writes into a saved array",
    ]
    assert "wrong sign where the input is negative (x)" in texts(report.no_effect)


def test_the_loops_of_the_definition_miss_one_kind_of_mistake_only():
    report = mutate("causal_conv", the_loops_of_the_definition)
    assert {one.mistake for one in report.missed} == {"an axis of size 1 too many"}
    assert "the options are forgotten" in texts(report.no_effect)  # dilation was 1


def test_rows_of_ones_are_a_weak_test_of_an_embedding():
    report = mutate("embedding", rows_of_ones)
    assert texts(report.missed) == ["the other precision (w)", "writes into dy"]
    assert texts(report.no_effect) == [
        "wrong sign where the input is negative (w)",
        "an id that repeats counts once (w)",
        "dy is not used: ones",
        "the saved values of the first forward",
        "the saved values of the latest forward",
        "NaN becomes 0",
    ]


# -- the report ----------------------------------------------------------------------------


def test_the_report_is_a_table_that_begins_with_what_was_missed():
    def test(op):
        _, saved = op.forward(np.array([[3.0, 4.0]]))
        assert op.backward(np.array([[1.0, 1.0]]), saved)[0].sum() == 4

    double = Operation("double", lambda x: (2 * x, ()), lambda dy, saved: (2 * dy,))
    report = mutate(double, test)
    lines = str(report).splitlines()
    assert lines[:6] == [
        "double: 28 mistakes, 7 caught, 3 missed, 7 no effect, 11 not applicable",
        "",
        "missed: the test passes with these mistakes",
        "  the other precision         x    Compare the dtypes: assert dx.dtype == x.dtype, "
        "for float32 and for float64.",
        "  an axis of size 1 too many  x    Compare the shapes: assert dx.shape == x.shape. "
        "np.allclose broadcasts.",
        "  writes into dy              all  Lock dy before the backward "
        "(dy.flags.writeable = False), or compare with a copy.",
    ]
    assert [line for line in lines if line and not line.startswith(" ")][2:] == [
        "no effect on the inputs of the test: it cannot see these mistakes",
        "not applicable",
        "caught",
    ]
    assert len(report.planted) == 28
    parts = report.caught, report.missed, report.no_effect, report.not_applicable
    assert [len(part) for part in parts] == [7, 3, 7, 11]
    assert all(one.sentence.endswith(".") for one in report.missed + report.no_effect)
