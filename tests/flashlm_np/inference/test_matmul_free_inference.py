"""The MatMul-free model in use: token by token, with a state of one size, and packed."""

import math
from dataclasses import replace

import numpy as np
import pytest

from flashlm_np.inference.export import pack_weights, unpack_weights
from flashlm_np.inference.generate import generate
from flashlm_np.inference.text_generator import generate_fast, new_stream
from flashlm_np.model.models import new_model
from flashlm_np.model.presets import MATMUL_FREE
from flashlm_np.model.weights import model_with_weights
from minigrad import ShapeError, no_grad
from minigrad.ops.bit_linear import absmean

V, D, L = 31, 16, 3
CONFIG = replace(MATMUL_FREE, vocab_size=V, d_model=D, blocks=L, glu_ratio=2.0)
IDS = np.random.default_rng(0).integers(0, V, 300)
every_gate = pytest.mark.parametrize("gate", ["code", "paper"])


def small_model(gate="code", dtype=np.float32):
    rng = np.random.default_rng(5)
    config = replace(CONFIG, gru_gate=gate, lower_bounds=gate == "code")
    model = new_model(config, rng, dtype)
    for p in model.parameters():
        p.data += (0.1 * rng.standard_normal(p.shape)).astype(dtype)
    return model, config


def forward(model, ids):
    with no_grad():
        return model(ids[None]).data[0]


@every_gate
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_streaming_has_the_bits_of_the_forward_pass(gate, dtype):
    """All sums over a row are exact, so it does not matter how many rows are read at once."""
    model, _ = small_model(gate, dtype)
    stream, full = new_stream(model), forward(model, IDS)
    state, t = stream.state(), 0
    for cut in (0, 1, 2, 40, 0, 200):  # tokens that are read at once, before one alone
        stream.prefill(state, IDS[t : t + cut])
        t += cut + 1
        np.testing.assert_allclose(stream.step(state, IDS[t - 1]), full[t - 1], rtol=2e-6)


def test_a_state_has_a_number_for_each_block_and_channel_however_long_the_text():
    model, _ = small_model()
    stream = new_stream(model)
    state = stream.state()
    for tokens in (0, 1, 300, 300):
        stream.prefill(state, IDS[:tokens])
        assert state.nbytes == 4 * L * D
        arrays = [array for past in state.past for array in past]
        assert all(a.base is None for a in arrays)  # a view would keep all states alive
    assert state.position == 601
    assert stream.receptive_field == math.inf


def test_two_texts_have_two_states():
    model, _ = small_model()
    stream, full = new_stream(model), forward(model, IDS[:9])
    states = [stream.state() for _ in range(2)]
    for token, logits in zip(IDS[:9], full, strict=True):
        stream.step(states[1], (token + 1) % V)
        np.testing.assert_allclose(stream.step(states[0], token), logits, rtol=2e-6)


@every_gate
def test_the_fast_generation_chooses_the_tokens_of_the_plain_one(gate):
    model, _ = small_model(gate)
    plain = generate(model, IDS[:50], 12, np.random.default_rng(1))
    fast = generate_fast(model, IDS[:50], 12, np.random.default_rng(1))
    assert list(fast) == list(plain)


def test_ids_that_the_model_has_not_are_refused():
    stream = new_stream(small_model()[0])
    with pytest.raises(ShapeError, match=r"^step: token holds 31 at flat index 0, expected"):
        stream.step(stream.state(), V)
    with pytest.raises(ShapeError, match=r"^prefill: ids holds -1 at flat index 1, expected 0"):
        stream.prefill(stream.state(), np.array([3, -1]))


def test_activations_in_8_bits_are_no_choice():
    with pytest.raises(ValueError, match=r"^generate: the activations of the model matmul"):
        new_stream(small_model()[0], int8_activations=True)


@every_gate
@pytest.mark.parametrize("encoding", ["base-3", "2-bit"])
def test_an_export_keeps_the_ternary_weights_and_their_scale(gate, encoding):
    model, config = small_model(gate)
    model.model.layers[1].mlp.down_proj.weight.data *= 1e-6  # below the least scale
    model.model.layers[0].attn.o_proj.weight.data[...] = 0
    weights = model.state_dict()
    packed = pack_weights(config, weights, encoding, head="float16")
    assert packed.config == config
    codes = {key.removeprefix("packed/") for key in packed.arrays if key.startswith("packed/")}
    assert len(codes) == 6 * L + 1
    again = unpack_weights(config, packed.arrays, encoding)
    assert again.keys() == weights.keys()
    for name in codes:
        (t, m), (t_again, m_again) = absmean(weights[name]), absmean(again[name])
        np.testing.assert_array_equal(t_again, t, err_msg=name)
        assert m_again == pytest.approx(m, rel=1e-6)
    for name in weights.keys() - codes - {"model.embeddings.weight"}:
        np.testing.assert_array_equal(again[name], weights[name], err_msg=name)


@pytest.mark.parametrize(("head", "bits"), [("float16", 16), ("int8", 8)])
def test_a_packed_model_is_small_and_predicts_the_same(head, bits):
    model, config = small_model()
    packed = pack_weights(config, model.state_dict(), head=head)
    again = model_with_weights(config, unpack_weights(config, packed.arrays, "base-3"))
    difference = np.abs(forward(again, IDS) - forward(model, IDS))
    assert difference.mean() < 0.05 * np.abs(forward(model, IDS)).mean()
    ternary = sum(a.nbytes for key, a in packed.arrays.items() if key.startswith("packed/"))
    table = sum(a.nbytes for key, a in packed.arrays.items() if "embeddings" in key)
    H = config.glu_width
    assert ternary == L * (4 * D * 4 + 2 * H * 4 + D * 7) + V * 4  # 5 weights in a byte
    assert table == V * D * bits // 8 + 4 * V * (head == "int8")
