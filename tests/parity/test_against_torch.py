"""FlashLM equals the independent PyTorch model at v3's full size: V = 50,257, D = 256.

Both start from the same weights in float64 and take one whole training step.
"""

import numpy as np
import pytest
from parity.golden import close

from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.presets import V3
from flashlm_np.training.fast_step import FastStep

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `parity`")

from torch_equality import with_weights_of  # noqa: E402  (needs torch)

from benchmarks import torch_flashlm as tf  # noqa: E402  (needs torch)

B, T = 2, 24


@pytest.fixture(scope="module")
def pair():
    ours = FlashLM(V3, np.random.default_rng(3), np.float64)
    return ours, with_weights_of(ours, tf.FlashLM())


@pytest.fixture(scope="module")
def batches():
    rng = np.random.default_rng(4)

    def batch():
        ids = rng.integers(0, V3.vocab_size, (B, T + 1))
        return ids[:, :-1], ids[:, 1:], rng.permutation(B * T)[: B * T // 4]

    return [batch(), batch()]


def test_state_dicts_have_the_same_names_and_shapes(pair):
    ours, theirs = pair
    shapes = {name: tuple(p.shape) for name, p in theirs.state_dict().items()}
    assert {name: a.shape for name, a in ours.state_dict().items()} == shapes
    assert sum(p.size for p in ours.parameters()) == 13_555_969


def test_logits_are_equal(pair, batches):
    ours, theirs = pair
    ids = batches[0][0]
    with torch.no_grad():
        close(ours(ids).data, theirs(torch.from_numpy(ids)).numpy())


def test_one_training_step_is_equal(pair, batches):
    ours, theirs = pair
    step = 1000  # the embedding is trained from this step on
    fast_step = FastStep(ours, V3)
    result = fast_step.step(step, batches)
    tensors = [tuple(map(torch.from_numpy, map(np.ascontiguousarray, b))) for b in batches]
    average = tf.EMA(theirs)
    loss, norm = tf.train_step(
        theirs, tf.make_optimizers(theirs), tensors, factor=tf.schedule(step), ema=average
    )
    assert result.loss == pytest.approx(float(loss), rel=1e-9)
    assert result.grad_norm == pytest.approx(float(norm), rel=1e-9)
    for name, p in theirs.named_parameters():
        close(ours.state_dict()[name], p.detach().numpy(), name=name)
    for name, expected in average.state_dict().items():
        close(
            fast_step.optimizers.ema.average[name], expected.numpy(), name=f"average of {name}"
        )
