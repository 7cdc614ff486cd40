"""Numbers in 8 bits: bounds on the error of rows, of products and of logits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tiny import small_model

from flashlm_np.inference.int8 import quantize
from flashlm_np.inference.packing import pack
from flashlm_np.inference.tables import table_sums
from minigrad.errors import ShapeError
from minigrad.ops.cross_entropy import log_sum_exp


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(1, 9)),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    )
)
@settings(derandomize=True, deadline=None, max_examples=40)
def test_the_error_is_at_most_half_a_step(x):
    q, step = quantize(x)
    assert (q.dtype, step.dtype, step.shape) == (np.int8, np.float32, (len(x), 1))
    exact = x.astype(float)
    assert (np.abs(exact - step.astype(float) * q) <= (0.5 + 2**-17) * step.astype(float)).all()
    normal = np.abs(x).max(axis=1) > 1e-35
    assert (np.abs(q.astype(int)).max(axis=1)[normal] == 127).all()
    assert (q != -128).all()


def test_each_row_has_its_own_step():
    x = np.array([[1, -2, 0], [0, 1e-45, 0], [1e-3, 1e-3, -5e-4], [0, 0, 0]], np.float32)
    q, step = quantize(x)
    assert q.tolist() == [[64, -127, 0], [0, 0, 0], [127, 127, -64], [0, 0, 0]]
    np.testing.assert_allclose(step[[0, 2], 0] * 127, [2, 1e-3], rtol=1e-6)


def test_integers_up_to_127_are_exact():
    x = np.random.default_rng(1).integers(-127, 128, (50, 9)).astype(np.float64)
    x[:, 4] = -127
    q, step = quantize(x)
    np.testing.assert_array_equal(q * step, x)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e39])
def test_numbers_that_are_not_finite_are_refused(bad):
    x = np.zeros((3, 2))
    x[1, 1] = bad
    with pytest.raises(ValueError, match=r"quantize: x\[1\] holds a number that is not finite"):
        quantize(x)
    with pytest.raises(ShapeError, match=r"quantize: x has shape \(2,\), expected \(N, D\)"):
        quantize(np.zeros(2))


@pytest.mark.parametrize(("N", "O", "D"), [(1, 1, 1), (3, 7, 6), (4, 11, 65), (300, 2, 131)])
def test_a_ternary_product_in_8_bits_is_within_its_bound(N, O, D):
    T = np.random.default_rng(0).integers(-1, 2, (O, D)).astype(np.int8)
    x = np.random.default_rng(8).standard_normal((N, D)).astype(np.float32)
    scale = np.float32(0.3)
    q, step = quantize(x)
    y = table_sums(q, pack(T, scale)).astype(np.float32) * (step * scale)
    exact = scale * (x.astype(float) @ T.T)
    kept = np.count_nonzero(T, axis=1)
    bound = (0.5 + 2**-17) * kept * scale * step.astype(float) + 3 * 2**-24 * abs(y)
    assert (np.abs(y - exact) <= bound).all()


def test_a_head_in_8_bits_changes_the_loss_little():
    """The model samples the ids, so its loss on them is below that of random ids."""
    model, _ = small_model()
    weight = model.embedding.weight.data
    weight *= 8
    rng, ids = np.random.default_rng(0), np.array([1])
    for _ in range(300):
        z = model.next_logits(ids[None, -40:])[0]
        ids = np.append(ids, (z + rng.gumbel(size=len(z))).argmax())
    h = model.hidden(ids[None, :-1]).data[0]
    q, step = quantize(weight)
    exact, rounded = h @ weight.T, h @ (q * step).T
    most = np.abs(h).sum(axis=1, keepdims=True) * step[:, 0] / 2
    assert (np.abs(rounded - exact) <= most * (1 + 1e-4)).all()

    def loss(z):
        return (log_sum_exp(z) - z[np.arange(len(z)), ids[1:]]).mean()

    assert loss(exact) < 0.8 * np.log(31)
    assert 0 < abs(loss(rounded) - loss(exact)) < 2e-3
