"""The tests for leaks pass sound models, and catch each planted mistake."""

import numpy as np
import pytest
from tiny import small_model

from flashlm_np.evaluation.leaks import (
    LeakError,
    cut_losses,
    sight,
    sight_of_loss,
    whole_losses,
)

V, T, D = 11, 7, 5
TABLE = np.random.default_rng(0).standard_normal((V, D))
IDS = np.random.default_rng(1).integers(0, V, (2, T))
TARGETS = np.random.default_rng(2).integers(0, V, (2, T))


def reader(mask):
    """A model whose positions take the mean of the tokens that mask (T, T) lets them see."""

    def logits(ids):
        t = ids.shape[1]
        allowed = mask(t)
        mixed = (allowed / allowed.sum(axis=1, keepdims=True)) @ TABLE[ids]  # (B, T, D)
        return np.tanh(mixed) @ TABLE.T

    return logits


causal = reader(lambda t: np.tril(np.ones((t, t))))


def normed_over_time(ids):
    x = np.cumsum(TABLE[ids], axis=1)
    return (x / np.sqrt((x * x).mean(axis=(1, 2), keepdims=True))) @ TABLE.T


def one_behind(ids):
    z = causal(ids)
    return np.concatenate([np.zeros_like(z[:, :1]), z[:, :-1]], axis=1)


def of_the_batch(ids):
    z = causal(ids)
    return z - z.mean(axis=(0, 1))  # of all texts and positions


def mean_nll(logits, ahead=0):
    """The mean loss of the logits at t and of the targets at t + ahead."""

    def loss(ids, targets):
        z, y = logits(ids)[:, : ids.shape[1] - ahead], targets[:, ahead:]
        log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
        return -np.take_along_axis(log_p, y[..., None], axis=-1).mean()

    return loss


MISTAKES = {
    "a mask that lets the future through and the past not": (
        reader(lambda t: np.triu(np.ones((t, t)))),
        "prediction 0 changes with input 1, which comes after it: a leak",
    ),
    "no mask": (reader(lambda t: np.ones((t, t))), "a leak"),
    "one position too many": (reader(lambda t: np.tril(np.ones((t, t)), 1)), "a leak"),
    "a norm over time": (normed_over_time, "a leak"),
    "a norm over the batch": (of_the_batch, "another text of its batch"),
    "only itself": (reader(np.eye), "before its newest one"),
    "blind to the newest token": (
        one_behind,
        "prediction 0 does not change with input 0, its newest one",
    ),
}


def test_a_causal_reader_and_flashlm_pass():
    sight(causal, IDS).expect()
    for dtype in (np.float32, np.float64):
        model, _ = small_model(dtype)
        depends = sight(lambda ids, m=model: m(ids).data, IDS)
        depends.expect()
        assert depends.problem is None


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_leak_is_caught(mistake):
    logits, sentence = MISTAKES[mistake]
    with pytest.raises(LeakError, match=sentence):
        sight(logits, IDS).expect()


def test_sight_shows_which_inputs():
    window = reader(lambda t: np.tril(np.ones((t, t))) - np.tril(np.ones((t, t)), -3))
    wanted = np.tril(np.ones((T, T), bool)) & ~np.tril(np.ones((T, T), bool), -3)
    np.testing.assert_array_equal(sight(window, IDS).depends, wanted)


def test_a_loss_alone_shows_what_its_model_sees():
    seen = sight_of_loss(mean_nll(causal), IDS, TARGETS, V, tolerance=1e-12)
    seen.expect()
    np.testing.assert_array_equal(seen.depends, np.tril(np.ones((T, T), bool)))


def test_a_loss_that_shifts_by_itself_is_right_if_it_is_given_the_ids():
    itself = mean_nll(causal, ahead=1)
    sight_of_loss(itself, IDS, IDS, V, shift=0, tolerance=1e-12).expect()


def test_a_second_shift_is_caught():
    twice = mean_nll(causal, ahead=1)  # logits[t] with targets[t + 1], which is ids[t + 2]
    with pytest.raises(LeakError, match="prediction 0 does not change with input 0"):
        sight_of_loss(twice, IDS, TARGETS, V, tolerance=1e-12).expect()


def test_a_missing_shift_is_caught():
    """The targets are the inputs, and the model only copies: the loss of ids[t] sees ids[t]."""
    with pytest.raises(LeakError, match="prediction 0 changes with input 0"):
        sight_of_loss(mean_nll(causal), IDS, IDS, V, shift=0, tolerance=1e-12).expect()


@pytest.mark.parametrize("logits", [MISTAKES["no mask"][0], normed_over_time])
def test_a_loss_of_a_leaking_model_is_caught(logits):
    with pytest.raises(LeakError, match="a leak"):
        sight_of_loss(mean_nll(logits), IDS, TARGETS, V, tolerance=1e-12).expect()


def test_a_loss_in_float32_is_enough():
    model, config = small_model(np.float32)
    loss = lambda ids, targets: model.loss(ids, targets).item()  # noqa: E731
    sight_of_loss(loss, IDS, TARGETS, config.vocab_size).expect()


def test_cut_texts_take_a_leak_away():
    np.testing.assert_allclose(cut_losses(causal, IDS), whole_losses(causal, IDS))
    leaking = MISTAKES["no mask"][0]
    whole, cut = whole_losses(leaking, IDS), cut_losses(leaking, IDS)
    assert whole.shape == cut.shape == (2, T - 1)
    assert abs(whole - cut).max() > 0.01
    # With one token read, all is past.
    np.testing.assert_allclose(cut[:, :1], whole_losses(causal, IDS)[:, :1])


def test_a_whole_loss_is_that_of_a_known_distribution():
    uniform = lambda ids: np.zeros((*ids.shape, V))  # noqa: E731
    np.testing.assert_allclose(whole_losses(uniform, IDS), np.log(V))
    np.testing.assert_allclose(cut_losses(uniform, IDS), np.log(V))


# -- Bad input -------------------------------------------------------------------------------


RNG = np.random.default_rng(0)


def with_dropout(ids):
    return causal(ids) * (RNG.random((*ids.shape, V)) < 0.9)


def test_a_model_that_draws_is_not_called_leaking():
    with pytest.raises(ValueError, match="sight: two calls with the same ids differ; switch"):
        sight(with_dropout, IDS)
    with pytest.raises(ValueError, match=r"sight_of_loss: the loss is .*, and two calls"):
        sight_of_loss(mean_nll(with_dropout), IDS, TARGETS, V)


def test_logits_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="the logits are not finite"):
        sight(lambda ids: causal(ids) * np.nan, IDS)
    with pytest.raises(ValueError, match="the loss is nan"):
        sight_of_loss(lambda ids, targets: np.nan, IDS, TARGETS, V)


@pytest.mark.parametrize("find", [sight, whole_losses, cut_losses])
def test_other_shapes_are_refused(find):
    with pytest.raises(ValueError, match=r"for ids \(\d, \d\) the model gives \(\d, 11\), exp"):
        find(lambda ids: causal(ids)[:, -1], IDS)
    with pytest.raises(ValueError, match=r"for ids \(7,\) the model gives \(7, 11\), expected"):
        sight(lambda ids: causal(ids[None])[0], IDS[0])
