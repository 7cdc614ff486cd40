import numpy as np
import pytest
from tiny import small_model

from flashlm_np.inference import head8
from flashlm_np.inference.generate import generate
from flashlm_np.inference.head8 import quantize_head
from flashlm_np.inference.streaming import Stream
from minigrad.errors import ShapeError
from minigrad.ops.cross_entropy import log_sum_exp


def table_of(head, dtype=np.float64):
    """The matrix that a head stands for."""
    return head.q.astype(dtype) * head.scale.astype(dtype)[:, None]


RNG = np.random.default_rng(0)
# Rows of very different size, as frequent and rare tokens have: each needs its own scale.
WEIGHT = (RNG.standard_normal((211, 24)) * 10.0 ** RNG.uniform(-4, 4, (211, 1))).astype("f4")


def test_each_number_is_off_by_at_most_half_a_step_of_its_row():
    head = quantize_head(WEIGHT)
    step = np.abs(WEIGHT).max(axis=1, keepdims=True) / 127
    assert head.q.dtype == np.int8
    assert head.scale.dtype == np.float32
    assert (np.abs(table_of(head) - WEIGHT) <= 0.5001 * step).all()
    np.testing.assert_array_equal(np.abs(head.q.astype(int)).max(axis=1), 127)
    assert head.nbytes == 211 * (24 + 4)


def test_what_int8_can_say_is_kept_exactly():
    weight = np.random.default_rng(1).integers(-127, 128, (50, 9)).astype(np.float64)
    weight[:, 4] = -127
    head = quantize_head(weight)
    np.testing.assert_array_equal(table_of(head), weight)
    h = np.random.default_rng(2).integers(-9, 9, (3, 9)).astype(np.float64)
    np.testing.assert_array_equal(head.logits(h), h @ weight.T)


@pytest.mark.parametrize("tiny", [0.0, 1e-45, 3e-44, 1e-39])
def test_rows_of_nearly_nothing_stay_that(tiny):
    weight = np.array([[tiny, -tiny / 2, 0], [1, -2, 3]], np.float32)
    head = quantize_head(weight)
    np.testing.assert_allclose(table_of(head)[0], weight[0], rtol=0, atol=6e-39)
    assert np.isfinite(head.logits(np.ones((1, 3), np.float32))).all()


@pytest.mark.parametrize("block", [1, 24, 24 * 10, 24 * 211, 1 << 17])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_are_those_of_the_table_whatever_the_blocks(block, dtype, monkeypatch):
    monkeypatch.setattr(head8, "BLOCK", block)
    head = quantize_head(WEIGHT.astype(dtype))
    h = np.random.default_rng(3).standard_normal((5, 24)).astype(dtype)
    table = table_of(head, dtype)
    expected, size = h @ table.T, np.abs(h) @ np.abs(table).T
    z = head.logits(h)
    assert z.dtype == dtype
    assert (np.abs(z - expected) <= 16 * np.finfo(dtype).eps * size).all()
    assert head.logits(h[:0]).shape == (0, 211)


def test_what_no_head_can_be_made_of_is_refused():
    with pytest.raises(ValueError, match="not finite"):
        quantize_head(np.array([[1.0, np.nan]]))
    with pytest.raises(ShapeError, match=r"head8: h has shape \(2, 23\), expected \(N, D\)"):
        quantize_head(WEIGHT).logits(np.ones((2, 23), np.float32))


def test_the_loss_changes_little():
    """On text that the model itself wrote, of which it is surer than of noise."""
    model, _ = small_model()
    model.embedding.weight.data *= 8
    ids = np.array([1, *generate(model, np.array([1]), 600, np.random.default_rng(0))])
    h = model.hidden(ids[None, :-1]).data[0]
    weight = model.embedding.weight.data
    head = quantize_head(weight)
    exact, rounded = h @ weight.T, head.logits(h)
    most = np.abs(h).sum(axis=1, keepdims=True) * head.scale / 2
    assert (np.abs(rounded - exact) <= most * (1 + 1e-9)).all()

    def loss(z):
        return (log_sum_exp(z) - z[np.arange(len(z)), ids[1:]]).mean()

    assert loss(exact) < 0.8 * np.log(31)
    assert 0 < abs(loss(rounded) - loss(exact)) < 2e-3


def test_a_stream_and_a_writer_take_it():
    model, _ = small_model()
    head = quantize_head(model.embedding.weight.data)
    table = table_of(head)
    exact, rounded = Stream(model, lambda h: h @ table.T), Stream(model, head.logits)
    states = exact.state(2), rounded.state(2)
    for ids in np.random.default_rng(4).integers(0, 31, (40, 2)):
        expected = exact.step(states[0], ids)
        np.testing.assert_allclose(rounded.step(states[1], ids), expected, atol=1e-12)
    text = generate(model, [1], 9, np.random.default_rng(0), head=head.logits, temperature=0)
    assert len(list(text)) == 9
