"""The model's parts, and FlashLM v4, equal an independent model in PyTorch to 1e-9."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from model_parts import PARTS
from tiny import small_model

from flashlm_np.model.phase import Phase
from flashlm_np.model.presets import V4
from flashlm_np.training.optimizers import Optimizers
from flashlm_np.training.step import train_step

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `parity`")

from torch_equality import (  # noqa: E402  (needs torch)
    loss_and_gradients_are_equal,
    with_weights_of,
)

from benchmarks import torch_flashlm as tf  # noqa: E402
from benchmarks import torch_sampled  # noqa: E402
from benchmarks.torch_parts import Model, make_optimizers  # noqa: E402

SMALL_V4 = {
    **{field: value for field, value in V4.to_dict().items() if field != "phases"},
    **{"d_model": 16, "blocks": 3, "taps": 4, "conv_groups": 4},
}
# The convolutions of PyTorch's model have full precision.
CASES = {name: changes for name, changes in PARTS.items() if name != "ternary depthwise"}
CASES |= {f"all, {s}": PARTS["all"] | {"ternary_scale": s} for s in ("none", "kept")}
CASES["small v4"] = {n: v for n, v in SMALL_V4.items() if n not in ("vocab_size", "dilations")}


STEPS = {
    **{"matrix_optimizer": "adamw", "decay_gains": True, "schedule": "cosine"},
    **{"weight_decay": 0.1, "label_smoothing": 0.1, "z_loss": 1e-4, "clip_norm": 0.5},
    "phases": (Phase(1, 40, 8),),
}


@pytest.mark.parametrize("case", CASES)
def test_logits_loss_and_gradients_equal_those_of_pytorch(case):
    ours, config = small_model(**CASES[case])
    theirs = with_weights_of(ours, Model(config))
    ids = np.random.default_rng(0).integers(0, 31, (2, 30))
    targets = np.random.default_rng(1).integers(0, 31, (2, 30))
    positions = np.array([3, 50, 11, 3, 29])
    with torch.no_grad():
        np.testing.assert_allclose(ours(ids).data, theirs(torch.from_numpy(ids)), rtol=1e-9)
    loss_and_gradients_are_equal(ours, theirs, ids, targets, positions)


@pytest.mark.parametrize("case", ["all", "small v4", "attention", "mlgru"])
def test_three_steps_move_every_weight_as_pytorch_does(case):
    """With AdamW, which moves a row without a gradient on; so each row has one in each step."""
    ours, config = small_model(**CASES[case] | STEPS)
    theirs = with_weights_of(ours, Model(config))
    optimizers, others = Optimizers(ours, config), make_optimizers(theirs, config)
    ids = np.random.default_rng(0).integers(0, 31, (8, 41))
    positions = np.arange(8 * 40)
    for step in (1, 2, 3):
        result = train_step(ours, optimizers, step, [(ids[:, :-1], ids[:, 1:], positions)])
        rows = map(torch.from_numpy, (ids[:, :-1].copy(), ids[:, 1:].copy(), positions))
        loss, norm = tf.train_step(
            theirs, others, [tuple(rows)], factor=optimizers.factor(step), max_norm=0.5
        )
        assert (loss, norm) == pytest.approx((result.loss, result.grad_norm), rel=1e-9)
    for name, array in ours.state_dict().items():
        np.testing.assert_allclose(theirs.state_dict()[name], array, atol=1e-8, err_msg=name)


SAMPLED = {
    **{"head": "sampled", "candidates": 9, "label_smoothing": 0.0, "z_loss": 0.0},
    **{"mixer": "attention", "attention_taps": 3, "output_gains": True, "bigram_rows": 13},
    **{"conv_lr_ratio": 0.1, "weight_decay": 0.2, "clip_norm": 0.5, "normuon_lr": 0.01},
    "phases": (Phase(1, 9, 2),),
}


def test_six_steps_of_the_sampled_head_move_every_weight_as_pytorch_does(monkeypatch):
    """Each batch has few of the 31 words, so a row waits one step, or several, for its next."""
    ours, config = small_model(**SAMPLED)
    theirs = with_weights_of(ours, Model(config))
    optimizers, others = Optimizers(ours, config), make_optimizers(theirs, config)
    candidates, texts = ours.lm_head.candidates, np.random.default_rng(0)
    rng, same_rng = np.random.default_rng(1), np.random.default_rng(1)
    log_p, draw = torch.from_numpy(candidates.log_p), partial(candidates.draw, same_rng)
    monkeypatch.setattr(tf, "training_loss", torch_sampled.training_loss(draw, log_p))
    for step in range(1, 7):
        ids = texts.integers(0, 31, (2, 2, 10))
        batches = [(part[:, :-1], part[:, 1:], np.arange(2, 17)) for part in ids]
        result = train_step(ours, optimizers, step, batches, rng)
        loss, norm = tf.train_step(
            theirs,
            others,
            [tuple(torch.from_numpy(a.copy()) for a in batch) for batch in batches],
            factor=optimizers.factor(step),
            max_norm=config.clip_norm,
            clip=torch_sampled.clip_grad_norm_,
        )
        assert (loss, norm) == pytest.approx((result.loss, result.grad_norm), rel=1e-9)
    for name, array in ours.state_dict().items():
        np.testing.assert_allclose(theirs.state_dict()[name], array, atol=1e-8, err_msg=name)


def test_v4_has_the_same_size_in_pytorch():
    model = Model(replace(V4, vocab_size=10_000))
    assert sum(p.numel() for p in model.parameters()) == 4_364_736
