"""The model's parts beside v3's: their gradients, causality, start and shapes."""

from dataclasses import replace

import numpy as np
import pytest
from model_parts import PARTS
from tiny import CONFIG, small_model

from flashlm_np.model.bigrams import BigramTable, pair_rows
from flashlm_np.model.block_options import ACTIVATIONS, MIXERS
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.shapes import matrix_shapes, mixer_shapes, tap_shapes
from flashlm_np.model.weights import expect_sizes, model_with_weights
from minigrad.gradcheck import gradcheck

every_part = pytest.mark.parametrize("part", PARTS)
IDS = np.random.default_rng(1).integers(0, 31, (2, 30))
TARGETS = np.random.default_rng(2).integers(0, 31, (2, 30))


def model_of(part, **changes):
    return small_model(**PARTS[part], **changes)


@every_part
def test_the_gradients_are_right(part):
    model, _ = model_of(part)
    named = [(n, p) for n, p in model.named_parameters() if "router" not in n]
    report = gradcheck(lambda *_: model.loss(IDS, TARGETS), *(p for _, p in named))
    assert len({name for name, _, _ in report.compared}) == len(named)


@every_part
def test_no_logit_depends_on_a_later_token_and_the_reach_is_as_stated(part):
    model, config = model_of(part, dilations=(2,), taps=3)
    changed = IDS.copy()
    changed[:, 5] = (changed[:, 5] + 1) % 31
    differs = (model(IDS).data != model(changed).data).any(axis=(0, 2))
    seen = np.flatnonzero(differs)
    assert (seen[0], seen[-1]) == (5, min(29, 4 + config.receptive_field))


@every_part
def test_the_shapes_are_known_without_a_model(part):
    model, config = model_of(part)
    shapes = matrix_shapes(config) | mixer_shapes(config) | tap_shapes(config)
    state = model.state_dict()
    assert all(state[name].shape == shape for name, shape in shapes.items())
    others = {n for n, w in state.items() if w.ndim > 1 and n not in shapes}
    tables = {"embedding.weight", "lm_head.weight", "bigrams.weight"}
    assert {n for n in others if "router" not in n} <= tables


@every_part
def test_a_model_is_made_again_from_its_weights(part):
    model, config = model_of(part)
    weights = {name: w.astype(np.float32) for name, w in model.state_dict().items()}
    again = model_with_weights(config, weights)
    np.testing.assert_allclose(again(IDS).data, model(IDS).data, rtol=1e-3, atol=1e-3)
    name = next(iter(matrix_shapes(config)))
    with pytest.raises(ValueError, match=rf"{name} has shape \(3,\), but the configuration"):
        expect_sizes(config, weights | {name: np.zeros(3)})


@pytest.mark.parametrize("part", ["first skip", "pairs"])
def test_a_path_that_starts_closed_leaves_the_start_as_it_was(part):
    """These parts draw no number, so the other weights are the same."""
    config = replace(CONFIG, vocab_size=31)
    plain = FlashLM(config, np.random.default_rng(3))
    other = FlashLM(replace(config, **PARTS[part]), np.random.default_rng(3))
    np.testing.assert_array_equal(other(IDS).data, plain(IDS).data)
    assert len(other.parameters()) > len(plain.parameters())


def test_with_output_gains_a_new_block_changes_nothing():
    config = replace(CONFIG, vocab_size=31, blocks=3, output_gains=True)
    model = FlashLM(config, np.random.default_rng(3))
    x = model.embedding(IDS)
    np.testing.assert_array_equal(model.hidden(IDS).data, model.final_norm(x).data)


def test_the_logit_scale_multiplies_the_first_logits():
    config = replace(CONFIG, vocab_size=31)
    plain = FlashLM(config, np.random.default_rng(3))
    other = FlashLM(replace(config, logit_scale=0.25), np.random.default_rng(3))
    np.testing.assert_array_equal(other(IDS).data, plain(IDS).data / 4)


def test_each_application_of_a_block_uses_its_own_weights():
    model, _ = small_model(blocks=2, recursions=2)
    first, second = model.block, model.more_blocks[0]
    assert list(map(id, model.applications())) == list(map(id, [first, second] * 2))
    assert first.router is second.router is None
    assert "more_blocks.0.glu.up_proj.weight" in model.state_dict()


def test_initial_weights_by_the_outputs():
    config = replace(CONFIG, d_model=128, glu_ratio=4.0, mixer="depthwise", taps=8)
    config = replace(config, initial_weights="fan_out", conv_identity=0.0)
    state = FlashLM(config, np.random.default_rng(0)).state_dict()
    for name, outputs in {
        "token_mixer.in_proj": 256,
        "token_mixer.conv": 128 * 8,
        "glu.gate_proj": 512,
        "glu.down_proj": 128,
    }.items():
        std = float(state[f"block.{name}.weight"].std())
        assert std == pytest.approx((2 / outputs) ** 0.5, rel=0.05), name


def test_every_option_of_a_block_makes_a_model():
    for mixer in MIXERS:
        for activation in ACTIVATIONS:
            model, _ = small_model(mixer=mixer, activation=activation)
            assert np.isfinite(model(IDS).data).all()


# -- pairs of tokens -----------------------------------------------------------------------


def slow_row(u, v, V, M):
    h = (u * V + v) * 0x9E3779B97F4A7C15 % 2**64 // 2**32
    return h * M // 2**32


@pytest.mark.parametrize(("V", "M"), [(5, 3), (31, 13), (50_257, 100_000), (10**7, 10**7)])
def test_the_row_of_a_pair_is_that_of_the_page(V, M):
    rng = np.random.default_rng(0)
    before, ids = rng.integers(0, V + 1, 200), rng.integers(0, V, 200)
    rows = pair_rows(before, ids.astype(np.uint32), V, M)
    pairs = zip(before.tolist(), ids.tolist(), strict=True)
    assert rows.tolist() == [slow_row(u, v, V, M) for u, v in pairs]


def test_as_many_pairs_collide_as_the_page_says():
    V, M, N = 50_257, 20_000, 60_000
    pairs = np.unique(np.random.default_rng(0).integers(0, V, (N, 2)), axis=0)
    counts = np.bincount(pair_rows(*pairs.T, V, M), minlength=M)
    others = (counts * (counts - 1)).sum() / len(pairs)  # per pair, of the others in its row
    assert others == pytest.approx((len(pairs) - 1) / M, rel=0.05)


def test_the_first_token_of_a_text_has_a_pair_of_its_own():
    table = BigramTable(31, 1000, 4)
    rows = table.rows(np.array([[3, 5, 3, 5]], np.uint16))[0]
    assert rows[1] == rows[3] == table.rows(np.array([5]), before=3)[0]
    assert rows[0] == pair_rows(np.array([31]), np.array([3]), 31, 1000)[0] != rows[2]


def test_only_the_rows_of_the_batch_have_a_gradient():
    model, _ = small_model(bigram_rows=1000)
    model.loss(IDS, TARGETS).backward()
    used = np.flatnonzero(model.bigrams.weight.grad.any(axis=1))
    assert used.tolist() == np.unique(model.bigrams.rows(IDS)).tolist()
