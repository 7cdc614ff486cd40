"""A training step of the MatMul-free model: on all cores as on one, and bit for bit again."""

from dataclasses import replace

import numpy as np
import pytest
from tiny import three_steps

from flashlm_np.model.config import Phase
from flashlm_np.model.models import new_model
from flashlm_np.model.presets import MATMUL_FREE

CONFIG = replace(
    MATMUL_FREE,
    vocab_size=31,
    d_model=16,
    blocks=3,
    glu_ratio=2.0,
    warmup_steps=2,
    phases=(Phase(1, 20, 4, 2, frozen_embedding=True), Phase(3, 20, 4, 2)),
)
FORMS = {
    "code": {},
    "composed": {"fused": False},
    "paper": {"gru_gate": "paper", "lower_bounds": False, "matrix_optimizer": "normuon"},
}
every_form = pytest.mark.parametrize("form", FORMS)


def steps(form, threads, share=1.0):
    """The state after three steps, of which two have the embedding frozen."""
    config = replace(CONFIG, **FORMS[form])
    model = new_model(config, np.random.default_rng(5), np.float64)
    rng, batches = np.random.default_rng(0), []
    for _ in range(2):
        ids = rng.integers(0, 31, (4, 21))
        positions = None if share == 1 else np.sort(rng.permutation(80)[: int(80 * share)])
        batches.append((ids[:, :-1], ids[:, 1:], positions))
    return three_steps(model, config, batches, threads)


@every_form
@pytest.mark.parametrize("share", [1.0, 0.25])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_step_on_all_cores_equals_the_plain_one(form, share, threads):
    (plain, results), (fast, others) = steps(form, None, share), steps(form, threads, share)
    np.testing.assert_allclose(others, results, rtol=1e-10)
    assert fast.keys() == plain.keys()
    for name, array in plain.items():
        tolerance = 1e-10 * max(1.0, np.abs(array).max())
        np.testing.assert_allclose(fast[name], array, atol=tolerance, err_msg=name)


@every_form
@pytest.mark.parametrize("threads", [None, 2])
def test_steps_repeat_bit_for_bit(form, threads):
    (first, results), (again, others) = steps(form, threads), steps(form, threads)
    assert results == others
    for name, array in first.items():
        np.testing.assert_array_equal(again[name], array, err_msg=name)


@pytest.mark.parametrize("threads", [None, 2])
def test_a_frozen_embedding_stays_and_the_head_learns(threads):
    config = replace(CONFIG, phases=(Phase(1, 20, 4, frozen_embedding=True),))
    model = new_model(config, np.random.default_rng(5), np.float64)
    before = {name: array.copy() for name, array in model.state_dict().items()}
    ids = np.random.default_rng(0).integers(0, 31, (4, 21))
    three_steps(model, config, [(ids[:, :-1], ids[:, 1:], None)], threads)
    moved = {
        name for name, array in model.state_dict().items() if (array != before[name]).any()
    }
    assert before.keys() - moved == {"model.embeddings.weight"}
