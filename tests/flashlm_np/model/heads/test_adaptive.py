"""The head adaptive: its page against loops over words, and its own mistakes."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from flashlm_np.model.heads import adaptive, blocks, short_list
from flashlm_np.model.heads.adaptive import (
    ADAPTIVE,
    AdaptiveHead,
    adaptive_backward,
    adaptive_forward,
)
from flashlm_np.model.heads.classes import by_frequency
from minigrad import Tensor
from minigrad.gradcheck import GradientError, check_pair, declare, gradcheck

declare(ADAPTIVE, analytic=True)

N, V, D = 11, 17, 5
CUTOFFS = (4, 10)  # parts of 4, 6 and 7 words
EVERYWHERE = (0, 3, 4, 9, 10, 16, 4, 7, 2, 16, 12)  # both ends of each part, and some twice
DY = np.random.default_rng(4).standard_normal(N)
TARGETS = {
    "in every part": EVERYWHERE,
    "in the short list alone": (0, 1, 2, 3, 3, 0, 1, 2, 3, 3, 1),
    "in the tails alone": (4, 9, 10, 16, 12, 4, 9, 10, 16, 12, 4),
    "none in the first tail": (0, 3, 10, 16, 11, 2, 1, 10, 16, 16, 3),
    "none in the last tail": (0, 3, 4, 9, 5, 2, 1, 4, 9, 9, 3),
    "all the same": (10,) * N,
}
MANY_TAILS = {"one tail": (5,), "five tails": (1, 3, 4, 9, 16)}


def arrays_of(y=EVERYWHERE, cutoffs=CUTOFFS, dtype=np.float64):
    rng = np.random.default_rng(3)
    shapes = (N, D), (V, D), (len(cutoffs), D), (len(cutoffs),)
    return [*(rng.standard_normal(s).astype(dtype) for s in shapes), np.array(y)]


def gradients_of(arrays, **options):
    options = {"cutoffs": CUTOFFS} | options
    nll, saved = adaptive_forward(*arrays, **options)
    return nll, adaptive_backward(DY.astype(arrays[0].dtype), saved)


def looped_log_prob(h, w, t, b, cutoffs=CUTOFFS):
    """ln p of every word (N, V), one word after the other, in plain probabilities."""
    borders = (*cutoffs, len(w))
    p = np.zeros((len(h), len(w)))
    for n, row in enumerate(h):
        first = [np.exp(row @ w[v]) for v in range(cutoffs[0])]
        ways = [np.exp(row @ t[j] + b[j]) for j in range(len(cutoffs))]
        total = sum(first) + sum(ways)
        p[n, : cutoffs[0]] = np.array(first) / total
        for j, way in enumerate(ways):
            words = range(borders[j], borders[j + 1])
            inside = [np.exp(row @ w[v]) for v in words]
            for v, e in zip(words, inside, strict=True):
                p[n, v] = way / total * e / sum(inside)
    return np.log(p)


def head_of(t, b, cutoffs=CUTOFFS, dtype=np.float64):
    config = SimpleNamespace(d_model=D, cutoffs=cutoffs)
    layout = by_frequency(np.arange(V)[::-1] ** 2)
    head = AdaptiveHead(config, layout, np.random.default_rng(0), dtype)
    head.tails.data[...], head.bias.data[...] = t, b
    return head


@pytest.fixture(params=[2**20, N + 2], ids="blocks of {}".format)
def block(request, monkeypatch):
    """The softmaxes in one block each, and in several."""
    monkeypatch.setattr(blocks, "BLOCK", request.param)


# -- values --------------------------------------------------------------------------------


@pytest.mark.parametrize("cutoffs", [CUTOFFS, *MANY_TAILS.values()], ids=str)
def test_the_head_is_a_loop_over_the_words(block, cutoffs):
    h, w, t, b, y = arrays_of(cutoffs=cutoffs)
    log_p = looped_log_prob(h, w, t, b, cutoffs)
    head = head_of(t, b, cutoffs)
    np.testing.assert_allclose(head.log_prob(h, w), log_p, rtol=0, atol=1e-12)
    nll = head.nll(h, w, y)
    np.testing.assert_allclose(nll, -log_p[np.arange(N), y], rtol=0, atol=1e-12)
    loss = head.loss(Tensor(h), Tensor(w), y, rng=None).item()
    assert loss == pytest.approx(nll.mean(), rel=1e-12)


def probabilities(h, w, t, b):
    """Σ_v e^(-nll) of each row."""
    words = np.tile(np.arange(V), N)
    nll, _ = adaptive.adaptive_nll(np.repeat(h, V, axis=0), w, t, b, words, CUTOFFS)
    return np.exp(-nll).reshape(N, V).sum(axis=1)


def test_the_probabilities_of_all_words_sum_to_1(block):
    np.testing.assert_allclose(probabilities(*arrays_of()[:4]), 1, rtol=0, atol=1e-12)


def test_large_logits_do_not_overflow(block):
    h, w, t, b, y = arrays_of(dtype=np.float32)
    nll, gradients = gradients_of((h, w * 300, t, b + 500, y))
    assert np.isfinite(nll).all()
    assert all(np.isfinite(gradient).all() for gradient in gradients[:4])


def test_nll_of_many_rows_is_that_of_few(monkeypatch):
    h, w, t, b, y = arrays_of()
    expected = head_of(t, b).nll(h, w, y)
    monkeypatch.setattr(short_list, "ROWS", 4)
    np.testing.assert_allclose(head_of(t, b).nll(h, w, y), expected, rtol=1e-13)
    assert head_of(t, b).nll(h[:0], w, y[:0]).shape == (0,)


# -- gradients -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "full"])
@pytest.mark.parametrize("targets", TARGETS.values(), ids=TARGETS)
def test_the_gradients_pass_the_check(block, targets, mode):
    gradcheck(ADAPTIVE, *arrays_of(targets), cutoffs=CUTOFFS, mode=mode)


@pytest.mark.parametrize("cutoffs", MANY_TAILS.values(), ids=MANY_TAILS)
def test_the_gradients_of_other_numbers_of_tails_pass_the_check(block, cutoffs):
    gradcheck(ADAPTIVE, *arrays_of(cutoffs=cutoffs), cutoffs=cutoffs, mode="full")


def test_words_of_a_tail_without_a_target_have_no_gradient_but_its_vector_has_one():
    _, (_, dw, dt, db, dy) = gradients_of(arrays_of(TARGETS["none in the first tail"]))
    assert dy is None
    assert not dw[4:10].any()
    assert dw[:4].all()
    assert dw[10:].all()
    assert dt.all()
    assert db.all()


def test_float32_stays_float32_and_inputs_are_only_read(block):
    arrays = arrays_of(dtype=np.float32)
    for array in arrays:
        array.flags.writeable = False
    nll, gradients = gradients_of(arrays)
    assert {nll.dtype, *(g.dtype for g in gradients[:4])} == {np.dtype(np.float32)}
    double = [a.astype(np.float64) if a.dtype == np.float32 else a for a in arrays]
    for one, other in zip(gradients[:4], gradients_of(double)[1][:4], strict=True):
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
        for one, other in zip(found[:4], expected[:4], strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-13)
    assert found[1] is buffers["dw"]


def reversed_map(work, items):
    """A map that takes the last item first."""
    return [work(item) for item in list(items)[::-1]][::-1]


def test_a_frozen_table_has_no_gradient():
    _, (dh, dw, dt, db, _) = gradients_of(arrays_of(), with_dw=False)
    assert dw is None
    _, expected = gradients_of(arrays_of())
    for one, i in ((dh, 0), (dt, 2), (db, 3)):
        np.testing.assert_array_equal(one, expected[i])
    h, w, t, b, y = arrays_of()
    h, head = Tensor(h, requires_grad=True), head_of(t, b)
    head.losses(h, Tensor(w), y).backward(DY)
    np.testing.assert_array_equal(head.tails.grad, dt)


def test_it_keeps_the_logits_that_the_page_says():
    _, (*_, (_, _, softmaxes), _, _, _) = adaptive_forward(*arrays_of(), cutoffs=CUTOFFS)
    kept = sum(block.e.nbytes for block in softmaxes.blocks)
    assert kept == 8 * (N * 4 + 4 * 6 + 4 * 7)  # 4 targets in each tail


# -- the head ------------------------------------------------------------------------------


def test_at_first_each_tail_has_its_share_and_points_to_its_words():
    counts = np.array([60, 50, 40, 30, 9, 8, 7, 6, 5, 4, 3, 2, 2, 1, 1, 0, 0])
    head = AdaptiveHead(
        SimpleNamespace(d_model=D, cutoffs=CUTOFFS),
        by_frequency(counts),
        np.random.default_rng(0),
        np.float64,
    )
    table = np.random.default_rng(1).standard_normal((V, D))
    head.initialize(table)
    weights = counts + 0.5  # a word that was never seen counts for half
    share = [weights[4:10].sum() / weights.sum(), weights[10:].sum() / weights.sum()]
    p = np.exp(head.log_prob(np.zeros((1, D)), table))[0]
    np.testing.assert_allclose([p[4:10].sum(), p[10:].sum()], share, rtol=1e-12)
    mean = weights[4:10] @ table[4:10] / weights[4:10].sum()
    np.testing.assert_allclose(head.tails.data[0], mean, rtol=1e-12)


@pytest.mark.parametrize(
    "cutoffs", [(), (0, 5), (4, 4), (10, 4), (4, 17), (18,), (-1,)], ids=str
)
def test_cutoffs_that_leave_a_part_empty_are_refused(cutoffs):
    message = (
        f"adaptive: the cut-offs are {cutoffs}, expected one or more rising numbers above 0 "
        "and below V = 17"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        head_of(0, 0, cutoffs)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        adaptive_forward(*arrays_of(), cutoffs=cutoffs)


@pytest.mark.parametrize(
    ("position", "array", "message"),
    [
        (0, np.ones(D), "adaptive: h has shape (5,), expected (N, D)"),
        (1, np.ones((V, 4)), "adaptive: w has shape (17, 4), expected (V, D) = (any, 5)"),
        (2, np.ones((3, D)), "adaptive: t has shape (3, 5), expected (J, D) = (2, 5)"),
        (3, np.ones(3), "adaptive: b has shape (3,), expected (J,) = (2,)"),
        (4, np.full(N, 17), "adaptive: y holds 17 at flat index 0, expected 0 to V - 1 = 16"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(position, array, message):
    arrays = arrays_of()
    arrays[position] = array
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        adaptive_forward(*arrays, cutoffs=CUTOFFS)


# -- planted mistakes ----------------------------------------------------------------------


def cutoff_off_by_one(monkeypatch):
    def part_of(y, starts):
        return np.maximum(np.searchsorted(starts, y, side="left") - 1, 0)  # y > c, not y >= c

    monkeypatch.setattr(adaptive, "part_of", part_of)


def log_softmax_taken_twice(monkeypatch):
    """Over the short list alone, and over the result and the tails: the list is worth e^0."""
    right = short_list.nll_and_softmax

    def twice(s, k):
        s[:, 0] -= s[:, 0]
        return right(s, k)

    monkeypatch.setattr(short_list, "nll_and_softmax", twice)


def probability_of_the_tail_left_out(monkeypatch):
    right = short_list.nll_and_softmax

    def left_out(s, k):
        nll, q = right(s, k)
        return np.where(k > 0, 0, nll), q

    monkeypatch.setattr(short_list, "nll_and_softmax", left_out)


def loss_divided_by_rows_of_the_tail(monkeypatch):
    """A mean for each tail, as where each tail has a cross-entropy of its own."""
    right = adaptive.adaptive_nll

    def nll(h, *arrays, **options):
        nll, parts = right(h, *arrays, **options)
        for group in parts[2].groups[1:]:
            nll[group.rows] *= len(h) / len(group.rows)
        return nll, parts

    monkeypatch.setattr(adaptive, "adaptive_nll", nll)


def gradient_replaced(position, replaced):
    """Plant another gradient in the place of the right one."""

    def plant(monkeypatch):
        def backward(dy, saved):
            gradients = list(adaptive_backward(dy, saved))
            gradients[position] = replaced(gradients[position])
            return tuple(gradients)

        monkeypatch.setattr(adaptive, "adaptive_backward", backward)

    return plant


def none(gradient):
    return None


def gradient_check_fails():
    pair = adaptive.adaptive_forward, adaptive.adaptive_backward
    try:
        check_pair(*pair, arrays_of(), cutoffs=CUTOFFS, mode="projection")
    except GradientError:
        return True
    return False


def loss_is_not_that_of_the_loop():
    *arrays, y = arrays_of()
    nll, _ = adaptive.adaptive_forward(*arrays, y, cutoffs=CUTOFFS)
    return abs(nll + looped_log_prob(*arrays)[np.arange(N), y]).max() > 1e-6


def probabilities_do_not_sum_to_1():
    return (abs(probabilities(*arrays_of()[:4]) - 1) > 1e-6).any()


CHECKS = (gradient_check_fails, loss_is_not_that_of_the_loop, probabilities_do_not_sum_to_1)
MISTAKES = {
    "a cut-off is off by one": (cutoff_off_by_one, CHECKS),
    # Its probabilities sum to 1, too: they are those of another model.
    "log-softmax is taken twice": (log_softmax_taken_twice, CHECKS[:2]),
    "the probability of the tail is left out": (probability_of_the_tail_left_out, CHECKS),
    "the loss is divided by the rows of the tail": (loss_divided_by_rows_of_the_tail, CHECKS),
    "t gets no gradient": (gradient_replaced(2, none), CHECKS[:1]),
    "b gets no gradient": (gradient_replaced(3, none), CHECKS[:1]),
    "t gets a gradient of 0": (gradient_replaced(2, np.zeros_like), CHECKS[:1]),
    "b gets a gradient of 0": (gradient_replaced(3, np.zeros_like), CHECKS[:1]),
}


def test_the_right_page_passes_the_checks():
    assert not any(fails() for fails in CHECKS)


@pytest.mark.parametrize(("plant", "found_by"), MISTAKES.values(), ids=MISTAKES)
def test_a_planted_mistake_is_found(plant, found_by, monkeypatch):
    plant(monkeypatch)
    assert [fails for fails in CHECKS if fails()] == list(found_by)
