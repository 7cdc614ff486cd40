"""A model with a counted prior: its probabilities, its loss, its gradients and its steps."""

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from head_cases import V, cases_of, layout_of
from prior_cases import NGRAMS, OTHER, PRIOR_CASES, TEXT, batches, prior_model, text_of
from tiny import three_steps

from flashlm_np.evaluation.evaluate import token_losses
from flashlm_np.inference.generate import generate
from flashlm_np.inference.streaming import Stream
from flashlm_np.inference.text_generator import generate_fast
from flashlm_np.model.config import Phase
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.presets import QUICKSTART, V3
from flashlm_np.model.prior import counted
from flashlm_np.model.prior.before import tokens_before
from flashlm_np.model.prior.counted import CountedPrior
from flashlm_np.ngrams.kneser_ney import KneserNey
from flashlm_np.training.fast_step import FastStep
from flashlm_np.training.optimizers import Optimizers
from flashlm_np.training.step import train_step
from minigrad import no_grad

every_case = pytest.mark.parametrize("case", PRIOR_CASES, ids=str)
CASE = PRIOR_CASES[0]
SEEN, UNSEEN = TEXT[:40], np.random.default_rng(1).integers(0, V, 40)


def generator():
    return np.random.default_rng(3)


def network_p(model, ids):
    """p of the network alone, of a text (T,): (T, V)."""
    prior, model.prior = model.prior, None
    try:
        z = model(ids[None]).data[0]
    finally:
        model.prior = prior
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def gate_of(model, ids, left_out=None):
    """λ at each position but the first, from the definition: (T - 1,)."""
    with no_grad():
        h = model.hidden(ids[None]).data[0, 1:]
    counts = model.ngrams.context_counts(ids[:-1], ids[1:], left_out=left_out)
    prior = model.prior
    s = h @ prior.gate_hidden.data + np.log(1 + counts.T) @ prior.gate_counts.data
    return 1 / (1 + np.exp(-s - prior.gate_bias.data))


def mixed_p(model, ids):
    """λ p_trigram + (1-λ) p_network by the definition, from the second position on."""
    rows = np.array([NGRAMS.row(u, v) for u, v in pairwise(ids)])
    share = gate_of(model, ids)[:, None]
    return share * rows + (1 - share) * network_p(model, ids)[1:]


# -- probabilities -------------------------------------------------------------------------


@pytest.mark.parametrize("ids", [SEEN, UNSEEN], ids=["seen contexts", "unseen contexts"])
@every_case
def test_p_is_the_mixture_and_sums_to_1(case, ids):
    model, _ = prior_model(case)
    log_p = model(ids[None]).data[0]  # (T, V)
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1, rtol=0, atol=1e-9)
    np.testing.assert_allclose(np.exp(log_p[1:]), mixed_p(model, ids), rtol=1e-10)
    np.testing.assert_allclose(np.exp(log_p[0]), network_p(model, ids)[0], rtol=1e-10)


@every_case
def test_the_streamed_scores_and_next_logits_are_those_of_the_whole_text(case):
    model, _ = prior_model(case)
    log_p = model(SEEN[None]).data[0]
    stream = Stream(model)
    state = stream.state()
    found = [stream.step(state, token) for token in SEEN]
    np.testing.assert_allclose(found, log_p, rtol=1e-9)
    state = stream.state()
    stream.prefill(state, SEEN[:-1])
    np.testing.assert_allclose(stream.step(state, SEEN[-1]), log_p[-1], rtol=1e-9)
    two = np.array([SEEN, UNSEEN])
    np.testing.assert_allclose(model.next_logits(two), model(two).data[:, -1], rtol=1e-12)


@every_case
def test_an_evaluation_scores_the_same_probabilities(case, monkeypatch):
    monkeypatch.setattr("flashlm_np.evaluation.evaluate.WINDOW", 13)
    monkeypatch.setattr("flashlm_np.evaluation.evaluate.ROWS", 5)
    losses_are_those_of_log_prob(case)


def losses_are_those_of_log_prob(case):
    model, config = prior_model(case)
    true, smoothed = token_losses(model, OTHER[:90], config.receptive_field)
    log_p = model(OTHER[None, :89]).data[0]
    np.testing.assert_allclose(true, -log_p[np.arange(89), OTHER[1:90]], rtol=1e-10)
    assert np.isnan(smoothed).all()


@pytest.mark.parametrize("sampling", [{"temperature": 0}, {"top_k": 5}])
@every_case
def test_generation_equals_fast_generation(case, sampling):
    model, _ = prior_model(case)
    for prompt in (SEEN[:1], SEEN[:2], SEEN):
        both = [
            list(form(model, prompt, 20, generator(), **sampling))
            for form in (generate, generate_fast)
        ]
        assert both[0] == both[1]


def test_without_convolutions_the_trigrams_still_see_two_tokens():
    model, _ = prior_model(CASE, dilations=())
    both = [
        list(form(model, SEEN, 20, generator(), temperature=0))
        for form in (generate, generate_fast)
    ]
    assert both[0] == both[1]


# -- the loss ------------------------------------------------------------------------------


def loss_by_the_definition(model, ids, targets, left_out):
    """The mean of -ln p, each target counted or left out."""
    losses = []
    for window, y in zip(ids, targets, strict=True):
        p = network_p(model, window)[np.arange(len(y)), y]
        counted = NGRAMS.probability(window[:-1], window[1:], y[1:], left_out=left_out)
        share = gate_of(model, window, left_out=y[1:] if left_out else None)
        p[1:] = share * counted + (1 - share) * p[1:]
        losses.append(-np.log(p))
    return np.mean(losses)


@every_case
def test_in_training_the_target_is_left_out_of_the_counts(case):
    model, _ = prior_model(case)
    ((ids, targets, _),) = batches()
    loss = model.loss(ids, targets).item()
    assert loss == pytest.approx(loss_by_the_definition(model, ids, targets, True), rel=1e-10)
    with_target = loss_by_the_definition(model, ids, targets, False)
    assert loss > with_target + 0.1


def test_scored_positions_keep_the_tokens_before_them():
    model, _ = prior_model(CASE)
    ((ids, targets, _),) = batches()
    positions = np.array([70, 0, 24, 5, 5])
    some = model.loss(ids, targets, positions).item()
    each = [model.loss(ids, targets, positions[i : i + 1]).item() for i in range(5)]
    assert some == pytest.approx(np.mean(each), rel=1e-12)
    every = [model.loss(ids, targets, np.array([i])).item() for i in range(72)]
    assert model.loss(ids, targets).item() == pytest.approx(np.mean(every), rel=1e-12)


def test_the_tokens_before_a_target_are_its_id_and_the_one_before():
    ids = np.array([[4, 5, 6], [7, 8, 9]])
    expected = [[-1, 4], [4, 5], [5, 6], [-1, 7], [7, 8], [8, 9]]
    assert tokens_before(ids).tolist() == expected
    assert tokens_before(ids, np.array([3, 1])).tolist() == [expected[3], expected[1]]


# -- gradients -----------------------------------------------------------------------------


def largest_error_of_a_gradient(case, **changes):
    """Of each parameter along a random direction, relative to its size."""
    model, _ = prior_model(case, **{"network_loss": 0.0} | changes)
    ((ids, targets, _),) = batches()
    positions = np.array([3, 70, 11, 40, 3])
    model.zero_grad()
    model.loss(ids, targets, positions).backward()
    errors, rng = [0.0], generator()
    for name, p in model.named_parameters():
        # A ternary matrix returns its surrogate's gradient; tied and tree gradients are rows.
        if "_proj." in name or "router." in name or name == "lm_head.weight":
            continue
        gradient = p.grad.dense() if hasattr(p.grad, "dense") else p.grad
        direction, start, losses = rng.standard_normal(p.shape), p.data.copy(), []
        for step in (1e-5, -1e-5):
            p.data[...] = start + step * direction
            losses.append(model.loss(ids, targets, positions).item())
        p.data[...] = start
        found, slope = (gradient * direction).sum(), (losses[0] - losses[1]) / 2e-5
        errors.append(abs(found - slope) / (abs(slope) + 1e-4))
    return max(errors)


@every_case
def test_the_gradients_of_the_whole_model_are_right(case):
    assert largest_error_of_a_gradient(case) < 1e-5


def gradients_of(case, network_loss, prior=True):
    model, _ = prior_model(case, network_loss=network_loss)
    if not prior:
        model.prior = None
    ((ids, targets, _),) = batches()
    model.loss(ids, targets, np.array([3, 70, 11, 40, 3])).backward()
    return {
        name: p.grad.dense() if hasattr(p.grad, "dense") else p.grad.copy()
        for name, p in model.named_parameters()
        if "router." not in name
    }


@every_case
def test_the_network_also_learns_as_if_it_were_alone(case):
    mixed, both, alone = (
        gradients_of(case, *options) for options in ((0.0,), (0.3,), (0.0, False))
    )
    assert set(both) == set(mixed) >= set(alone)
    for name, gradient in both.items():
        expected = mixed[name] + (0.3 * alone[name] if name in alone else 0)
        np.testing.assert_allclose(gradient, expected, atol=1e-12, err_msg=name)
    assert not [name for name in alone if name.startswith("prior.")]


WRONG = {
    "r is missing: the network learns as if it were alone": lambda dnll, ds, dp: (
        np.full_like(dnll, 0.2),
        ds,
        dp,
    ),
    "λ and 1-λ are exchanged": lambda dnll, ds, dp: (dnll, -ds, dp),
    "the gate has no gradient": lambda dnll, ds, dp: (dnll, 0 * ds, dp),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_gradient_of_the_mixture_is_caught(mistake, monkeypatch):
    right = counted.MIXTURE

    def backward(dy, saved):
        return WRONG[mistake](*right.backward(dy, saved))

    monkeypatch.setattr(counted, "MIXTURE", replace(right, backward=backward))
    assert largest_error_of_a_gradient(CASE) > 1e-2


def plant_exchanged_shares(patch):
    right = CountedPrior._gate
    patch.setattr(CountedPrior, "_gate", lambda self, h, f: -right(self, h, f))


def plant_exchanged_shares_in_an_evaluation(patch):
    def nll(nll, s, log_p, right=counted.mixture_nll):
        return right(nll, -s, log_p)

    patch.setattr(counted, "mixture_nll", nll)


def plant_counted_targets(patch):
    def _counted(self, before, y, dtype, left_out=False, right=CountedPrior._counted):
        return right(self, before, y, dtype)

    patch.setattr(CountedPrior, "_counted", _counted)


@pytest.mark.parametrize(
    ("plant", "check"),
    [
        (plant_exchanged_shares, test_p_is_the_mixture_and_sums_to_1),
        (plant_exchanged_shares_in_an_evaluation, losses_are_those_of_log_prob),
        (plant_counted_targets, test_in_training_the_target_is_left_out_of_the_counts),
    ],
    ids=[
        "λ and 1-λ are exchanged",
        "λ and 1-λ are exchanged in an evaluation",
        "the target is counted in training",
    ],
)
def test_a_planted_mistake_is_found(plant, check, monkeypatch):
    arguments = (CASE, SEEN)[: check.__code__.co_argcount]
    check(*arguments)
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        check(*arguments)


# -- steps ---------------------------------------------------------------------------------


def after_three_steps(case, threads=None, frozen=False, position_share=1.0):
    phases = (Phase(1, 24, 3, 2, frozen_embedding=frozen), Phase(3, 24, 3, 2))
    model, config = prior_model(case, phases=phases, clip_norm=0.5)
    return three_steps(model, config, batches(2, position_share), threads)


@pytest.mark.parametrize(("threads", "frozen"), [(1, False), (3, True)])
@every_case
def test_the_fast_step_equals_the_plain_step(case, threads, frozen):
    options = {"frozen": frozen, "position_share": 0.5 if frozen else 1.0}
    arrays, results = after_three_steps(case, **options)
    others, other_results = after_three_steps(case, threads, **options)
    np.testing.assert_allclose(other_results, results, rtol=1e-11)
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        np.testing.assert_allclose(others[name], array, atol=1e-9, err_msg=name)


def test_the_gate_is_moved_by_the_optimizer_without_weight_decay():
    model, config = prior_model(CASE, phases=(Phase(1, 24, 3, 1),))
    fast = FastStep(model, config, 2)
    gate = {name for name in model.state_dict() if name.startswith("prior.")}
    assert gate == {"prior.gate_hidden", "prior.gate_counts", "prior.gate_bias"}
    assert gate <= set(fast.optimizers.by_group["adamw_no_decay"].parameters)
    before = {name: model.state_dict()[name].copy() for name in gate}
    fast.step(1, batches())
    for name in gate:
        assert (model.state_dict()[name] != before[name]).all(), name


def test_a_gate_that_learned_with_its_own_targets_in_the_counts_trusts_them_too_much(
    monkeypatch,
):
    """The loss on another text shows it, and that on the training text does not."""
    text, other = text_of(3000, 0, 0.4), text_of(1000, 1, 0.4)
    ngrams = KneserNey.count(text, 3, V)

    def trained():
        options = {"phases": (Phase(1, 24, 3, 1),), "steps": 120, "adamw_lr": 0.02}
        model, config = prior_model(CASE, np.float32, ngrams, **options)
        fast = FastStep(model, config, 2)
        losses = [fast.step(i, batches(seed=i, text=text)).loss for i in range(1, 121)]
        valid = token_losses(model, other, 50)[0].mean()
        return np.mean(losses[-20:]), valid, gate_of(model, other).mean()

    train, valid, share = trained()
    plant_counted_targets(monkeypatch)
    wrong_train, wrong_valid, wrong_share = trained()
    assert wrong_train < train - 0.2
    assert wrong_valid > valid + 0.05
    assert wrong_share > share + 0.05


# -- the head sampled ----------------------------------------------------------------------

SAMPLED = cases_of("sampled")[0]


def sampled_step(prior, network_loss=0.3):
    """The loss and the gradients of a batch."""
    model, _ = prior_model(SAMPLED, network_loss=network_loss)
    if not prior:
        model.prior = None
    ((ids, targets, _),) = batches()
    loss = model.loss(ids, targets, rng=generator())
    loss.backward()
    return model, loss.item(), model.embedding.weight.grad, (ids, targets)


def test_with_sampled_the_network_learns_from_its_own_loss(monkeypatch):
    monkeypatch.setattr(counted, "GATE_ROWS", 72)
    model, loss, _, (ids, targets) = sampled_step(prior=True)
    assert loss == pytest.approx(loss_by_the_definition(model, ids, targets, True), rel=1e-10)
    for gate in (model.prior.gate_hidden, model.prior.gate_counts):
        gate.data[...] = 0  # else the table has a gradient through h, too
    model.zero_grad()
    model.loss(ids, targets, rng=generator()).backward()
    _, _, alone, _ = sampled_step(prior=False)
    found = model.embedding.weight.grad
    dense = [g.dense() if hasattr(g, "dense") else g for g in (found, alone)]
    np.testing.assert_allclose(dense[0], 0.3 * dense[1], atol=1e-12)
    assert model.prior.gate_counts.grad.all()


def test_with_sampled_the_gate_learns_from_some_rows(monkeypatch):
    monkeypatch.setattr(counted, "GATE_ROWS", 7)
    _, loss, _, _ = sampled_step(prior=True)
    monkeypatch.setattr(counted, "GATE_ROWS", 72)
    _, other, _, _ = sampled_step(prior=True)
    assert loss != other


def test_with_sampled_a_model_has_one_distribution_and_takes_fast_steps():
    test_p_is_the_mixture_and_sums_to_1(SAMPLED, SEEN)
    losses_are_those_of_log_prob(SAMPLED)
    phases = (Phase(1, 24, 3, 1),)
    model, config = prior_model(SAMPLED, phases=phases)
    fast = FastStep(prior_model(SAMPLED, phases=phases)[0], config, 2)
    one = train_step(model, Optimizers(model, config), 1, batches(), generator())
    other = fast.step(1, batches(), generator())
    assert (other.loss, other.grad_norm) == pytest.approx((one.loss, one.grad_norm), rel=1e-9)
    for name, array in model.state_dict().items():
        found = fast.model.state_dict()[name]
        np.testing.assert_allclose(found, array, atol=1e-9, err_msg=name)


# -- configurations ------------------------------------------------------------------------


def test_without_a_prior_the_model_is_as_it_was():
    config = CASE.config()
    model = FlashLM(config, generator(), layout=layout_of(config))
    assert model.prior is None
    assert not [name for name in model.state_dict() if "prior" in name]
    assert QUICKSTART.prior == V3.prior == "none"


def test_counts_that_do_not_fit_are_refused():
    config = replace(CASE.config(), prior="trigram")
    for ngrams, message in (
        (None, "the prior needs the counts of the training text, and there are none"),
        (
            KneserNey.count(TEXT, 2, V),
            f"the counts are 2-grams of {V} tokens, expected trigrams of {V}",
        ),
        (
            KneserNey.count(TEXT, 3, V + 1),
            f"the counts are 3-grams of {V + 1} tokens, expected trigrams of {V}",
        ),
    ):
        with pytest.raises(ValueError, match=f"^{message}$"):
            FlashLM(config, generator(), ngrams=ngrams)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"prior": "bigram"},
            "--prior is 'bigram', expected one of none, trigram, trigram_logits",
        ),
        (
            {"prior": "trigram_logits", "head": "hybrid"},
            "--prior is trigram_logits, which needs the logits of all words, and --head is "
            "hybrid; choose --head exact, or --prior trigram",
        ),
        (
            {"prior": "trigram", "z_loss": 0.1},
            "--z-loss is 0.1, expected 0: only the exact head has this option, and --prior is "
            "trigram",
        ),
    ],
)
def test_a_prior_that_cannot_be_is_refused_in_a_sentence(changes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        replace(QUICKSTART, **changes)


def test_a_prior_turns_the_options_of_the_exact_loss_off():
    config = V3.with_head("exact", "trigram")
    assert (config.prior, config.label_smoothing, config.z_loss) == ("trigram", 0, 0)
    assert config.position_share == V3.position_share
    assert config.loss_options == {}
    assert config.with_head("hybrid").prior == "trigram"
    assert config.with_head("hybrid", "none").prior == "none"
