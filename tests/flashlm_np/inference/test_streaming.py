import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import small_model

from flashlm_np.errors import UserError
from flashlm_np.inference import streaming
from flashlm_np.inference.generate import choose, generate
from flashlm_np.inference.streaming import NOTHING, Stream
from flashlm_np.model.config import QUICKSTART
from flashlm_np.model.flashlm import FlashLM, receptive_field
from minigrad import no_grad
from minigrad.errors import DtypeError, ShapeError

MODEL, CONFIG = small_model()
IDS = np.random.default_rng(0).integers(0, 31, (3, 120))  # the receptive field is 25


def forward(model, ids):
    """The slow, obvious twin: all logits (B, T, V) in one go."""
    with no_grad():
        return model(ids).data


def expect_close(logits, full, tolerance=1e-10):
    assert np.abs(logits - full).max() <= tolerance * np.abs(full).max()


def test_each_step_gives_what_the_forward_pass_gives():
    stream = Stream(MODEL)
    state, full = stream.state(3), forward(MODEL, IDS)
    for t in range(IDS.shape[1]):
        expect_close(stream.step(state, IDS[:, t]), full[:, t])


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
            "ternary_convs": st.booleans(),
        }
    ),
    st.lists(st.integers(0, 28), max_size=4),
    st.integers(1, 2),
    st.booleans(),
)
def test_however_a_text_is_cut_and_whatever_the_model(changes, cuts, batch, packed):
    model, config = small_model(d_model=8, **changes)
    stream = Stream(model, packed=packed)
    assert stream.context == receptive_field(config)
    state, full = stream.state(batch), forward(model, IDS[:batch, : sum(cuts) + len(cuts) + 1])
    t = 0
    for cut in [*cuts, 0]:
        stream.prefill(state, IDS[:batch, t : t + cut])
        t += cut + 1
        expect_close(stream.step(state, IDS[:batch, t - 1]), full[:, t - 1])


@pytest.mark.parametrize("preset", ["quickstart", "small v3"])
def test_in_float32_too(preset):
    v3 = {"ternary_scale": "none", "ternary_threshold": 1.0, "conv_identity": 0.0}
    config = replace(QUICKSTART, vocab_size=300, **({} if preset == "quickstart" else v3))
    model = FlashLM(config, np.random.default_rng(1))
    stream = Stream(model)
    state, ids = stream.state(), np.random.default_rng(2).integers(0, 300, (1, 240))
    full = forward(model, ids)
    stream.prefill(state, ids[:, :100])
    for t in range(100, 240):  # the receptive field is 127
        logits = stream.step(state, ids[:, t])
        expect_close(logits, full[:, t], 1e-5)
    assert logits.dtype == np.float32


@pytest.mark.parametrize("length", [0, 1, 2, 24, 25, 26, 100])
@pytest.mark.parametrize("chunk", [1, 7, 256])
def test_a_prompt_may_have_any_length(length, chunk, monkeypatch):
    monkeypatch.setattr(streaming, "CHUNK", chunk)
    stream = Stream(MODEL)
    state = stream.state(2)
    stream.prefill(state, IDS[:2, :length])
    assert state.position == length
    logits = stream.step(state, IDS[:2, length])
    expect_close(logits, forward(MODEL, IDS[:2, : length + 1])[:, -1])


def test_texts_of_unequal_length_begin_after_nothing():
    stream, lengths = Stream(MODEL), [60, 31, 1]
    ids = np.full((3, 60), NOTHING)
    for row, length in enumerate(lengths):
        ids[row, 60 - length :] = IDS[row, :length]
    state = stream.state(3)
    stream.prefill(state, ids[:, :-1])
    for t in range(30):
        logits = stream.step(state, ids[:, -1] if t == 0 else IDS[:, t])
        for row, length in enumerate(lengths):
            text = np.append(IDS[row, :length], IDS[row, 1 : t + 1])
            expect_close(logits[row], forward(MODEL, text[None])[0, -1])


def test_the_state_stays_as_large_as_it_is():
    stream = Stream(MODEL)
    state = stream.state()
    before = [array.ctypes.data for rings in state.rings for array in rings]
    nbytes = state.nbytes
    assert nbytes == 16 + 8 * 2 * 16 * (4 + 10)  # counts; numbers, recursions, D, rows
    stream.prefill(state, np.tile(IDS[:1], 4))
    stream.step(state, [1])
    assert (state.position, state.nbytes) == (481, nbytes)
    assert [array.ctypes.data for rings in state.rings for array in rings] == before


def test_reading_writes_to_the_state_alone():
    model, _ = small_model()
    stream = Stream(model)
    state, ids = stream.state(3), IDS.copy()
    for array in [ids, *model.state_dict().values()]:
        array.setflags(write=False)
    stream.prefill(state, ids[:, :50])
    kept = state.copy()
    first = stream.step(state, ids[:, 50])
    stream.step(state, ids[:, 51])
    np.testing.assert_array_equal(stream.step(kept, ids[:, 50]), first)
    assert (kept.position, state.position) == (51, 52)


def test_a_state_goes_on_from_a_file_to_the_bit(tmp_path):
    stream = Stream(MODEL)
    state = stream.state(3)
    stream.prefill(state, IDS[:, :47])
    state.save(tmp_path / "state")
    restored = Stream(MODEL).load(tmp_path / "state")
    assert (restored.batch, restored.position) == (3, 47)
    for t in range(47, 110):
        expected = stream.step(state, IDS[:, t])
        np.testing.assert_array_equal(stream.step(restored, IDS[:, t]), expected)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ring.0.1": None}, r"'ring\.0\.1' is missing"),
        ({"ring.2.0": np.zeros(3)}, r"'ring\.2\.0' is too much"),
        ({"ring.1.1": np.zeros((4, 2, 9, 4))}, r"shape \(4, 2, 9, 4\) .* \(4, 2, 10, 4\)"),
        ({"ring.1.1": np.zeros((4, 3, 10, 4))}, "has shape"),
        ({"ring.1.1": np.zeros((4, 2, 10, 4), np.float32)}, "dtype float32, .* float64"),
        ({"ring.1.1": np.zeros(())}, r"has shape \(\)"),
        ({"counts": None}, "does not count"),
        ({"counts": np.array([2.0, 7.0])}, "does not count"),
        ({"counts": np.array([2, 7, 1])}, "does not count"),
        ({"counts": np.array([2, -1])}, "2 texts and -1 tokens"),
        ({"counts": np.array([0, 7])}, "0 texts"),
        ({"counts": np.array([2**40, 7])}, "texts"),
        ({"counts": np.array([2, 2**62])}, "tokens"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_in_a_sentence(changed, message, tmp_path):
    from safetensors.numpy import save_file

    stream, path = Stream(MODEL), tmp_path / "state"
    arrays = stream.state(2).arrays() | changed
    save_file({name: a for name, a in arrays.items() if a is not None}, path)
    with pytest.raises(UserError, match=f"is not a state of this model: .*{message}"):
        stream.load(path)


def test_a_damaged_file_is_refused_in_a_sentence(tmp_path):
    stream, path = Stream(MODEL), tmp_path / "state"
    with pytest.raises(UserError, match="cannot read"):
        stream.load(path)
    stream.state().save(path)
    whole = path.read_bytes()
    bf16 = {"counts": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}
    header = json.dumps(bf16).encode()
    odd = len(header).to_bytes(8, "little") + header + b"\0\0"
    for data in (b"", whole[:100], whole[:-1], whole + b"x", b"\xff" * 64, odd):
        path.write_bytes(data)
        with pytest.raises(UserError):
            stream.load(path)


def test_what_cannot_be_read_is_refused():
    stream = Stream(MODEL)
    state = stream.state(2)
    with pytest.raises(
        ShapeError, match=r"step: ids has shape \(3,\), expected \(B,\) = \(2,\)"
    ):
        stream.step(state, [1, 2, 3])
    with pytest.raises(ShapeError, match="prefill: ids has shape"):
        stream.prefill(state, [1, 2])
    with pytest.raises(ShapeError, match="ids holds 31 at flat index 1, expected 0 to V - 1"):
        stream.step(state, [1, 31])
    with pytest.raises(ShapeError, match="ids holds -2"):
        stream.step(state, [1, -2])
    with pytest.raises(DtypeError, match="expected integers"):
        stream.step(state, [1.0, 2.0])
    with pytest.raises(ShapeError, match="prefill: ids holds 31 at flat index 300"):
        stream.prefill(state, np.where(np.arange(302) == 300, 31, [[0], [0]]))
    assert state.position == 0


@pytest.mark.parametrize("context", [None, 1, 3, 24, 25, 26, 1000])
@pytest.mark.parametrize("temperature", [0, 1.5])
def test_the_text_is_the_one_that_the_forward_pass_writes(context, temperature):
    ids, rng = IDS[0, :40].tolist(), np.random.default_rng(3)
    for _ in range(60):
        window = ids[-context:] if context else ids
        logits = MODEL.next_logits(np.array([window]))[0]
        ids.append(choose(logits, rng, temperature=temperature))
    options = {"context": context, "temperature": temperature}
    text = generate(MODEL, IDS[0, :40], 60, np.random.default_rng(3), **options)
    assert list(text) == ids[40:]


def test_writing_begins_with_a_token():
    with pytest.raises(ValueError, match="the prompt is empty"):
        next(generate(MODEL, np.array([], np.int64), 5, np.random.default_rng(0)))
    with pytest.raises(ShapeError, match="generate: prompt holds -1"):
        next(generate(MODEL, np.array([3, NOTHING]), 5, np.random.default_rng(0)))


@pytest.mark.parametrize("packed", [False, True])
def test_activations_in_8_bits_are_near_and_the_same_by_any_product(packed):
    exact, rounded = Stream(MODEL), Stream(MODEL, int8_activations=True, packed=packed)
    blas = Stream(MODEL, int8_activations=True)
    states = [stream.state(3) for stream in (exact, rounded, blas)]
    for t in range(40):
        logits = [
            stream.step(state, IDS[:, t])
            for stream, state in zip((exact, rounded, blas), states, strict=True)
        ]
    np.testing.assert_allclose(logits[1], logits[2], rtol=1e-12)  # sums of integers are exact
    error = np.abs(logits[1] - logits[0]).max() / np.abs(logits[0]).max()
    assert 1e-6 < error < 0.1
