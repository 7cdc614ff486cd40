"""The head hybrid: its page against loops over words, and its own mistakes."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from flashlm_np.model.heads import blocks, hybrid, short_list
from flashlm_np.model.heads.hybrid import (
    HYBRID,
    HybridHead,
    hybrid_backward,
    hybrid_forward,
)
from flashlm_np.model.heads.layout import TableLayout
from minigrad import Tensor
from minigrad.gradcheck import GradientError, check_pair, declare, gradcheck

declare(HYBRID, analytic=True)

N, V, D, F, G = 11, 19, 5, 4, 3
STARTS = np.array([4, 6, 13, 19], np.int32)  # 4 frequent words, classes of 2, 7 and 6
EVERYWHERE = (0, 3, 4, 5, 6, 12, 13, 18, 2, 18, 7)  # both ends of each class, and some twice
DY = np.random.default_rng(4).standard_normal(N)
TARGETS = {
    "in every class": EVERYWHERE,
    "frequent words alone": (0, 1, 2, 3, 3, 0, 1, 2, 3, 3, 1),
    "in the rest alone": (4, 5, 6, 12, 13, 18, 4, 5, 6, 12, 13),
    "none in the first class": (0, 3, 6, 18, 11, 2, 1, 12, 13, 16, 3),
    "none in the last class": (0, 3, 4, 12, 5, 2, 1, 4, 9, 9, 3),
    "all the same": (4,) * N,
}


def arrays_of(y=EVERYWHERE, dtype=np.float64):
    rng = np.random.default_rng(3)
    shapes = (N, D), (V, D), (1, D), (1,), (G, D), (G,)
    return [*(rng.standard_normal(s).astype(dtype) for s in shapes), np.array(y)]


def gradients_of(arrays, **options):
    nll, saved = hybrid_forward(*arrays, starts=STARTS, **options)
    return nll, hybrid_backward(DY.astype(arrays[0].dtype), saved)


def looped_log_prob(h, w, t, b, c, a):
    """ln p of every word (N, V), one word after the other, in plain probabilities."""
    p = np.zeros((len(h), V))
    for n, row in enumerate(h):
        way_out = np.exp(row @ t[0] + b[0])
        total = sum(np.exp(row @ w[v]) for v in range(F)) + way_out
        classes = [np.exp(row @ c[g] + a[g]) for g in range(G)]
        for v in range(F):
            p[n, v] = np.exp(row @ w[v]) / total
        for g, start, stop in zip(range(G), STARTS, STARTS[1:], strict=False):
            inside = sum(np.exp(row @ w[v]) for v in range(start, stop))
            for v in range(start, stop):
                p_class = way_out / total * classes[g] / sum(classes)
                p[n, v] = p_class * np.exp(row @ w[v]) / inside
    return np.log(p)


def head_of(arrays=None, counts=None, starts=STARTS, dtype=np.float64):
    counts = np.arange(V)[::-1] ** 2 if counts is None else counts
    layout = TableLayout(np.arange(V, dtype=np.int32), counts, starts)
    config = SimpleNamespace(d_model=D, cutoffs=(F,))
    head = HybridHead(config, layout, np.random.default_rng(0), dtype)
    for parameter, array in zip(head.parameters(), arrays or (), strict=False):
        parameter.data[...] = array
    return head


@pytest.fixture(params=[2**20, N + 2], ids="blocks of {}".format)
def block(request, monkeypatch):
    """The frequent words in one block, and in several."""
    monkeypatch.setattr(blocks, "BLOCK", request.param)


# -- values --------------------------------------------------------------------------------


def test_the_head_is_a_loop_over_the_words(block):
    h, w, *own, y = arrays_of()
    log_p, head = looped_log_prob(h, w, *own), head_of(own)
    np.testing.assert_allclose(head.log_prob(h, w), log_p, rtol=0, atol=1e-12)
    nll = head.nll(h, w, y)
    np.testing.assert_allclose(nll, -log_p[np.arange(N), y], rtol=0, atol=1e-12)
    loss = head.loss(Tensor(h), Tensor(w), y, rng=None).item()
    assert loss == pytest.approx(nll.mean(), rel=1e-12)


def probabilities(h, *arrays):
    """Σ_v e^(-nll) of each row."""
    words = np.tile(np.arange(V), N)
    nll, _ = hybrid.hybrid_nll(np.repeat(h, V, axis=0), *arrays, words, STARTS)
    return np.exp(-nll).reshape(N, V).sum(axis=1)


def test_the_probabilities_of_all_words_sum_to_1(block):
    np.testing.assert_allclose(probabilities(*arrays_of()[:-1]), 1, rtol=0, atol=1e-12)


def test_large_logits_do_not_overflow(block):
    h, w, t, b, c, a, y = arrays_of(dtype=np.float32)
    nll, gradients = gradients_of((h, w * 300, t, b + 500, c, a - 300, y))
    assert np.isfinite(nll).all()
    assert all(np.isfinite(gradient).all() for gradient in gradients[:6])


def test_nll_of_many_rows_is_that_of_few(monkeypatch):
    h, w, *own, y = arrays_of()
    expected = head_of(own).nll(h, w, y)
    monkeypatch.setattr(short_list, "ROWS", 4)
    np.testing.assert_allclose(head_of(own).nll(h, w, y), expected, rtol=1e-13)
    assert head_of(own).nll(h[:0], w, y[:0]).shape == (0,)


# -- gradients -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "full"])
@pytest.mark.parametrize("targets", TARGETS.values(), ids=TARGETS)
def test_the_gradients_pass_the_check(block, targets, mode):
    gradcheck(HYBRID, *arrays_of(targets), starts=STARTS, mode=mode)


def test_words_of_a_class_without_a_target_have_no_gradient_but_the_class_has_one():
    arrays = arrays_of(TARGETS["none in the first class"])
    _, (_, dw, *own, dy) = gradients_of(arrays)
    assert dy is None
    assert not dw[4:6].any()
    assert dw[:4].all()
    assert dw[6:].all()
    assert all(gradient.all() for gradient in own)


def test_without_a_target_in_the_rest_only_the_way_out_has_a_gradient(block):
    buffers = {}
    gradients_of(arrays_of(), buffers=buffers)  # leaves numbers in every row of dw
    arrays = arrays_of(TARGETS["frequent words alone"])
    _, (_, dw, dt, db, dc, da, _) = gradients_of(arrays, buffers=buffers)
    assert dw[:F].all()
    assert dt.all()
    assert db.all()
    assert not any(gradient.any() for gradient in (dw[F:], dc, da))


def test_float32_stays_float32_and_inputs_are_only_read(block):
    for targets in TARGETS.values():
        arrays = arrays_of(targets, np.float32)
        for array in arrays:
            array.flags.writeable = False
        nll, gradients = gradients_of(arrays)
        assert {nll.dtype, *(g.dtype for g in gradients[:6])} == {np.dtype(np.float32)}
        double = [a.astype(np.float64) if a.dtype == np.float32 else a for a in arrays]
        for one, other in zip(gradients[:6], gradients_of(double)[1][:6], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("targets", TARGETS.values(), ids=TARGETS)
def test_the_work_can_be_divided_and_its_memory_kept(block, targets):
    arrays, buffers = arrays_of(targets), {}
    nll, expected = gradients_of(arrays)
    for parts in (1, 2, 3):
        # The last call had targets elsewhere, and needed another number of logits.
        gradients_of(arrays_of(EVERYWHERE[::-1]), parts=parts, buffers=buffers)
        again, found = gradients_of(
            arrays, parts=parts, parallel_map=reversed_map, buffers=buffers
        )
        np.testing.assert_allclose(again, nll, rtol=1e-12)
        for one, other in zip(found[:6], expected[:6], strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-13)
    assert found[1] is buffers["dw"]


def reversed_map(work, items):
    """A map that takes the last item first."""
    return [work(item) for item in list(items)[::-1]][::-1]


@pytest.mark.parametrize("targets", TARGETS.values(), ids=TARGETS)
def test_a_frozen_table_has_no_gradient(targets):
    h, w, *own, y = arrays_of(targets)
    _, (dh, dw, *others, _) = gradients_of((h, w, *own, y), with_dw=False)
    assert dw is None
    _, expected = gradients_of((h, w, *own, y))
    for one, other in zip((dh, *others), (expected[0], *expected[2:6]), strict=True):
        np.testing.assert_array_equal(one, other)
    h, head = Tensor(h, requires_grad=True), head_of(own)
    head.losses(h, Tensor(w), y).backward(DY)
    for parameter, gradient in zip(head.parameters(), others, strict=True):
        np.testing.assert_array_equal(parameter.grad, gradient)


# -- the head ------------------------------------------------------------------------------


def test_at_first_the_rest_and_its_classes_have_their_shares_and_point_to_their_words():
    counts = np.array([60, 50, 40, 30, 9, 8, 7, 6, 5, 4, 3, 2, 2, 1, 1, 0, 0, 0, 0])
    head, table = head_of(counts=counts), np.random.default_rng(1).standard_normal((V, D))
    head.initialize(table)
    weights = counts + 0.5  # a word that was never seen counts for half
    p = np.exp(head.log_prob(np.zeros((1, D)), table))[0]
    for part in (slice(4, 6), slice(6, 13), slice(13, 19)):
        share = weights[part].sum() / weights.sum()
        np.testing.assert_allclose(p[part].sum(), share, rtol=1e-12)
    for vector, part in (
        (head.rest.data[0], slice(4, 19)),
        (head.classes.data[1], slice(6, 13)),
    ):
        mean = weights[part] @ table[part] / weights[part].sum()
        np.testing.assert_allclose(vector, mean, rtol=1e-12)


@pytest.mark.parametrize("first", [0, V])
def test_a_layout_without_frequent_words_or_without_a_rest_is_refused(first):
    starts = np.array([first, V], np.int32)
    message = (
        f"hybrid: the cut-offs are ({first},), expected one or more rising numbers above 0 "
        "and below V = 19"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        head_of(starts=starts)
    h, w, t, b, c, a, y = arrays_of()
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        hybrid_forward(h, w, t, b, c[:1], a[:1], y, starts=starts)


@pytest.mark.parametrize(
    ("position", "array", "message"),
    [
        (0, np.ones(D), "hybrid: h has shape (5,), expected (N, D)"),
        (1, np.ones((V, 4)), "hybrid: w has shape (19, 4), expected (V, D) = (any, 5)"),
        (2, np.ones((3, D)), "hybrid: t has shape (3, 5), expected (J, D) = (1, 5)"),
        (3, np.ones(3), "hybrid: b has shape (3,), expected (J,) = (1,)"),
        (4, np.ones((4, D)), "hybrid: c has shape (4, 5), expected (G, D) = (3, 5)"),
        (5, np.ones(4), "hybrid: a has shape (4,), expected (G,) = (3,)"),
        (6, np.full(N, 19), "hybrid: y holds 19 at flat index 0, expected 0 to V - 1 = 18"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(position, array, message):
    arrays = arrays_of()
    arrays[position] = array
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        hybrid_forward(*arrays, starts=STARTS)


# -- planted mistakes ----------------------------------------------------------------------


def cutoff_off_by_one(monkeypatch):
    def part_of(y, starts):
        return np.maximum(np.searchsorted(starts, y, side="left") - 1, 0)  # y > F, not y >= F

    monkeypatch.setattr(hybrid, "part_of", part_of)


def log_softmax_taken_twice(monkeypatch):
    """Over the frequent words alone, and over the result and the way out."""
    right = short_list.nll_and_softmax

    def twice(s, k):
        s[:, 0] -= s[:, 0]
        return right(s, k)

    monkeypatch.setattr(short_list, "nll_and_softmax", twice)


def probability_of_the_rest_left_out(monkeypatch):
    right = short_list.nll_and_softmax

    def left_out(s, k):
        nll, q = right(s, k)
        return np.where(k > 0, 0, nll), q

    monkeypatch.setattr(short_list, "nll_and_softmax", left_out)


def loss_divided_by_rows_of_the_rest(monkeypatch):
    """The mean of two_level over its M rows is added, not M/N of it."""
    right = hybrid.two_level_nll

    def divided(h, *arrays, **options):
        nll, parts = right(h, *arrays, **options)
        return nll * (N / len(h)), parts

    monkeypatch.setattr(hybrid, "two_level_nll", divided)


def gradient_of_the_rest_divided_by_its_rows(monkeypatch):
    right = hybrid.two_level_backward
    monkeypatch.setattr(
        hybrid, "two_level_backward", lambda dy, saved: right(dy / len(dy), saved)
    )


def gradient_replaced(position, replaced):
    """Plant another gradient in the place of the right one."""

    def plant(monkeypatch):
        def backward(dy, saved):
            gradients = list(hybrid_backward(dy, saved))
            gradients[position] = replaced(gradients[position])
            return tuple(gradients)

        monkeypatch.setattr(hybrid, "hybrid_backward", backward)

    return plant


def none(gradient):
    return None


def gradient_check_fails():
    pair = hybrid.hybrid_forward, hybrid.hybrid_backward
    try:
        check_pair(*pair, arrays_of(), starts=STARTS, mode="projection")
    except GradientError:
        return True
    return False


def loss_is_not_that_of_the_loop():
    *arrays, y = arrays_of()
    nll, _ = hybrid.hybrid_forward(*arrays, y, starts=STARTS)
    return abs(nll + looped_log_prob(*arrays)[np.arange(N), y]).max() > 1e-6


def probabilities_do_not_sum_to_1():
    return (abs(probabilities(*arrays_of()[:-1]) - 1) > 1e-6).any()


CHECKS = (gradient_check_fails, loss_is_not_that_of_the_loop, probabilities_do_not_sum_to_1)
MISTAKES = {
    "the cut-off is off by one": (cutoff_off_by_one, CHECKS),
    # Its probabilities sum to 1, too: they are those of another model.
    "log-softmax is taken twice": (log_softmax_taken_twice, CHECKS[:2]),
    "the probability of the rest is left out": (probability_of_the_rest_left_out, CHECKS),
    "the loss is divided by the rows of the rest": (loss_divided_by_rows_of_the_rest, CHECKS),
    "the gradient is divided by them": (gradient_of_the_rest_divided_by_its_rows, CHECKS[:1]),
    **{
        f"{name} gets {label}": (gradient_replaced(position, wrong), CHECKS[:1])
        for position, name in ((2, "t"), (3, "b"), (4, "c"), (5, "a"))
        for label, wrong in (("no gradient", none), ("a gradient of 0", np.zeros_like))
    },
}


def test_the_right_page_passes_the_checks():
    assert not any(fails() for fails in CHECKS)


@pytest.mark.parametrize(("plant", "found_by"), MISTAKES.values(), ids=MISTAKES)
def test_a_planted_mistake_is_found(plant, found_by, monkeypatch):
    plant(monkeypatch)
    assert [fails for fails in CHECKS if fails()] == list(found_by)
