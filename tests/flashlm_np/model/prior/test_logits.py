"""The prior whose ln p is added to the logits: its probabilities, its loss and its steps."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from head_cases import cases_of
from prior_cases import NGRAMS, OTHER, TEXT, batches, prior_model
from test_counted import SEEN, UNSEEN, largest_error_of_a_gradient, network_p

from flashlm_np.evaluation.evaluate import token_losses
from flashlm_np.inference.generate import generate
from flashlm_np.inference.streaming import Stream
from flashlm_np.inference.text_generator import generate_fast
from flashlm_np.model.config import Phase
from flashlm_np.model.heads import exact
from flashlm_np.model.heads.exact import EXACT_NLL
from flashlm_np.model.prior import logits
from flashlm_np.ngrams.rows import log_rows
from flashlm_np.training.fast_step import FastStep
from flashlm_np.training.optimizers import Optimizers
from flashlm_np.training.step import train_step
from minigrad.gradcheck import GradientError, declare, gradcheck

CASE = cases_of("exact")[0]


def model_of(**changes):
    return prior_model(CASE, prior="trigram_logits", **changes)


def p_by_the_definition(model, ids, left_out=None):
    """p_trigram · p_network of each word, divided by the sum: (T, V)."""
    before = zip([-1, *ids[:-1]], ids, strict=True)
    targets = [None] * len(ids) if left_out is None else left_out
    rows = [NGRAMS.row(*uv, left_out=w) for uv, w in zip(before, targets, strict=True)]
    p = np.array(rows) * network_p(model, ids)
    return p / p.sum(axis=1, keepdims=True)


def trigram_losses(tokens):
    """-ln p of the tokens after the first: (M,)."""
    u, v = np.concatenate([[-1], tokens[:-2]]), tokens[:-1]
    return -np.log(NGRAMS.probability(u, v, tokens[1:]))


# -- probabilities -------------------------------------------------------------------------


@pytest.mark.parametrize("ids", [SEEN, UNSEEN], ids=["seen contexts", "unseen contexts"])
def test_p_is_the_product_of_both_and_sums_to_1(ids):
    model, _ = model_of()
    log_p = model(ids[None]).data[0]
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1, rtol=0, atol=1e-9)
    np.testing.assert_allclose(np.exp(log_p), p_by_the_definition(model, ids), rtol=1e-10)


def test_with_logits_of_0_it_is_the_trigram():
    model, config = model_of()
    model.final_norm.scale.data[...] = 0
    true, _ = token_losses(model, OTHER, config.receptive_field)
    np.testing.assert_allclose(true, trigram_losses(OTHER), rtol=1e-10)


def test_stream_next_logits_and_evaluation_have_the_same_probabilities(monkeypatch):
    model, config = model_of()
    log_p = model(OTHER[None, :89]).data[0]
    stream = Stream(model)
    state = stream.state()
    found = [stream.step(state, token) for token in OTHER[:89]]
    np.testing.assert_allclose(found, log_p, rtol=1e-9)
    two = np.array([SEEN, UNSEEN])
    np.testing.assert_allclose(model.next_logits(two), model(two).data[:, -1], rtol=1e-12)
    monkeypatch.setattr("flashlm_np.evaluation.evaluate.WINDOW", 13)
    monkeypatch.setattr("flashlm_np.evaluation.evaluate.ROWS", 5)
    true, smoothed = token_losses(model, OTHER[:90], config.receptive_field)
    np.testing.assert_allclose(true, -log_p[np.arange(89), OTHER[1:90]], rtol=1e-10)
    assert np.isnan(smoothed).all()


def test_generation_equals_fast_generation():
    model, _ = model_of()
    for prompt in (SEEN[:1], SEEN):
        both = [
            list(form(model, prompt, 20, np.random.default_rng(3), top_k=5))
            for form in (generate, generate_fast)
        ]
        assert both[0] == both[1]


# -- the loss ------------------------------------------------------------------------------


def test_in_training_the_target_is_left_out_of_the_counts():
    model, _ = model_of()
    ((ids, targets, _),) = batches()
    loss, expected = model.loss(ids, targets).item(), []
    for window, y in zip(ids, targets, strict=True):
        p = p_by_the_definition(model, window, left_out=y)
        expected.append(-np.log(p[np.arange(len(y)), y]))
    # The sum of the unigrams still has the target: 1 of 3,000 tokens.
    assert loss == pytest.approx(np.mean(expected), rel=1e-4)
    counted = [
        -np.log(p_by_the_definition(model, window)[np.arange(24), y])
        for window, y in zip(ids, targets, strict=True)
    ]
    assert loss > np.mean(counted) + 0.1


def test_rows_of_many_contexts_are_those_of_each():
    before = np.array([*pairwise(TEXT[:61]), (-1, 5), (60, 60)])
    rows = np.exp(log_rows(NGRAMS, before, dtype=np.float64))
    np.testing.assert_allclose(rows, [NGRAMS.row(*uv) for uv in before], rtol=1e-12)
    w = np.array([*TEXT[2:62], 3, 4])
    rows = np.exp(log_rows(NGRAMS, before, w, np.float64))
    expected = [NGRAMS.row(*uv, left_out=y) for uv, y in zip(before, w, strict=True)]
    np.testing.assert_allclose(rows, expected, rtol=1e-3)
    own = np.arange(len(w)), w
    np.testing.assert_allclose(rows[own], np.array(expected)[own], rtol=1e-12)
    assert log_rows(NGRAMS, before).dtype == np.float32


# -- gradients -----------------------------------------------------------------------------


def added_arrays():
    rng = np.random.default_rng(4)
    h, w, added = (rng.standard_normal(s) for s in ((7, 3), (11, 3), (7, 11)))
    return (h, w, np.array([0, 10, 3, 3, 5, 1, 0])), added


def with_added(added, **changes):
    """The operation with constant numbers beside its logits, in the type of the others."""

    def forward(h, w, y):
        return EXACT_NLL.forward(h, w, y, added=added.astype(h.dtype))

    operation = dataclasses.replace(EXACT_NLL, forward=forward, **changes)
    declare(operation, analytic=True)
    return operation


@pytest.mark.parametrize("mode", ["projection", "full", "complex"])
def test_the_gradients_of_the_head_with_added_numbers_are_right(mode):
    arrays, added = added_arrays()
    gradcheck(with_added(added), *arrays, mode=mode)
    z = arrays[0] @ arrays[1].T + added
    expected = np.log(np.exp(z).sum(axis=1)) - z[np.arange(7), arrays[2]]
    for parts in (1, 3):
        found, _ = EXACT_NLL.forward(*arrays, added=added, parts=parts, buffers={})
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_added_numbers_that_the_backward_forgets_are_caught():
    arrays, added = added_arrays()

    def backward(dy, saved):
        return EXACT_NLL.backward(dy, EXACT_NLL.forward(*arrays)[1])

    with pytest.raises(GradientError):
        gradcheck(with_added(added, backward=backward), *arrays)


def test_the_gradients_of_the_whole_model_are_right():
    assert largest_error_of_a_gradient(CASE, prior="trigram_logits") < 1e-5


def plant_forgotten_counts_of_the_target(patch):
    def nll(h, w, y, *, added, right=exact.exact_nll_forward, **options):
        nll, saved = right(h, w, y, added=added, **options)
        return nll + added[np.arange(len(y)), y], saved

    patch.setattr(exact, "EXACT_NLL", dataclasses.replace(EXACT_NLL, forward=nll))


def plant_counted_targets(patch):
    def rows(ngrams, before, left_out=None, dtype=np.float64, right=logits.log_rows):
        return right(ngrams, before, dtype=dtype)

    patch.setattr(logits, "log_rows", rows)


def plant_probabilities_in_place_of_logarithms(patch):
    def rows(*arguments, right=logits.log_rows, **options):
        return np.exp(right(*arguments, **options))

    patch.setattr(logits, "log_rows", rows)


@pytest.mark.parametrize(
    "plant",
    [
        plant_forgotten_counts_of_the_target,
        plant_counted_targets,
        plant_probabilities_in_place_of_logarithms,
    ],
)
def test_a_planted_mistake_is_found(plant, monkeypatch):
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        test_in_training_the_target_is_left_out_of_the_counts()


# -- steps ---------------------------------------------------------------------------------


@pytest.mark.parametrize("frozen", [False, True])
def test_the_fast_step_equals_the_plain_step(frozen):
    phases = (Phase(1, 24, 3, 2, frozen_embedding=frozen),)
    model, config = model_of(phases=phases)
    fast = FastStep(model_of(phases=phases)[0], config, 3)
    optimizers = Optimizers(model, config)
    for step in (1, 2, 3):
        one = train_step(model, optimizers, step, batches(2, 0.5))
        other = fast.step(step, batches(2, 0.5))
        assert other.loss == pytest.approx(one.loss, rel=1e-11)
    for name, array in model.state_dict().items():
        np.testing.assert_allclose(
            fast.model.state_dict()[name], array, atol=1e-9, err_msg=name
        )


def test_it_has_no_parameters_and_learns():
    """The trigram is the best model of this text. The random logits must become 0."""
    model, config = model_of(phases=(Phase(1, 24, 3, 1),), steps=60, adamw_lr=0.02)
    assert not [name for name in model.state_dict() if name.startswith("prior")]
    model.final_norm.scale.data *= 4
    fast, above = FastStep(model, config, 2), []
    for step in range(1, 61):
        fast.step(step, batches(seed=step))
        if step in (1, 60):
            above.append((token_losses(model, OTHER, 50)[0] - trigram_losses(OTHER)).mean())
    assert above[1] < 0.3 * above[0]
