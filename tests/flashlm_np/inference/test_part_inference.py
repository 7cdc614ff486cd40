"""The model's parts beside v3's in use: streaming, 8-bit activations, exports."""

import math

import numpy as np
import pytest
from model_parts import PARTS
from tiny import small_model

from flashlm_np.errors import UserError
from flashlm_np.inference.c_source import c_source
from flashlm_np.inference.export import pack_weights, unpack_weights
from flashlm_np.inference.generate import generate
from flashlm_np.inference.streaming import Stream
from flashlm_np.inference.text_generator import generate_fast
from flashlm_np.model.weights import model_with_weights
from minigrad import no_grad

every_part = pytest.mark.parametrize("part", PARTS)
IDS = np.random.default_rng(0).integers(0, 31, 90)


def forward(model, ids):
    with no_grad():
        return model(ids[None]).data[0]


def expect_close(found, expected, tolerance):
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


@every_part
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 1e-5)])
def test_streaming_equals_the_forward_pass(part, dtype, tolerance):
    model, config = small_model(dtype, **PARTS[part])
    stream, full = Stream(model), forward(model, IDS)
    assert stream.receptive_field == config.receptive_field
    state, t = stream.state(), 0
    for cut in (0, 1, 2, 40, 0, 7):  # tokens that are read at once, before one alone
        stream.prefill(state, IDS[t : t + cut])
        t += cut + 1
        expect_close(stream.step(state, IDS[t - 1]), full[t - 1], tolerance)


@every_part
def test_the_fast_generation_chooses_the_tokens_of_the_plain_one(part):
    model, config = small_model(**PARTS[part])
    prompt = np.tile(IDS, 2)  # longer than the reach
    plain = generate(model, prompt, 8, np.random.default_rng(1))
    fast = generate_fast(model, prompt, 8, np.random.default_rng(1))
    assert list(fast) == list(plain)
    assert len(prompt) > config.receptive_field or config.receptive_field == math.inf


@pytest.mark.parametrize(("part", "numbers"), [("mlgru", 10), ("ternary mlgru", 16)])
def test_the_recurrence_remembers_a_state_of_one_size(part, numbers):
    model, config = small_model(**PARTS[part])
    stream = Stream(model)
    state = stream.state()
    assert state.nbytes == 8 * config.recursions * numbers
    stream.prefill(state, np.tile(IDS, 9))
    assert (state.position, state.nbytes) == (810, 8 * config.recursions * numbers)


def test_attention_remembers_all_keys_and_values():
    model, config = small_model(**PARTS["attention"])
    stream = Stream(model)
    state, row = stream.state(), 8 * config.recursions * 2 * 16
    assert state.nbytes == 64 * row
    for tokens, rows in [(60, 64), (4, 64), (1, 128), (300, 642), (270, 642), (10, 1284)]:
        stream.prefill(state, np.resize(IDS, tokens))
        assert state.nbytes == rows * row


def test_a_long_text_read_in_any_way_has_the_same_logits():
    """The table of attention grows in the middle of it, and the recurrence runs on."""
    ids = np.random.default_rng(4).integers(0, 31, 700)
    for part in ("attention", "mlgru"):
        model, _ = small_model(**PARTS[part])
        stream, expected = Stream(model), forward(model, ids)[-1]
        for first in (0, 300, 699):
            state = stream.state()
            for token in ids[:first]:
                stream.step(state, token)
            stream.prefill(state, ids[first:-1])
            expect_close(stream.step(state, ids[-1]), expected, 1e-9)


@every_part
def test_activations_in_8_bits_have_a_small_error(part):
    model, _ = small_model(**PARTS[part])
    exact, rounded = Stream(model), Stream(model, int8_activations=True)
    states = exact.state(), rounded.state()
    for token in IDS[:30]:
        full, small = exact.step(states[0], token), rounded.step(states[1], token)
    assert 1e-7 < np.abs(small - full).max() / np.abs(full).max() < 0.2


@every_part
def test_an_export_keeps_the_model(part):
    model, config = small_model(np.float32, **PARTS[part])
    packed = pack_weights(config, model.state_dict(), head="float16")
    weights = unpack_weights(packed.config, packed.arrays, packed.encoding)
    again = model_with_weights(packed.config, weights)
    expect_close(forward(again, IDS), forward(model, IDS), 0.02)
    codes = [key for key in packed.arrays if key.startswith("packed/")]
    assert len(codes) == sum("_proj" in key or "conv" in key for key in codes)


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"blocks": 2}, "--blocks is 2"),
        ({"mixer": "depthwise"}, "--mixer is depthwise"),
        ({"mixer": "mlgru"}, "--mixer is mlgru"),
        ({"activation": "silu"}, "--activation is silu"),
        ({"output_gains": True}, "--output-gains is True"),
        ({"first_skip": True}, "--first-skip is True"),
        ({"bigram_rows": 13}, "--bigram-rows is 13"),
    ],
)
def test_the_c_program_refuses_parts_that_it_has_not(changes, option):
    model, config = small_model(np.float32, **changes)
    packed = pack_weights(config, model.state_dict())
    sentence = f"{option}, which the C program does not have; export the model to a folder"
    with pytest.raises(UserError, match=sentence):
        c_source(packed, 31, model.layout)
