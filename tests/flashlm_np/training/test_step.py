"""One optimizer step: the plain one of step.py, and the fast one with equal results."""

from dataclasses import replace

import numpy as np
import pytest
from tiny import optimizers_and_step, small_model, three_steps

from flashlm_np.model.config import Phase
from flashlm_np.training.fast_step import FastStep
from flashlm_np.training.learning_rates import momentum
from flashlm_np.training.optimizers import Optimizers
from flashlm_np.training.step import train_step


def batches(position_share=0.5, micro=2):
    rng = np.random.default_rng(8)

    def batch():
        ids = rng.integers(0, 31, (3, 25))
        some = rng.permutation(3 * 24)[: int(position_share * 72)]
        return ids[:, :-1], ids[:, 1:], some if position_share < 1 else None

    return [batch() for _ in range(micro)]


def after_three_steps(threads=None, position_share=0.5, frozen=False, **changes):
    """Return weights, optimizer state, averages and results after three steps in float64.

    `threads` selects the fast step. A frozen embedding is frozen for the first two steps.
    """
    phases = (Phase(1, 24, 3, 2, frozen_embedding=frozen), Phase(3, 24, 3, 2))
    options = {"phases": phases, "label_smoothing": 0.1, "z_loss": 1e-3, "clip_norm": 0.5}
    model, config = small_model(**options | changes)
    return three_steps(model, config, batches(position_share), threads)


@pytest.mark.parametrize("position_share", [0.5, 1.0])
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("fused", [True, False])
def test_the_fast_step_equals_the_plain_step(position_share, frozen, threads, fused):
    arrays, results = after_three_steps(None, position_share, frozen, fused=False)
    others, other_results = after_three_steps(threads, position_share, frozen, fused=fused)
    np.testing.assert_allclose(other_results, results, rtol=1e-12)
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        # AdamW divides by √v + 1e-8, which enlarges the rounding of tiny gradients.
        tolerance = 1e-12 if array.dtype.kind == "i" or name.endswith(("/m", "/v")) else 1e-9
        np.testing.assert_allclose(others[name], array, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("threads", [None, 2])
def test_a_frozen_embedding_does_not_change(threads):
    before = small_model()[0].state_dict()["embedding.weight"]
    frozen = (Phase(1, 24, 3, 2, frozen_embedding=True),)
    arrays, _ = after_three_steps(threads, phases=frozen)
    np.testing.assert_array_equal(arrays["embedding.weight"], before)
    assert not np.array_equal(after_three_steps(threads)[0]["embedding.weight"], before)


def test_the_gradient_of_a_batch_is_the_mean_over_its_micro_batches():
    """The reference is the mean of the losses and gradients that the engine computes."""
    model, config = small_model(label_smoothing=0.1)
    fast_step = FastStep(model, config, 2)
    losses = []
    for ids, targets, positions in batches():
        loss = model.loss(ids, targets, positions, label_smoothing=0.1)
        loss.backward(0.5)
        losses.append(loss.item())
    parameters = dict(model.named_parameters())
    expected = {n: p.grad.copy() for n, p in parameters.items() if p.grad is not None}
    result = fast_step.step(3, batches())
    assert result.loss == pytest.approx(np.mean(losses), rel=1e-12)
    squares = sum((g**2).sum() for g in expected.values())
    assert result.grad_norm == pytest.approx(squares**0.5, rel=1e-12)
    for name, gradient in expected.items():
        got = parameters[name].grad
        np.testing.assert_allclose(got, gradient, atol=1e-12, err_msg=name)


def test_a_loss_that_is_not_finite_changes_no_weight():
    model, config = small_model()
    fast_step = FastStep(model, config, 2)
    model.final_norm.scale.data[0] = np.nan
    before = {name: array.copy() for name, array in model.state_dict().items()}
    assert np.isnan(fast_step.step(3, batches()).loss)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_steps_reuse_the_large_arrays():
    model, config = small_model()
    fast_step = FastStep(model, config, 2)
    fast_step.step(3, batches())
    kept = {name: id(array) for name, array in fast_step.buffers.items()}
    fast_step.step(4, batches())
    assert kept == {name: id(array) for name, array in fast_step.buffers.items()}
    assert kept.keys() == {"z", "dw"}


@pytest.mark.parametrize("momentum_warmup", [0, 7])
def test_a_loaded_state_continues_bit_for_bit(momentum_warmup):
    options = {"phases": (Phase(1, 24, 3, 2),), "momentum_warmup": momentum_warmup}

    def new():
        model, config = small_model(**options)
        return model, Optimizers(model, config)

    model, optimizers = new()
    train_step(model, optimizers, 1, batches())
    other, others = new()
    other.load_state_dict(model.state_dict())
    others.load_state_dict(optimizers.state_dict() | {"model/of_a_checkpoint": np.zeros(1)}, 1)
    for m, o in ((model, optimizers), (other, others)):
        train_step(m, o, 2, batches())
    for name, array in (model.state_dict() | optimizers.state_dict()).items():
        found = (other.state_dict() | others.state_dict())[name]
        np.testing.assert_array_equal(found, array, err_msg=name)


def test_a_state_that_does_not_fit_is_refused():
    model, config = small_model()
    optimizers = Optimizers(model, config)
    state = optimizers.state_dict()
    with pytest.raises(ValueError, match="EMA"):
        optimizers.load_state_dict({k: a for k, a in state.items() if "embedding" not in k}, 0)
    with pytest.raises(ValueError, match="NorMuon: the state does not fit"):
        optimizers.load_state_dict(state | {"normuon/colour/m": np.zeros(2)}, 0)


def test_each_weight_is_in_one_group():
    model, config = small_model()
    groups = Optimizers(model, config).by_group
    assert [*groups["adamw"].parameters] == ["embedding.weight"]
    assert {p.ndim for p in groups["normuon"].parameters.values()} == {2}
    assert all("conv" in name for name in groups["adamw_conv"].parameters)
    assert all(p.ndim == 1 for p in groups["adamw_no_decay"].parameters.values())
    counted = sum(len(group.parameters) for group in groups.values())
    assert counted == len(model.parameters())


def test_a_model_without_convolutions_has_three_groups():
    model, config = small_model(dilations=())
    optimizers = Optimizers(model, config)
    assert [*optimizers.by_group] == ["normuon", "adamw", "adamw_no_decay"]
    assert np.isfinite(train_step(model, optimizers, 1, batches()).loss)
    optimizers.load_state_dict(optimizers.state_dict(), 1)


def test_the_momentum_rises_from_085_to_095():
    _, config = small_model(momentum_warmup=4)
    found = [momentum(config, step) for step in (1, 2, 4, 5, 10**9)]
    assert found == pytest.approx([0.875, 0.9, 0.95, 0.95, 0.95])
    assert momentum(replace(config, momentum_warmup=0), 1) == 0.95  # v3's, to the last bit


@pytest.mark.parametrize("threads", [None, 2])
def test_the_momentum_moves_the_matrices_and_nothing_else(threads):
    # With a lower β₁ the first mean of the gradient is larger: (1 - β₁) g.
    phases = {"phases": (Phase(1, 24, 3, 2),)}
    of_v3, warm = (
        after_one_step(threads, momentum_warmup=warmup, **phases) for warmup in (0, 5)
    )
    for name, array in warm.items():
        if name.startswith("normuon/") and name.endswith("/m"):
            np.testing.assert_allclose(array, of_v3[name] * (1 - 0.87) / (1 - 0.95))
        elif name.startswith("adamw"):
            np.testing.assert_array_equal(array, of_v3[name], err_msg=name)


def after_one_step(threads, **changes):
    """The state of the optimizers after a step."""
    model, config = small_model(**changes)
    optimizers, step = optimizers_and_step(model, config, threads)
    step(1, batches())
    return optimizers.state_dict()


def test_a_run_that_is_shorter_than_its_warm_up_only_warms_up():
    model, config = small_model(steps=3, schedule_steps=0, warmup_steps=10, decay_share=0.5)
    factor = Optimizers(model, config).factor
    assert [factor(step) for step in (1, 2, 3, 9)] == [0.1, 0.2, 0.3, 0.9]
    assert factor(10) == 0.0


def test_the_state_has_no_entries_of_weights_that_have_taken_no_step():
    model, config = small_model(phases=(Phase(1, 24, 3, 2, frozen_embedding=True),))
    optimizers = Optimizers(model, config)
    train_step(model, optimizers, 1, batches())
    state = optimizers.state_dict()
    stepped = [key for key in state if not key.startswith("ema/")]
    assert not any(key.startswith("adamw/") or "/block.router" in key for key in stepped)
    again = Optimizers(model, config)
    again.load_state_dict(state, 1)
    assert again.state_dict().keys() == state.keys()
    with pytest.raises(ValueError, match="have taken 1 steps, expected 1,000,000,000"):
        again.load_state_dict(state, 10**9)  # a loop over so many steps would not end
    # Of a weight that has taken steps, nothing may be missing.
    for lost in ("normuon/block.glu.up_proj.weight/v", "adamw_conv/", "adamw_no_decay/", ""):
        kept = {
            k: a for k, a in state.items() if k.startswith("ema/") or not k.startswith(lost)
        }
        with pytest.raises(ValueError, match=r"the state does not fit:\n  missing: block"):
            again.load_state_dict(kept, 1)
    optimizers.config = again.config = replace(config, phases=(Phase(1, 24, 3, 2),))
    with pytest.raises(ValueError, match=r"\n  missing: embedding.weight/m "):
        again.load_state_dict(state, 1)


def test_the_learning_rates_warm_up_stay_constant_and_decay():
    model, config = small_model(steps=10, schedule_steps=0, warmup_steps=2, decay_share=0.5)
    factor = Optimizers(model, replace(config, steps=10)).factor
    assert [factor(step) for step in (1, 2, 5, 10, 11)] == [0.5, 1.0, 1.0, 1 - 5 / 6, 0.0]
