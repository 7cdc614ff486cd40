"""A tiny FlashLM with each output layer: its steps, the order of its words, and its uses."""

from dataclasses import replace

import numpy as np
import pytest
from head_cases import EXACT_IN_TRAINING, HEAD_CASES, V, batches, head_model, layout_of
from tiny import CONFIG, three_steps

from flashlm_np.evaluation.evaluate import token_losses
from flashlm_np.inference.export import pack_weights, unpack_weights
from flashlm_np.inference.generate import generate
from flashlm_np.inference.streaming import Stream
from flashlm_np.inference.text_generator import generate_fast
from flashlm_np.model.config import Phase
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.heads import new_layout
from flashlm_np.model.weights import model_with_weights
from flashlm_np.training.fast_step import FastStep
from flashlm_np.training.optimizers import Optimizers
from flashlm_np.training.step import train_step
from minigrad import no_grad

every_case = pytest.mark.parametrize("case", HEAD_CASES, ids=str)
IDS = np.random.default_rng(1).integers(0, V, (2, 40))
TARGETS = np.random.default_rng(2).integers(0, V, (2, 40))


def generator():
    return np.random.default_rng(3)


# -- steps ---------------------------------------------------------------------------------


def after_three_steps(case, threads=None, frozen=False, position_share=1.0, micro=1):
    """Weights, optimizer state, averages and results; `threads` selects the fast step."""
    phases = (Phase(1, 24, 3, micro, frozen_embedding=frozen), Phase(3, 24, 3, micro))
    model, config = head_model(case, phases=phases, clip_norm=0.5)
    return three_steps(model, config, batches(micro, position_share), threads, generator())


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
@every_case
def test_the_fast_step_equals_the_plain_step(case, threads, frozen):
    # The plain step draws candidates for each micro-batch, the fast step once for all.
    micro = 1 if case.head == "sampled" else 2
    options = {"frozen": frozen, "position_share": 0.5 if frozen else 1.0, "micro": micro}
    arrays, results = after_three_steps(case, **options)
    others, other_results = after_three_steps(case, threads, **options)
    np.testing.assert_allclose(other_results, results, rtol=1e-11)
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        # AdamW divides by √v + 1e-8, which enlarges the rounding of tiny gradients.
        tolerance = 1e-12 if array.dtype.kind == "i" or name.endswith(("/m", "/v")) else 1e-9
        np.testing.assert_allclose(others[name], array, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("threads", [None, 2])
@every_case
def test_a_frozen_embedding_stays_and_the_head_learns(case, threads):
    before = head_model(case)[0].state_dict()
    phases = (Phase(1, 24, 3, 1, frozen_embedding=True),)
    model, config = head_model(case, phases=phases)
    if threads:
        FastStep(model, config, threads).step(1, batches(), generator())
    else:
        train_step(model, Optimizers(model, config), 1, batches(), generator())
    for name, array in model.state_dict().items():
        is_table = name in ("embedding.weight", "lm_head.weight")
        if is_table or name.startswith("lm_head."):
            assert np.array_equal(array, before[name]) == is_table, name


@every_case
def test_twenty_steps_reduce_the_loss(case):
    """The exact one, also of the head sampled, whose loss in training is another."""
    model, config = head_model(case, np.float32, phases=(Phase(1, 24, 3, 1),), steps=20)
    fast_step, rng = FastStep(model, config, 2), generator()
    ((ids, targets, _),) = batches()

    def exact_loss():
        rows = model.layout.rows(targets.ravel())
        with no_grad():
            h = model.hidden_rows(ids).data
        return model.lm_head.nll(h, model.embedding.weight.data, rows).mean()

    before = exact_loss()
    losses = [fast_step.step(step, batches(), rng).loss for step in range(1, 21)]
    assert np.isfinite(losses).all()
    assert exact_loss() < before - 0.5


@every_case
def test_a_loaded_state_continues_bit_for_bit(case):
    def new():
        return FastStep(*head_model(case, phases=(Phase(1, 24, 3, 1),)), threads=2)

    first, other = new(), new()
    first.step(1, batches(), generator())
    other.model.load_state_dict(first.model.state_dict())
    other.optimizers.load_state_dict(first.optimizers.state_dict(), 1)
    states = []
    for fast_step in (first, other):
        fast_step.step(2, batches(seed=9), generator())
        states.append(fast_step.model.state_dict() | fast_step.optimizers.state_dict())
    assert states[0].keys() == states[1].keys()
    for name, array in states[0].items():
        np.testing.assert_array_equal(states[1][name], array, err_msg=name)


@every_case
def test_the_gradients_of_the_whole_model_are_right(case):
    """Each along a random direction. A ternary matrix returns its surrogate's, not its own."""
    model, _ = head_model(case)
    positions, ternary = np.array([3, 70, 11, 40, 3]), ("_proj.", "router.")

    def loss():
        return model.loss(IDS, TARGETS, positions, generator())

    loss().backward()
    for name, parameter in model.named_parameters():
        if any(part in name for part in ternary):
            continue
        direction = generator().standard_normal(parameter.shape)
        start, losses = parameter.data.copy(), []
        for step in (1e-5, -1e-5):
            parameter.data[...] = start + step * direction
            losses.append(loss().item())
        parameter.data[...] = start
        expected = (losses[0] - losses[1]) / 2e-5
        found = (direction * parameter.grad).sum()
        assert found == pytest.approx(expected, rel=1e-5, abs=1e-8), name


# -- the order of the words ------------------------------------------------------------------


def permuted(model, config, layout):
    """The same model with its rows in the layout's order."""
    other = FlashLM(config, np.random.default_rng(0), np.float64, layout=layout)
    weights = model.state_dict()
    for name in ("embedding.weight", "lm_head.weight"):
        weights[name] = weights[name][layout.order]
    other.load_state_dict(weights)
    return other


def test_an_exact_head_with_another_order_of_the_rows_is_the_same_model():
    exact, two_level = HEAD_CASES[0], HEAD_CASES[2]
    model, config = head_model(exact)
    layout = layout_of(two_level.config())
    assert not layout.is_identity
    other = permuted(model, config, layout)
    for a, b in (
        (model(IDS).data, other(IDS).data),
        (model.next_logits(IDS), other.next_logits(IDS)),
        (model.loss(IDS, TARGETS).data, other.loss(IDS, TARGETS).data),
        (token_losses(model, IDS[0], 30), token_losses(other, IDS[0], 30)),
    ):
        np.testing.assert_allclose(a, b, rtol=1e-11)
    for m in (model, other):
        m.loss(IDS, TARGETS).backward()
    gradients = model.embedding.weight.grad, other.embedding.weight.grad
    np.testing.assert_allclose(gradients[1], gradients[0][layout.order], atol=1e-13)


@every_case
def test_scores_are_those_of_the_tokens(case):
    """The score of token v is that of its row, and embedding[v] is its row's vector."""
    model, _ = head_model(case)
    layout, table = model.layout, model.embedding.weight.data
    with no_grad():
        h = model.hidden(IDS).data[:, -1]  # (B, D)
        x = model.embedding(layout.rows(IDS)).data
    np.testing.assert_array_equal(x[0, 3], table[list(layout.order).index(IDS[0, 3])])
    z = model.next_logits(IDS)  # (B, V)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    by_row = model.lm_head.log_prob(h, table)
    for row, token in enumerate(layout.order):
        np.testing.assert_allclose(log_p[:, token], by_row[:, row], rtol=1e-10)
        rows = np.full(len(h), row)
        nll = model.lm_head.nll(h, table, rows)
        np.testing.assert_allclose(log_p[:, token], -nll, rtol=1e-10)
    np.testing.assert_allclose(model(IDS).data[:, -1], z, rtol=1e-12)


@pytest.mark.parametrize("case", EXACT_IN_TRAINING, ids=str)
def test_the_loss_is_that_of_the_target_tokens(case):
    model, _ = head_model(case)
    z = model(IDS).data.reshape(-1, V)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    for positions in (None, np.array([7, 7, 0, 79])):
        of = slice(None) if positions is None else positions
        expected = -log_p[np.arange(80), TARGETS.ravel()][of].mean()
        loss = model.loss(IDS, TARGETS, positions, generator()).item()
        assert loss == pytest.approx(expected, rel=1e-10)


def test_the_names_and_numbers_of_v3_do_not_change():
    """A head brings parameters of its own, and changes no other name and no other number."""
    config = replace(CONFIG, vocab_size=V)
    exact = FlashLM(config, generator()).state_dict()
    for case in HEAD_CASES:
        other = FlashLM(case.config(), generator()).state_dict()
        own = {n for n in other if n.startswith("lm_head.") and n != "lm_head.weight"}
        assert exact.keys() == other.keys() - own
        assert bool(own) == (case.head not in ("exact", "sampled"))
        for name, array in exact.items():
            np.testing.assert_array_equal(array, other[name])


# -- uses ------------------------------------------------------------------------------------


@every_case
def test_streaming_equals_the_forward_pass(case):
    model, _ = head_model(case)
    stream, ids = Stream(model), IDS[0]
    with no_grad():
        full = model(ids[None]).data[0]
    state = stream.state()
    stream.prefill(state, ids[:9])
    for t in range(9, len(ids)):
        np.testing.assert_allclose(stream.step(state, ids[t]), full[t], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("sampling", [{"temperature": 0}, {"temperature": 2.0}, {"top_k": 5}])
@every_case
def test_generation_equals_fast_generation(case, sampling):
    model, _ = head_model(case)
    prompt = np.array([5, 17, 0])
    slow, fast = (
        list(form(model, prompt, 30, generator(), **sampling))
        for form in (generate, generate_fast)
    )
    assert slow == fast
    assert set(slow) <= set(range(V))


@every_case
def test_the_losses_of_an_evaluation_are_those_of_the_logits(case, monkeypatch):
    model, config = head_model(case)
    tokens = np.random.default_rng(3).integers(0, V, 90)
    z = model(tokens[None, :-1]).data[0]
    expected = np.log(np.exp(z).sum(axis=1)) - z[np.arange(89), tokens[1:]]
    monkeypatch.setattr("flashlm_np.evaluation.evaluate.WINDOW", 13)
    monkeypatch.setattr("flashlm_np.evaluation.evaluate.ROWS", 5)
    true, smoothed = token_losses(model, tokens, config.receptive_field)
    np.testing.assert_allclose(true, expected, rtol=1e-10)
    assert np.isnan(smoothed).all() == (case.head not in ("exact", "sampled"))


@pytest.mark.parametrize("head", ["int8", "float16"])
@every_case
def test_a_packed_model_has_nearly_the_same_losses(case, head):
    model, config = head_model(case, np.float32)
    packed = pack_weights(config, model.state_dict(), head=head)
    weights = unpack_weights(packed.config, packed.arrays, packed.encoding)
    again = model_with_weights(packed.config, weights, model.layout.arrays())
    tokens = np.random.default_rng(3).integers(0, V, 200)
    before, after = (token_losses(m, tokens, 30)[0] for m in (model, again))
    assert np.abs(after - before).max() < 0.3
    assert abs(after.mean() - before.mean()) < 0.02


def test_a_layout_without_counts_needs_no_text():
    for case in HEAD_CASES:
        layout = new_layout(case.config())
        assert sorted(layout.order) == list(range(V))
        model = FlashLM(case.config(), generator())
        model.lm_head.initialize(model.embedding.weight.data)
        assert np.isfinite(model.next_logits(IDS)).all()
