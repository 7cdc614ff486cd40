"""The costs of the MatMul-free model are those that its formulas have."""

from dataclasses import replace

import numpy as np
import pytest

from flashlm_np.analysis.costs import cost_summary, token_costs, total
from flashlm_np.analysis.inspection import inspect_model
from flashlm_np.analysis.matmul_free_costs import absmean_matrices
from flashlm_np.analysis.multiply_adds import multiply_adds
from flashlm_np.model.config import Phase
from flashlm_np.model.matmul_free.shapes import block_matrices, matrix_shapes, parameter_count
from flashlm_np.model.models import new_model
from flashlm_np.model.presets import MATMUL_FREE


def model_and_config(**changes):
    config = replace(MATMUL_FREE, vocab_size=40, d_model=24, **changes)
    return new_model(config, np.random.default_rng(0)), config


@pytest.mark.parametrize("blocks", [1, 3])
def test_the_products_of_a_token_are_counted(blocks):
    """Per block 40 D + 8 H, at the end 7 D + V, and what a root, an e^x and a division take."""
    model, config = model_and_config(blocks=blocks)
    V, D, H, L = 40, 24, 72, blocks
    every = total(token_costs(model, config))
    sigmoids, norms, bit_linears = L * (3 * D + H), 3 * L + 1, 6 * L + 1
    own = L * (40 * D + 8 * H) + 7 * D + V
    assert every.multiplications == own + 2 * sigmoids + 2 * norms + 3 * bit_linears
    assert every.parameters == parameter_count(config)
    assert every.ternary_parameters == sum(a * b for a, b in matrix_shapes(config).values())


def test_the_paper_form_costs_less():
    code, paper = (
        total(token_costs(*model_and_config(blocks=2, **changes)))
        for changes in ({}, {"gru_gate": "paper", "lower_bounds": False})
    )
    D, L = 24, 2
    assert code.parameters - paper.parameters == 2 * L * D  # g_norm and lower_bounds
    # σ(g) h for norm(g) SiLU(h), and f = s for b + (1 - b) s
    assert code.multiplications - paper.multiplications == L * (4 * D + 2) + L * D


def test_a_matrix_costs_an_addition_for_each_weight_that_is_not_0():
    model, config = model_and_config(blocks=1)
    costs = {cost.component: cost for cost in token_costs(model, config)}
    matrices = absmean_matrices(model, config)
    assert list(matrices) == [
        *("i_proj", "f_proj", "g_proj", "o_proj", "gate_proj", "down_proj", "lm_head")
    ]
    for name, (t, _) in matrices.items():
        assert costs[name].additions == (np.count_nonzero(t, axis=1) - 1).sum() + t.shape[1]


def test_an_inspection_counts_the_weights_and_their_changes():
    model, config = model_and_config(blocks=2)
    initial, _ = model_and_config(blocks=2)
    weight = model.model.layers[1].attn.i_proj.weight
    weight.data[...] *= -1
    found = inspect_model(model, config, initial)
    changes = found.changes.pop("i_proj 2")
    assert changes[0, 2] + changes[2, 0] + changes[1, 1] == pytest.approx(1)
    for name, same in found.changes.items():
        assert np.trace(same) == pytest.approx(1), name
    text = cost_summary(found.costs)
    assert "of the parameters are ternary" in text


def test_the_multiply_adds_of_a_step_are_those_of_the_matrices():
    config, phase = replace(MATMUL_FREE, position_share=0.25), Phase(1, 64, 4)
    counts = multiply_adds(config, phase)
    blocks = sum(a * b for a, b in block_matrices(config).values())
    assert blocks == 2 * (4 * 256 * 256 + 3 * 256 * 768)
    assert counts["ternary"] == 3 * 256 * blocks
    assert counts["head"] == 3 * 64 * 2000 * 256
    assert sum(counts.values()) == counts["ternary"] + counts["head"]
