"""The MatMul-free model equals an independent one in PyTorch to 1e-9, in float64."""

from dataclasses import replace

import numpy as np
import pytest

from flashlm_np.model.models import new_model
from flashlm_np.model.phase import Phase
from flashlm_np.model.presets import MATMUL_FREE
from flashlm_np.training.optimizers import Optimizers
from flashlm_np.training.step import train_step

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `parity`")

from torch_equality import (  # noqa: E402  (needs torch)
    loss_and_gradients_are_equal,
    with_weights_of,
)

from benchmarks import torch_flashlm as tf  # noqa: E402
from benchmarks.torch_matmul_free import Model, make_optimizers  # noqa: E402

SIZES = {"vocab_size": 31, "d_model": 16, "blocks": 3, "glu_ratio": 2.5}
LOSS = {"clip_norm": 0.5, "label_smoothing": 0.1, "z_loss": 1e-4}  # torch_flashlm.py's loss
STEPS = {"warmup_steps": 2, "steps": 3, "phases": (Phase(1, 20, 4),)}
CONFIG = replace(MATMUL_FREE, **SIZES, **LOSS, **STEPS)
FORMS = {
    "code": {},
    "composed": {"fused": False},
    "paper": {"gru_gate": "paper", "lower_bounds": False},
    "decayed gains": {"decay_gains": True, "weight_decay": 0.3},
}
IDS = np.random.default_rng(0).integers(0, 31, (4, 21))


def pair(form):
    """A model with random numbers everywhere, the same in PyTorch, and their configuration."""
    config, rng = replace(CONFIG, **FORMS[form]), np.random.default_rng(5)
    ours = new_model(config, rng, np.float64)
    for p in ours.parameters():
        p.data += 0.1 * rng.standard_normal(p.shape)
    return ours, with_weights_of(ours, Model(config)), config


@pytest.mark.parametrize("form", FORMS)
def test_logits_loss_and_gradients_equal_those_of_pytorch(form):
    ours, theirs, _ = pair(form)
    ids, targets, positions = IDS[:, :-1].copy(), IDS[:, 1:].copy(), np.array([3, 50, 11, 3])
    with torch.no_grad():
        expected = theirs(torch.from_numpy(ids))  # where our sums of integers are 0, 1e-17
        np.testing.assert_allclose(ours(ids).data, expected, rtol=1e-9, atol=1e-12)
    loss_and_gradients_are_equal(ours, theirs, ids, targets, positions)


@pytest.mark.parametrize("form", FORMS)
def test_three_steps_move_every_weight_as_pytorch_does(form):
    ours, theirs, config = pair(form)
    optimizers, others = Optimizers(ours, config), make_optimizers(theirs, config)
    positions = np.arange(80)
    for step in (1, 2, 3):
        result = train_step(ours, optimizers, step, [(IDS[:, :-1], IDS[:, 1:], positions)])
        rows = map(torch.from_numpy, (IDS[:, :-1].copy(), IDS[:, 1:].copy(), positions))
        options = {"factor": optimizers.factor(step), "max_norm": 0.5}
        expected = tf.train_step(theirs, others, [tuple(rows)], **options)
        assert (result.loss, result.grad_norm) == pytest.approx(expected, rel=1e-9)
    for name, array in ours.state_dict().items():
        np.testing.assert_allclose(theirs.state_dict()[name], array, atol=1e-8, err_msg=name)
