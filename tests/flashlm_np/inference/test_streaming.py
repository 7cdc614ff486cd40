from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import small_model

from flashlm_np.inference import streaming
from flashlm_np.inference.streaming import State, Stream
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.presets import QUICKSTART, SMALL_V3
from minigrad import no_grad
from minigrad.errors import DtypeError, ShapeError

MODEL, CONFIG = small_model()
IDS = np.random.default_rng(0).integers(0, 31, 120)  # the receptive field is 25


def forward(model, ids):
    """Return all logits (T, V) by one forward pass."""
    with no_grad():
        return model(ids[None]).data[0]


def expect_close(logits, full, tolerance=1e-10):
    assert logits.shape == full.shape
    assert np.abs(logits - full).max() <= tolerance * np.abs(full).max()


def test_each_step_equals_the_forward_pass():
    stream = Stream(MODEL)
    state, full = stream.state(), forward(MODEL, IDS)
    for t, token in enumerate(IDS):
        expect_close(stream.step(state, token), full[t])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.fixed_dictionaries(
        {
            "taps": st.integers(1, 5),
            "conv_groups": st.sampled_from([1, 2, 4, 8]),
            "dilations": st.lists(st.integers(1, 9), max_size=3).map(tuple),
            "recursions": st.integers(1, 3),
            "ternary_scale": st.sampled_from(["none", "mean", "kept"]),
            "ternary_threshold": st.sampled_from([0.5, 1.0]),
            "norm_eps": st.sampled_from([1e-8, 0.1]),
            "fused": st.booleans(),
            "ternary_mixer": st.booleans(),
        }
    ),
    st.lists(st.integers(0, 28), max_size=4),
)
def test_streaming_equals_the_forward_pass_for_any_split_and_model(changes, cuts):
    model, config = small_model(d_model=8, **changes)
    stream = Stream(model)
    assert stream.receptive_field == config.receptive_field
    state, full = stream.state(), forward(model, IDS[: sum(cuts) + len(cuts) + 1])
    t = 0
    for cut in [*cuts, 0]:
        stream.prefill(state, IDS[t : t + cut])
        t += cut + 1
        expect_close(stream.step(state, IDS[t - 1]), full[t - 1])


AS_V3 = {"ternary_scale": "none", "ternary_threshold": 1.0, "conv_identity": 0.0}


@pytest.mark.parametrize("preset", [QUICKSTART, SMALL_V3, replace(SMALL_V3, **AS_V3)])
def test_streaming_equals_the_forward_pass_in_float32(preset):
    config = replace(preset, vocab_size=300)
    model = FlashLM(config, np.random.default_rng(1))
    stream = Stream(model)
    state, ids = stream.state(), np.random.default_rng(2).integers(0, 300, 240)
    full = forward(model, ids)
    stream.prefill(state, ids[:100])
    for t in range(100, 240):  # the convolutions' receptive field is 127
        logits = stream.step(state, ids[t])
        expect_close(logits, full[t], 1e-5)
    assert logits.dtype == np.float32


@pytest.mark.parametrize("scale", ["none", "mean", "kept"])
@pytest.mark.parametrize("name", ["glu.up_proj", "token_mixer.layers.0.conv_value.conv"])
@pytest.mark.parametrize("fused", [True, False])
def test_a_ternary_weight_that_is_not_finite_shows_in_the_logits(scale, name, fused):
    model, _ = small_model(ternary_scale=scale, ternary_mixer=True, fused=fused)
    dict(model.named_parameters())[f"block.{name}.weight"].data.flat[3] = np.nan
    assert np.isnan(forward(model, IDS[:9])).all()
    stream = Stream(model)
    assert np.isnan(stream.step(stream.state(), IDS[0])).all()


@pytest.mark.parametrize("length", [0, 1, 2, 24, 25, 26, 100])
@pytest.mark.parametrize("chunk", [1, 7, 256])
def test_a_prompt_may_have_any_length(length, chunk, monkeypatch):
    monkeypatch.setattr(streaming, "CHUNK", chunk)
    stream = Stream(MODEL)
    state = stream.state()
    stream.prefill(state, IDS[:length])
    assert state.position == length
    logits = stream.step(state, IDS[length])
    expect_close(logits, forward(MODEL, IDS[: length + 1])[-1])


def test_the_state_keeps_its_size_and_its_arrays():
    stream = Stream(MODEL)
    state = stream.state()
    before = [ring.ctypes.data for rings in state.past for ring in rings]
    nbytes = state.nbytes
    assert nbytes == 8 * 2 * 16 * (4 + 10)  # bytes per number, recursions, D, rows
    stream.prefill(state, np.tile(IDS, 4))
    stream.step(state, 1)
    assert (state.position, state.nbytes) == (481, nbytes)
    assert [ring.ctypes.data for rings in state.past for ring in rings] == before


def test_reading_writes_only_to_the_state():
    model, _ = small_model()
    stream = Stream(model)
    state, ids = stream.state(), IDS.copy()
    for array in [ids, *model.state_dict().values()]:
        array.setflags(write=False)
    stream.prefill(state, ids[:50])
    kept = State([[ring.copy() for ring in rings] for rings in state.past], state.position)
    first = stream.step(state, ids[50])
    stream.step(state, ids[51])
    np.testing.assert_array_equal(stream.step(kept, ids[50]), first)
    assert (kept.position, state.position) == (51, 52)


def test_ids_outside_the_vocabulary_are_refused():
    stream = Stream(MODEL)
    state = stream.state()
    with pytest.raises(ShapeError, match="prefill: ids has shape"):
        stream.prefill(state, [[1, 2]])
    with pytest.raises(ShapeError, match="token holds 31 at flat index 0, expected 0 to V - 1"):
        stream.step(state, 31)
    with pytest.raises(ShapeError, match="token holds -1"):
        stream.step(state, -1)
    with pytest.raises(DtypeError, match="expected integers"):
        stream.step(state, 1.0)
    with pytest.raises(ShapeError, match="prefill: ids holds 31 at flat index 300"):
        stream.prefill(state, np.where(np.arange(302) == 300, 31, 0))
    assert state.position == 0


def test_activations_in_8_bits_have_a_small_error():
    exact, rounded = Stream(MODEL), Stream(MODEL, int8_activations=True)
    states = exact.state(), rounded.state()
    for token in IDS[:40]:
        full, small = exact.step(states[0], token), rounded.step(states[1], token)
    error = np.abs(small - full).max() / np.abs(full).max()
    assert 1e-6 < error < 0.1
