"""Training steps of the model's parts beside v3's, and of the other optimizers and schedule."""

from dataclasses import replace

import numpy as np
import pytest
from model_parts import PARTS
from tiny import CONFIG, optimizers_and_step, small_model

from flashlm_np.model.config import Phase
from flashlm_np.training.learning_rates import rate_factor, steps_without_learning
from flashlm_np.training.optimizers import Optimizers
from minigrad.optim import LazyAdamW

OPTIMIZERS = {
    "adamw": {"matrix_optimizer": "adamw", "weight_decay": 0.2},
    "decayed gains": {"decay_gains": True, "weight_decay": 0.2},
}
CHANGES = PARTS | OPTIMIZERS
every_change = pytest.mark.parametrize("change", CHANGES)


def batches(seed=8):
    ids = np.random.default_rng(seed).integers(0, 31, (3, 25))
    return [(ids[:, :-1], ids[:, 1:], None)]


def new(change, threads=None):
    model, config = small_model(**CHANGES[change], phases=(Phase(1, 24, 3, 1),))
    return model, *optimizers_and_step(model, config, threads)


def arrays_of(model, optimizers):
    return model.state_dict() | optimizers.state_dict()


@every_change
def test_the_fast_step_equals_the_plain_step(change):
    plain, fast = new(change), new(change, threads=2)
    for step in (1, 2, 3):
        result, other = plain[2](step, batches(step)), fast[2](step, batches(step))
        assert other.loss == pytest.approx(result.loss, rel=1e-11)
        assert other.grad_norm == pytest.approx(result.grad_norm, rel=1e-11)
    arrays, others = arrays_of(*plain[:2]), arrays_of(*fast[:2])
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        np.testing.assert_allclose(others[name], array, atol=1e-8, err_msg=name)


@every_change
def test_every_parameter_moves_and_is_in_one_group(change):
    model, optimizers, step = new(change)
    before = {name: array.copy() for name, array in model.state_dict().items()}
    for number in (1, 2):
        step(number, batches())
    for name, array in model.state_dict().items():
        assert np.array_equal(array, before[name]) == ("router" in name), name
        assert np.isfinite(array).all()
    names = [n for group in optimizers.by_group.values() for n in group.parameters]
    assert sorted(names) == sorted(n for n, _ in model.named_parameters())


@every_change
def test_a_loaded_state_continues_bit_for_bit(change):
    first, other = new(change, threads=2), new(change, threads=2)
    first[2](1, batches())
    other[0].load_state_dict(first[0].state_dict())
    other[1].load_state_dict(first[1].state_dict(), 1)
    for _, _, step in (first, other):
        step(2, batches(seed=9))
    for name, array in arrays_of(*first[:2]).items():
        np.testing.assert_array_equal(arrays_of(*other[:2])[name], array, err_msg=name)


def test_the_groups_of_a_model_with_all_parts():
    changes = {"matrix_optimizer": "adamw", "decay_gains": True}
    groups = Optimizers(*small_model(**PARTS["all"], **changes)).by_group
    assert isinstance(groups["adamw_pairs"], LazyAdamW)
    assert [*groups["adamw_pairs"].parameters] == ["bigrams.weight"]
    assert [*groups] == ["adamw", "adamw_conv", "adamw_matrices", "adamw_pairs", "adamw_gains"]
    assert all(p.ndim == 2 for p in groups["adamw_matrices"].parameters.values())
    gains = groups["adamw_gains"].parameters
    assert {"block.mixer_gain", "first_skip.a", "first_skip.b"} <= gains.keys()


def test_weight_decay_makes_all_weights_smaller_if_gains_decay_too():
    """With the learning rate of v4, a gain of 1 without a gradient loses rate · decay."""
    _, optimizers, _ = new("decayed gains")
    model, config = small_model(**CHANGES["decayed gains"])
    optimizers = Optimizers(model, config)
    before = model.final_norm.scale.data.copy()
    model.final_norm.scale.grad = np.zeros(16)
    optimizers.by_group["adamw_gains"].step()
    kept = 1 - config.adamw_lr * config.weight_decay
    np.testing.assert_allclose(model.final_norm.scale.data, before * kept, rtol=1e-12)


def test_the_cosine_ends_at_its_floor():
    config = replace(CONFIG, steps=10, schedule_steps=0, warmup_steps=2, decay_share=0.5)
    config = replace(config, schedule="cosine", schedule_floor=0.1)
    factors = [rate_factor(config, step) for step in (1, 2, 10, 11, 500)]
    late = 0.1 + 0.9 * (1 + np.cos(np.pi * 8 / 9)) / 2
    assert factors == pytest.approx([0.5, 1.0, late, 0.1, 0.1], rel=1e-12)
    longer = replace(config, schedule_steps=5)
    assert steps_without_learning(longer) is None
    assert "are 0 after step 5" in steps_without_learning(replace(longer, schedule_floor=0.0))
