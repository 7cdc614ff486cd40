"""The head sampled: its page, its candidates, and the mistakes that others made with them."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from flashlm_np.model.heads import sampled
from flashlm_np.model.heads.candidates import (
    PROPOSALS,
    Candidates,
    from_counts,
    log_inclusion,
    log_uniform,
)
from flashlm_np.model.heads.sampled import (
    SAMPLED,
    SampledHead,
    sampled_backward,
    sampled_forward,
)
from minigrad import DtypeError, ShapeError, Tensor
from minigrad.gradcheck import declare, gradcheck
from minigrad.ops.cross_entropy import cross_entropy_backward, cross_entropy_forward

declare(SAMPLED, analytic=True)

N, V, D = 7, 23, 5
Y = np.array([4, 0, 4, 22, 9, 4, 1])  # a target repeats, and both ends occur
CANDIDATES = {
    "some of the targets": np.array([1, 4, 6, 13, 14]),
    "all targets": np.array([0, 1, 4, 6, 9, 22]),
    "no target": np.array([5, 6, 21]),
    "one target alone": np.array([22]),
}
C = CANDIDATES["some of the targets"]
LOG_P = np.log(np.random.default_rng(2).uniform(0.05, 1, V))
every_choice = pytest.mark.parametrize("candidates", CANDIDATES.values(), ids=CANDIDATES)


def arrays_of(dtype=np.float64, scale=1.0):
    rng = np.random.default_rng(3)
    h, w = (scale * rng.standard_normal(shape) for shape in ((N, D), (V, D)))
    arrays = [h.astype(dtype), w.astype(dtype), Y.copy()]
    for array in arrays:
        array.flags.writeable = False
    return arrays


def gradients_of(arrays, dy=1.0, candidates=C, log_p=LOG_P, **work):
    """The loss, dh and the dense dw."""
    loss, saved = sampled_forward(*arrays, candidates=candidates, log_p=log_p, **work)
    dh, dw, no_gradient = sampled_backward(arrays[0].dtype.type(dy), saved)
    assert no_gradient is None
    return loss, dh, dw.dense()


def exact_gradients(h, w, y):
    z = h @ w.T
    loss, saved = cross_entropy_forward(z, y)
    dz, _ = cross_entropy_backward(1.0, saved)
    return loss, dz @ w, dz.T @ h


def head_of(draws, counts, proposal="counts"):
    config = SimpleNamespace(candidates=draws, candidates_from=proposal)
    return SampledHead(config, SimpleNamespace(counts=counts), np.random.default_rng(0))


def close(found, expected, tolerance=1e-12):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# -- the page ------------------------------------------------------------------------------


@every_choice
def test_the_loss_is_a_loop_over_each_row_and_its_rivals(candidates):
    h, w, y = arrays_of()
    losses = []
    for row, target in zip(h, y, strict=True):
        rivals = {*candidates.tolist(), int(target)}  # the target once
        odds = {v: np.exp(row @ w[v]) / np.exp(LOG_P[v]) for v in rivals}
        losses.append(-np.log(odds[target] / sum(odds.values())))
    loss, _, _ = gradients_of((h, w, y), candidates=candidates)
    assert loss == pytest.approx(np.mean(losses), rel=1e-13)


@every_choice
@pytest.mark.parametrize("mode", ["auto", "projection", "full", "complex"])
def test_the_gradients_pass_the_check(mode, candidates):
    gradcheck(SAMPLED, *arrays_of(), candidates=candidates, log_p=LOG_P, mode=mode)


def test_only_rivals_have_a_gradient():
    _, dh, dw = gradients_of(arrays_of())
    rivals = np.union1d(C, Y)
    assert dh.all()
    assert dw[rivals].all()
    assert not np.delete(dw, rivals, axis=0).any()


def test_float32_stays_float32_and_is_close_to_float64():
    found, expected = (gradients_of(arrays_of(t), dy=-0.7) for t in (np.float32, np.float64))
    assert {array.dtype for array in found} == {np.dtype(np.float32)}
    close(found, expected, 2e-5)


def test_large_logits_do_not_overflow():
    for array in gradients_of(arrays_of(np.float32, scale=30.0)):
        assert np.isfinite(array).all()


def test_the_work_options_do_not_change_the_result(monkeypatch):
    expected, buffers = gradients_of(arrays_of()), {}
    monkeypatch.setattr(sampled, "ROWS", 2)
    with ThreadPoolExecutor(3) as pool:
        # The second call finds the buffers of the first. The last has more parts than rows.
        for parts in (3, 3, 1, N + 2):
            work = {"parts": parts, "parallel_map": pool.map, "buffers": buffers}
            close(gradients_of(arrays_of(), **work), expected)


def test_a_frozen_table_has_no_gradient():
    _, saved = sampled_forward(*arrays_of(), candidates=C, log_p=LOG_P, with_dw=False)
    dh, dw, _ = sampled_backward(2.0, saved)
    assert dw is None
    close([dh], [gradients_of(arrays_of(), dy=2.0)[1]])


def test_the_page_saves_the_bytes_that_it_states():
    _, (dh, dw) = sampled_forward(*arrays_of(np.float32), candidates=C, log_p=LOG_P)
    K = len(C)
    assert dh.nbytes + dw.nbytes == 4 * (2 * N * D + K * D) + 8 * (N + K)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        (
            {"candidates": np.array([0, 1, 9, 9, 13])},
            ShapeError,
            r"^sampled: candidates holds 9 after 9, expected rising rows, each once; use",
        ),
        ({"candidates": C[::-1]}, ShapeError, "^sampled: candidates holds 13 after 14"),
        ({"candidates": C + 9}, ShapeError, "^sampled: candidates holds 23 at flat index 4"),
        ({"candidates": C[:0]}, ShapeError, "^sampled: there are no candidates"),
        ({"candidates": 1.0 * C}, DtypeError, "^sampled: candidates has dtype float64"),
        ({"log_p": LOG_P[C]}, ShapeError, r"^sampled: log_p has shape \(5,\), expected \(V,\)"),
    ],
)
def test_options_that_do_not_fit_are_named(options, error, text):
    with pytest.raises(error, match=text):
        sampled_forward(*arrays_of(), **({"candidates": C, "log_p": LOG_P} | options))


# -- candidates ----------------------------------------------------------------------------

COUNTS = 6000 // np.arange(1, V + 1) ** 2  # the rarest word has 11


def test_proposals_are_distributions_that_fall_with_the_frequency():
    r = np.arange(V)
    expected = np.log((r + 2) / (r + 1)) / np.log(V + 1)
    np.testing.assert_allclose(log_uniform(COUNTS), expected, rtol=1e-13)
    ratio = from_counts(COUNTS)[0] / from_counts(COUNTS)[-1]
    assert ratio == pytest.approx((6001 / 12) ** 0.75)
    for proposal in PROPOSALS.values():
        assert proposal(COUNTS).sum() == pytest.approx(1, abs=1e-14)
        assert (np.diff(proposal(COUNTS)) < 0).all()


def test_counts_of_0_give_equal_proposals():
    np.testing.assert_allclose(from_counts(np.zeros(V, np.int64)), 1 / V, rtol=1e-14)


@pytest.mark.parametrize("proposal", PROPOSALS)
def test_inclusion_is_how_often_a_row_is_drawn(proposal):
    rng, runs = np.random.default_rng(4), 20_000
    candidates = Candidates(COUNTS, 12, proposal)
    drawn = [candidates.draw(rng) for _ in range(runs)]
    P = np.exp(candidates.log_p)
    share = np.bincount(np.concatenate(drawn), minlength=V) / runs
    assert (np.abs(share - P) < 4.5 * np.sqrt(P * (1 - P) / runs)).all()
    assert P.min() < 0.2  # so the test sees rare rows and frequent ones
    assert P.max() > 0.9
    # The sum of the probabilities is the mean number of candidates.
    sizes = np.array([len(rows) for rows in drawn])
    assert abs(sizes.mean() - P.sum()) < 4 * sizes.std() / np.sqrt(runs)


def test_inclusion_keeps_its_digits_at_both_ends():
    tiny = log_inclusion(np.array([1e-12, 1e-300]), 2048)
    np.testing.assert_allclose(tiny, np.log([2048e-12, 2048e-300]), rtol=1e-10)
    with np.errstate(all="raise"):
        assert log_inclusion(1.0, 3) == pytest.approx(0, abs=1e-12)
    assert log_inclusion(0.25, 3) == pytest.approx(np.log(1 - 0.75**3), rel=1e-14)


def test_candidates_rise_and_depend_on_the_seed_alone():
    candidates = Candidates(COUNTS, 12, "counts")
    first, second, other = (candidates.draw(np.random.default_rng(s)) for s in (1, 1, 2))
    assert (np.diff(first) > 0).all()
    np.testing.assert_array_equal(first, second)
    assert first.tolist() != other.tolist()


@pytest.mark.parametrize("draws", [V, V + 1])
def test_with_as_many_draws_as_rows_all_are_candidates_and_nothing_is_drawn(draws):
    candidates = Candidates(COUNTS, draws, "counts")
    np.testing.assert_array_equal(candidates.draw(rng=None), np.arange(V))
    assert not candidates.log_p.any()


# -- the head ------------------------------------------------------------------------------


def test_with_all_words_as_candidates_it_is_the_exact_softmax():
    h, w, y = arrays_of()
    leaves = Tensor(h, requires_grad=True), Tensor(w, requires_grad=True)
    loss = head_of(V, COUNTS).loss(*leaves, y, np.random.default_rng(0))
    loss.backward()
    expected = exact_gradients(h, w, y)
    close([loss.item(), *(leaf.grad for leaf in leaves)], expected, 1e-13)
    head = head_of(4, COUNTS)  # however it is trained
    assert head.nll(h, w, y).mean() == pytest.approx(expected[0], rel=1e-13)
    np.testing.assert_allclose(np.exp(head.log_prob(h, w)).sum(axis=1), 1, rtol=1e-13)


def test_the_same_seed_gives_the_same_bits():
    def run(seed):
        h, w, y = arrays_of(np.float32)
        leaves = Tensor(h, requires_grad=True), Tensor(w, requires_grad=True)
        loss = head_of(6, COUNTS).loss(*leaves, y, np.random.default_rng(seed))
        loss.backward()
        return b"".join(a.tobytes() for a in (loss.data, *(leaf.grad for leaf in leaves)))

    assert run(5) == run(5) != run(6)


def test_the_expected_gradient_approaches_the_exact_one_as_candidates_grow():
    rng, V = np.random.default_rng(6), 1000
    h, w, y = rng.standard_normal((16, 4)), rng.standard_normal((V, 4)), rng.integers(0, V, 16)
    _, exact_dh, exact_dw = exact_gradients(h, w, y)
    counts = 10_000 // np.arange(1, V + 1)

    def error(draws, runs=60):
        """Of the mean over the seeds, as a share of the exact gradient: (of dh, of dw)."""
        candidates, sum_dh, sum_dw = Candidates(counts, draws, "counts"), 0, 0
        for _ in range(runs):
            options = {"candidates": candidates.draw(rng), "log_p": candidates.log_p}
            _, (dh, dw) = sampled_forward(h, w, y, **options)
            sum_dh, sum_dw = sum_dh + dh / runs, sum_dw + dw.dense() / runs
        pairs = (sum_dh, exact_dh), (sum_dw, exact_dw)
        return np.array([np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in pairs])

    few, some, many, all_rows = (error(draws) for draws in (8, 64, 512, V))
    assert (few > 1.5 * some).all()
    assert (some > 1.5 * many).all()
    assert (many < 0.15).all()
    assert (all_rows < 1e-13).all()


# -- the theory ----------------------------------------------------------------------------
# The logits of the right model are ln p(v | h). There the expected gradient must be 0, or else
# training does not end there. The mean of many random gradients, in units of its standard
# error, has a root mean square of 1 if the expected gradient is 0.

TOPICS, WORDS, ROWS, DRAWS = 3, 40, 48, 16
LARGEST, WRONG = 1.3, 1.7  # seeds 1 to 20 give 0.87 to 1.16


def topics():
    """p(word | topic) (TOPICS, WORDS): Zipf's law, and words of the topic's own."""
    own = np.random.default_rng(0).dirichlet(np.full(WORDS, 0.3), TOPICS)
    zipf = 1 / np.arange(1, WORDS + 1)
    return 0.7 * own + 0.3 * zipf / zipf.sum()


def deviation(change=lambda log_p: log_p, texts=ROWS, union=False, runs=1000):
    """How far the mean gradient of the right model is from 0, in standard errors.

    A batch has the rows of `texts` texts, each with one topic. A row is the topic, and the
    table holds ln p, so dw (WORDS, TOPICS) is the gradient of the logits.
    """
    p, rng, gradients = topics(), np.random.default_rng(1), []
    table, ends, f = np.log(p).T, p.cumsum(axis=1), p.mean(axis=0)
    candidates = Candidates(np.round(1e4 * f), DRAWS, "counts")
    log_p = change(candidates.log_p)
    if union:  # the targets of all rows are candidates: P is that of independent rows
        log_absent = np.log1p(-np.exp(log_p)) + (ROWS - 1) * np.log1p(-f)
        log_p = np.log(-np.expm1(log_absent))
    for _ in range(runs):
        topic = np.repeat(rng.integers(0, TOPICS, texts), ROWS // texts)
        y = (ends[topic] < rng.random((ROWS, 1))).sum(axis=1)
        c = candidates.draw(rng)
        c = np.union1d(c, y) if union else c
        h = np.eye(TOPICS)[topic]
        _, (_, dw) = sampled_forward(h, table, y, candidates=c, log_p=log_p)
        gradients.append(dw.dense())
    mean, std = np.mean(gradients, axis=0), np.std(gradients, axis=0)
    return np.sqrt(np.mean((mean / std) ** 2) * runs)


@pytest.mark.parametrize("texts", [ROWS, 2])
def test_training_ends_at_the_right_model(texts):
    assert deviation(texts=texts) < LARGEST


def test_targets_of_other_rows_are_fair_rivals_only_if_the_rows_are_independent():
    assert deviation(union=True) < LARGEST
    assert deviation(union=True, texts=2) > WRONG  # words repeat within a text


# -- planted mistakes ----------------------------------------------------------------------


def without(log_p):
    return 0 * log_p


def negated(log_p):
    return -log_p


def expected_number(log_p):
    """ln(k q). It is right where a row that is drawn twice counts twice."""
    q = -np.expm1(np.log1p(-np.exp(log_p)) / DRAWS)
    return np.log(DRAWS * q)


@pytest.mark.parametrize("change", [without, negated, expected_number])
def test_planted_another_correction(change):
    assert deviation(change) > WRONG


def trained_loss(change, draws=6, steps=400):
    """The exact loss after training from 0, above the lowest possible, in nats."""
    p, rng = topics(), np.random.default_rng(2)
    table, mean = np.zeros((WORDS, TOPICS)), 0
    candidates = Candidates(np.round(1e4 * p.mean(axis=0)), draws, "counts")
    options = {"log_p": change(candidates.log_p)}
    for step in range(steps):
        topic = rng.integers(0, TOPICS, ROWS)
        y = (p.cumsum(axis=1)[topic] < rng.random((ROWS, 1))).sum(axis=1)
        h = np.eye(TOPICS)[topic]
        _, (_, dw) = sampled_forward(h, table, y, candidates=candidates.draw(rng), **options)
        table = table - 4.0 * dw.dense()
        mean = mean + table * (step >= steps // 2)  # of the second half: less noise
    z = mean.T / (steps - steps // 2)  # (TOPICS, WORDS)
    log_model = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return (p * (np.log(p) - log_model)).sum(axis=1).mean()


def test_planted_a_correction_of_the_wrong_sign_is_worse_than_none():
    right, none, wrong = (trained_loss(f) for f in (lambda log_p: log_p, without, negated))
    assert right < 0.1
    assert none > 3 * right
    assert wrong > 2 * none


def test_planted_a_target_that_is_drawn_is_its_own_rival(monkeypatch):
    options = {"candidates": np.arange(V), "log_p": np.zeros(V)}
    expected, _, _ = exact_gradients(*arrays_of())
    assert gradients_of(arrays_of(), **options)[0] == pytest.approx(expected, rel=1e-13)
    monkeypatch.setattr(sampled.np, "isin", lambda y, candidates: np.zeros(len(y), bool))
    assert gradients_of(arrays_of(), **options)[0] > expected + 0.01


def test_planted_the_softmax_is_taken_twice():
    """Probabilities in the place of logits. A second log-softmax would change nothing."""
    h, w, y = arrays_of()
    expected, _, _ = exact_gradients(h, w, y)
    p = np.exp(h @ w.T)
    p /= p.sum(axis=1, keepdims=True)
    options = {"candidates": np.arange(V), "log_p": np.zeros(V)}
    twice, _ = sampled_forward(p, np.eye(V), y, **options)
    log_twice, _ = sampled_forward(np.log(p), np.eye(V), y, **options)
    assert abs(twice - expected) > 0.5
    assert log_twice == pytest.approx(expected, rel=1e-13)
