"""LazyAdamW, and gradients that are rows: the same result as the dense form, everywhere."""

import math
import re
from functools import partial

import numpy as np
import pytest

import minigrad.optim.lazy_adamw as page
from minigrad import Parameter, ShapeError
from minigrad import functional as F
from minigrad.engine import add_gradients
from minigrad.ops import RowGradient
from minigrad.optim import (
    SGD,
    AdamW,
    LazyAdamW,
    NorMuon,
    adamw_update,
    blocks,
    clip_grad_norm,
    grad_norm,
)
from minigrad.optim.gradients import rows_of

V, D = 7, 3
OPTIONS = {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.3}
# The ids of six steps. Rows 1 and 5 wait for several steps, row 3 is never used, ids repeat.
IDS = [[5, 0, 5, 1], [0, 2], [2, 0, 0], [], [6, 4, 4, 0], [5, 1, 0, 1]]


def rows(step, ids, dtype=np.float64):
    """A gradient of these rows, which differs by step and by row."""
    numbers = np.random.default_rng(10 + step).standard_normal((len(ids), D)) * (1 + step)
    return RowGradient(np.array(ids, np.int64), numbers.astype(dtype), (V, D))


def table(dtype=np.float64):
    return Parameter(np.random.default_rng(0).standard_normal((V, D)).astype(dtype))


def gradients(dtype=np.float64):
    return [rows(step, ids, dtype) for step, ids in enumerate(IDS)]


def whole(g):
    """The whole table, computed without the methods of RowGradient."""
    total = np.zeros(g.shape, g.dtype)
    np.add.at(total, g.ids, g.rows)
    return total


def run(optimizer, steps, step=lambda optimizer: optimizer.step()):
    """Step on each gradient; return the weights after each step."""
    (p,) = optimizer.parameters.values()
    history = []
    for g in steps:
        p.grad = g
        step(optimizer)
        history.append(p.data.copy())
    return history


def reference(p, steps, lr, betas, eps, weight_decay):
    """The page in float64, with m and v of all rows at every step; only used rows move."""
    m, v = np.zeros_like(p), np.zeros_like(p)
    for t, g in enumerate((whole(g) for g in steps), start=1):
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        move = lr * m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        p = p - lr * weight_decay * p - move * g.any(axis=1)[:, None]
        yield p, m, v


# -- the update ----------------------------------------------------------------------------


def test_equals_a_plain_loop_that_feeds_zero_gradients():
    optimizer = LazyAdamW([("w", table())], **OPTIONS)
    state = optimizer.state
    for g, (p, m, v) in zip(
        gradients(), reference(table().data, gradients(), **OPTIONS), strict=True
    ):
        (after,) = run(optimizer, [g])
        np.testing.assert_allclose(after, p, rtol=1e-12, atol=1e-15)
        used = np.unique(g.ids)
        # The averages of a row are up to date at its steps, also after several idle ones.
        np.testing.assert_allclose(state["w"]["m"][used], m[used], rtol=1e-12)
        np.testing.assert_allclose(state["w"]["v"][used], v[used], rtol=1e-12)
    assert state["w"]["last"].tolist() == [6, 6, 3, 0, 5, 6, 5]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_equals_adamw_bit_for_bit_if_every_row_has_a_gradient(dtype):
    steps = [rows(step, np.arange(V), dtype) for step in range(5)]
    lazy = run(LazyAdamW(table(dtype), **OPTIONS), steps)
    dense = run(AdamW(table(dtype), **OPTIONS), [whole(g) for g in steps])
    np.testing.assert_array_equal(lazy, dense)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_rows_and_the_dense_form_are_equal_bit_for_bit(dtype):
    by_rows, dense = (LazyAdamW(table(dtype), **OPTIONS) for _ in range(2))
    one, other = (
        run(by_rows, gradients(dtype)),
        run(dense, [whole(g) for g in gradients(dtype)]),
    )
    np.testing.assert_array_equal(one, other)
    for key, array in by_rows.state_dict().items():
        np.testing.assert_array_equal(array, dense.state_dict()[key])
    assert by_rows.parameters["0"].dtype == dtype


def test_a_row_of_zeros_does_not_move_in_either_form():
    g = rows(0, [0, 2, 4])
    g.rows[1] = 0
    doubled = RowGradient(
        np.array([1, 1, 0]), np.array([[1.0] * D, [-1.0] * D, [1] * D]), (V, D)
    )
    for gradient, moved in ((g, [0, 4]), (doubled, [0])):
        for form in (gradient, whole(gradient)):
            optimizer = LazyAdamW(table(), lr=0.1)
            (after,) = run(optimizer, [form])
            assert np.flatnonzero((after != table().data).any(axis=1)).tolist() == moved
            assert np.flatnonzero(optimizer.state["0"]["last"]).tolist() == moved


def test_every_row_decays_at_every_step():
    """Exactly: rows 1, 3 and 5 are multiplied by 1 - lr·λ, once a step."""
    optimizer = LazyAdamW(table(), **OPTIONS)
    history = run(optimizer, [rows(step, [0, 2]) for step in range(5)])
    expected = table().data[[1, 3, 5]]
    for after in history:
        expected = expected * (1 - 0.1 * 0.3)
        np.testing.assert_array_equal(after[[1, 3, 5]], expected)


def test_without_a_decay_the_unused_rows_are_not_touched():
    after = run(LazyAdamW(table(), lr=0.1), gradients())[-1]
    np.testing.assert_array_equal(after[3], table().data[3])


def test_ids_that_repeat_are_summed():
    numbers = np.arange(4.0 * D).reshape(4, D)
    repeated = RowGradient(np.array([4, 1, 4, 4]), numbers, (V, D))
    once = RowGradient(np.array([1, 4]), numbers[[1, 0]], (V, D))
    once.rows[1] += numbers[2] + numbers[3]
    # With a large ε the size of the gradient counts.
    one, other = (run(LazyAdamW(table(), lr=0.1, eps=10.0), [g]) for g in (repeated, once))
    np.testing.assert_array_equal(one, other)


def test_the_averages_of_a_row_that_waited_long_are_0_and_not_nan():
    optimizer = LazyAdamW(table(np.float32), lr=0.1)
    run(optimizer, [rows(0, [2], np.float32)])
    optimizer.steps["0"] = 10**6
    with np.errstate(invalid="raise", divide="raise", over="raise"):
        run(optimizer, [rows(1, [2], np.float32)])
    m = 0.1 * rows(1, [2], np.float32).rows
    np.testing.assert_allclose(optimizer.state["0"]["m"][[2]], m, rtol=1e-6)


def test_what_is_no_matrix_is_refused():
    text = "LazyAdamW: gain (3,) is not a matrix; use AdamW"
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        LazyAdamW({"w": table(), "gain": Parameter(np.ones(3))})


# -- bugs that a test of this file must catch ----------------------------------------------


def _without_the_decay_of_v(p, ids, g, m, v, last, t, **options):
    v[ids] /= options["betas"][1] ** (t - 1 - last[ids])[:, None]
    page_update(p, ids, g, m, v, last, t, **options)


def _bias_correction_by_row(p, ids, g, m, v, last, t, *, lr, weight_decay, betas, eps):
    p *= 1 - lr * weight_decay
    idle = t - 1 - last[ids]
    for i, row, k in zip(ids, g, idle, strict=True):
        m[i] *= betas[0] ** k
        v[i] *= betas[1] ** k
        own_t = t - k  # the steps of this row, not of the optimizer
        adamw_update(p[i], row, m[i], v[i], own_t, lr=lr, betas=betas, eps=eps)
    last[ids] = t


def _decay_of_the_used_rows_only(p, ids, g, m, v, last, t, *, weight_decay, **options):
    p[ids] *= 1 - options["lr"] * weight_decay
    page_update(p, ids, g, m, v, last, t, **options)


def _last_is_not_kept(p, ids, g, m, v, last, t, **options):
    page_update(p, ids, g, m, v, last, t, **options)
    last[ids] -= 1


page_update = page.lazy_adamw_update
BUGS = [
    _without_the_decay_of_v,
    _bias_correction_by_row,
    _decay_of_the_used_rows_only,
    _last_is_not_kept,
]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__.strip("_"))
def test_a_planted_bug_is_caught(monkeypatch, bug):
    monkeypatch.setattr(page, "lazy_adamw_update", bug)
    with pytest.raises(AssertionError):
        test_equals_a_plain_loop_that_feeds_zero_gradients()


def test_repeated_ids_that_are_not_summed_are_caught(monkeypatch):
    monkeypatch.setattr(RowGradient, "summed", lambda self: (self.ids, self.rows))
    for test in (
        test_ids_that_repeat_are_summed,
        test_equals_a_plain_loop_that_feeds_zero_gradients,
        partial(test_the_norm_and_clipping_of_rows_are_the_dense_ones, np.float64),
    ):
        with pytest.raises(AssertionError):
            test()


# -- the state -----------------------------------------------------------------------------


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit():
    complete = run(LazyAdamW(table(np.float32), **OPTIONS), gradients(np.float32))
    first = LazyAdamW(table(np.float32), **OPTIONS)
    run(first, gradients(np.float32)[:3])
    saved = {key: array.copy() for key, array in first.state_dict().items()}
    assert {key: array.dtype for key, array in saved.items()} == {
        "0/m": np.float32,
        "0/v": np.float32,
        "0/last": np.int64,
        "0/t": np.int64,
    }
    again = LazyAdamW(Parameter(first.parameters["0"].data.copy()), **OPTIONS)
    again.load_state_dict(saved)
    np.testing.assert_array_equal(run(again, gradients(np.float32)[3:]), complete[3:])


@pytest.mark.parametrize(
    ("last", "text"),
    [
        (
            [0, 0, -1, 0, 0, 0, 0],
            "wrong: 0/last holds -1, expected steps from 0 to t, which is 2",
        ),
        (
            [0, 0, 1, 0, 0, 3, 0],
            "wrong: 0/last holds 3, expected steps from 0 to t, which is 2",
        ),
        ([0.0] * V, "wrong dtype: 0/last is float64, expected int64 or its like"),
        ([0] * (V - 1), "wrong shape: 0/last is (6,), expected (7,)"),
        (None, "missing: 0/last (7,)"),
    ],
)
def test_an_impossible_last_step_is_refused(last, text):
    optimizer = LazyAdamW(table(), **OPTIONS)
    run(optimizer, gradients()[:2])
    state = optimizer.state_dict()
    kept = {key: array.copy() for key, array in state.items()}
    del state["0/last"]
    if last is not None:
        state["0/last"] = np.array(last)
    text = f"LazyAdamW: the state does not fit:\n  {text}"
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        optimizer.load_state_dict(state)
    for key, array in optimizer.state_dict().items():
        np.testing.assert_array_equal(array, kept[key])


def test_the_state_of_adamw_is_refused():
    adamw, lazy = AdamW(table(), **OPTIONS), LazyAdamW(table(), **OPTIONS)
    run(adamw, gradients()[:2])
    with pytest.raises(ValueError, match=r"^LazyAdamW: .*\n  missing: 0/last \(7,\)$"):
        lazy.load_state_dict(adamw.state_dict())


# -- in blocks -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("size", [1, 6, 1000])
def test_a_step_in_blocks_equals_a_plain_step(monkeypatch, dtype, order, dense, size):
    monkeypatch.setattr(blocks.row_blocks, "__kwdefaults__", {"size": size})
    tables = table(dtype), table(dtype)
    tables[1].data = np.asarray(tables[1].data, order=order)
    one, other = (LazyAdamW(p, **OPTIONS) for p in tables)
    half = [RowGradient(g.ids, g.rows / 2, g.shape) for g in gradients(dtype)]
    full = [whole(g) if dense else g for g in gradients(dtype)]
    plain = run(one, half, lambda optimizer: optimizer.step(0.7))
    found = run(other, full, lambda o: blocks.step_in_blocks([o], 0.7, scale=0.5))
    np.testing.assert_array_equal(plain, found)
    for key, array in one.state_dict().items():
        np.testing.assert_array_equal(array, other.state_dict()[key])


def test_a_row_that_the_scale_makes_0_does_not_move():
    tiny = RowGradient(np.array([1, 3]), np.array([[1e-40] * D, [1.0] * D], np.float32), (V, D))
    optimizer = LazyAdamW(table(np.float32), lr=0.1)
    run(optimizer, [tiny], lambda o: blocks.step_in_blocks([o], scale=1e-8))
    assert optimizer.state["0"]["last"].tolist() == [0, 0, 0, 1, 0, 0, 0]


@pytest.mark.parametrize("width", [0, 1, D])
def test_tables_without_rows_or_numbers_take_their_steps(width):
    for height in (0, V):
        p = Parameter(np.ones((height, width)))
        p.grad = np.ones_like(p.data)
        optimizer = LazyAdamW(p, lr=0.1)
        optimizer.step()
        blocks.step_in_blocks([optimizer])
        assert optimizer.steps == {"0": 2}


# -- rows in the other functions and optimizers --------------------------------------------


@pytest.mark.parametrize("make", [SGD, AdamW, LazyAdamW, partial(NorMuon, lr=0.1)])
@pytest.mark.parametrize("in_blocks", [False, True])
def test_every_optimizer_takes_rows(make, in_blocks):
    step = (lambda o: blocks.step_in_blocks([o])) if in_blocks else (lambda o: o.step())
    one, other = make(table()), make(table())
    dense = run(one, [whole(g) for g in gradients()], step)
    np.testing.assert_array_equal(run(other, gradients(), step), dense)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_norm_and_clipping_of_rows_are_the_dense_ones(dtype):
    g, other = rows(0, [5, 0, 5, 1, 5], dtype), np.array([3.0], dtype)
    by_rows, dense, second = table(dtype), table(dtype), Parameter(np.zeros(1, dtype))
    kept = g.rows.copy()
    for max_norm in (math.inf, 1.0):
        by_rows.grad, dense.grad = g, whole(g)
        for p in (by_rows, dense):
            second.grad = other.copy()
            expected = np.linalg.norm([*whole(g).ravel().astype(float), 3.0])
            assert grad_norm([p, second]) == pytest.approx(expected, rel=1e-3)
            assert blocks.grad_norm_in_blocks([p, second]) == pytest.approx(expected, rel=1e-3)
            assert clip_grad_norm([p, second], max_norm) == pytest.approx(expected, rel=1e-3)
        np.testing.assert_array_equal(by_rows.grad.dense(), dense.grad)
        assert by_rows.grad.dtype == dtype
    np.testing.assert_array_equal(g.rows, kept)  # a graph may hold these


@pytest.mark.parametrize("in_blocks", [False, True])
def test_rows_that_are_not_finite_change_nothing(in_blocks):
    """The sum of the rows of an id counts: 3e38 + 3e38 is infinite in float32."""
    p = table(np.float32)
    optimizer = LazyAdamW({"w": p}, **OPTIONS)
    p.grad = RowGradient(np.array([2, 2]), np.full((2, D), 3e38, np.float32), (V, D))
    with (
        np.errstate(over="ignore"),
        pytest.raises(FloatingPointError, match=r"^LazyAdamW: the gradient of w holds inf, "),
    ):
        blocks.step_in_blocks([optimizer]) if in_blocks else optimizer.step()
    np.testing.assert_array_equal(p.data, table(np.float32).data)
    assert optimizer.state == optimizer.steps == {}


@pytest.mark.parametrize(
    ("gradient", "text"),
    [
        (
            RowGradient(np.array([0]), np.ones((1, D)), (V + 1, D)),
            "the gradient of w has shape (8, 3), expected (7, 3)",
        ),
        (
            RowGradient(np.array([0]), np.ones((1, D)) * 1j, (V, D)),
            "the gradient of w is a RowGradient whose rows are an array of complex128, "
            "expected an array of real numbers",
        ),
        (
            RowGradient(np.array([0, -1]), np.ones((2, D)), (V, D)),
            "the ids of the gradient of w holds -1 at flat index 1, expected 0 to rows - 1 = 6",
        ),
        (
            RowGradient(np.array([0, 1]), np.ones((1, D)), (V, D)),
            "the gradient of w has ids (2,) and rows (1, 3), expected (N,) and (N, 3)",
        ),
    ],
)
@pytest.mark.parametrize("make", [AdamW, LazyAdamW])
def test_rows_that_do_not_fit_are_refused(make, gradient, text):
    p = table()
    p.grad = gradient
    error = f"^{make.__name__}: {re.escape(text)}$"
    with pytest.raises((ShapeError, TypeError), match=error):
        make({"w": p}).step()


def test_zero_grad_leaves_a_gradient_without_rows_which_still_decays():
    by_rows, dense = table(), table()
    for p in (by_rows, dense):
        p.grad = gradients()[0] if p is by_rows else whole(gradients()[0])
        optimizer = LazyAdamW(p, **OPTIONS)
        optimizer.zero_grad()
        optimizer.step()
        assert optimizer.steps == {"0": 1}
        np.testing.assert_array_equal(p.data, table().data * (1 - 0.1 * 0.3))
        assert grad_norm(p) == 0


def test_two_gradients_by_rows_stay_rows():
    a, b = gradients()[0], gradients()[1]
    kept = a.rows.copy(), b.rows.copy()
    total = add_gradients(a, b)
    assert isinstance(total, RowGradient)
    assert len(total.ids) == len(a.ids) + len(b.ids)
    np.testing.assert_allclose(total.dense(), whole(a) + whole(b), rtol=1e-15)
    for mixed in (add_gradients(a, whole(b)), add_gradients(whole(a), b)):
        assert isinstance(mixed, np.ndarray)
        np.testing.assert_allclose(mixed, whole(a) + whole(b), rtol=1e-15)
    np.testing.assert_array_equal(a.rows, kept[0])
    np.testing.assert_array_equal(b.rows, kept[1])


@pytest.mark.parametrize("at_once", [False, True])
def test_backward_adds_to_a_gradient_that_is_rows(at_once):
    p = table()
    p.grad = gradients()[0]
    loss = (F.embedding(p, np.array([1, 1])) * 2.0).sum() + p[:2].sum()
    if at_once:
        list(loss.backward_steps())
    else:
        loss.backward()
    expected = whole(gradients()[0])
    expected[1] += 4
    expected[:2] += 1
    np.testing.assert_allclose(p.grad, expected, rtol=1e-15)


def test_the_rows_of_a_dense_gradient():
    g = np.zeros((V, D))
    g[[1, 4]] = 1.0
    g[4, 0], g[5, 2] = 0.0, math.nan
    assert rows_of(g).ids.tolist() == [1, 4, 5]
    np.testing.assert_array_equal(rows_of(g).dense(), g)
