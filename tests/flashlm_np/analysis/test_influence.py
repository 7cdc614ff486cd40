"""What a position sees: the gradients against differences, and the holes of convolutions."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from model_parts import PARTS
from tiny import small_model

from flashlm_np.analysis.influence import influence
from flashlm_np.model.models import new_model
from flashlm_np.model.presets import MATMUL_FREE
from minigrad import Tensor

IDS = np.random.default_rng(1).integers(0, 31, (2, 30))
TARGETS = np.array([3, 17])


def slow_influence(model, ids, step=1e-5):
    """By differences of each number of each row of the embedding."""
    rows = model.embedding.weight.data[ids]  # (B, T, D)
    gradient = np.zeros_like(rows)
    for index in np.ndindex(rows.shape):
        losses = []
        for side in (step, -step):
            moved = rows[index[0]].copy()
            moved[index[1:]] += side
            losses.append(text_loss(model, moved, TARGETS[index[0]]))
        gradient[index] = (losses[0] - losses[1]) / (2 * step)
    return np.linalg.norm(gradient, axis=2).mean(axis=0)[::-1]


def text_loss(model, rows, target):
    """The loss of one text whose rows (T, D) enter the first block as they are."""
    x = first = Tensor(rows[None])
    for r, block in enumerate(model.applications()):
        x = block(model.first_skip(x, first, r) if model.first_skip and r else x)
    h = model.final_norm(x).data[:, -1]
    return float(model.nll(h, np.zeros((1, 2), int), np.array([target]))[0])


@pytest.mark.parametrize("part", ["attention", "mlgru", "depthwise", "first skip"])
def test_the_influence_is_that_of_small_changes(part):
    model, _ = small_model(**PARTS[part])
    found = influence(model, IDS[:, :7], TARGETS)
    expected = slow_influence(model, IDS[:, :7])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)


def test_convolutions_have_holes_and_an_end():
    """With the taps 2 and the dilations 1 and 5, applied twice, few lags are reached."""
    model, config = small_model(taps=2, dilations=(1, 5))
    seen = np.flatnonzero(influence(model, IDS, TARGETS)).tolist()
    one = {a + b for a in (0, 1) for b in (0, 5)}
    assert seen == sorted({a + b for a, b in itertools.product(one, one)})
    assert seen[-1] + 1 == config.receptive_field == 13
    assert {3, 4, 8, 9} & set(seen) == set()


@pytest.mark.parametrize("mixer", ["attention", "mlgru"])
def test_the_other_mixers_see_all(mixer):
    model, _ = small_model(mixer=mixer)
    assert (influence(model, IDS, TARGETS) > 0).all()


@pytest.mark.parametrize("part", PARTS)
def test_any_model_has_an_influence_also_with_a_frozen_table(part):
    model, _ = small_model(**PARTS[part])
    found = influence(model, IDS, TARGETS)
    assert found.shape == (30,)
    assert found[0] > 0
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())
    model.embedding.weight.requires_grad = False
    np.testing.assert_array_equal(influence(model, IDS, TARGETS), found)
    assert not model.embedding.weight.requires_grad


def test_the_matmul_free_model_has_an_influence_too():
    config = replace(MATMUL_FREE, vocab_size=31, d_model=16, blocks=2, seed=1)
    model = new_model(config, np.random.default_rng(0))
    found = influence(model, IDS, TARGETS)
    assert found.shape == (30,)
    assert (found > 0).all()


def test_the_influence_of_texts_is_the_mean_of_theirs():
    model, _ = small_model(mixer="mlgru")
    alone = [influence(model, IDS[b : b + 1], TARGETS[b : b + 1]) for b in (0, 1)]
    both = influence(model, IDS, TARGETS)
    np.testing.assert_allclose(both, (alone[0] + alone[1]) / 2, rtol=1e-10)
