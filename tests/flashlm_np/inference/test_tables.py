"""Products by table look-up equal the matrix product; their additions are counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from flashlm_np.inference.packing import pack
from flashlm_np.inference.tables import table_sums
from minigrad.errors import ShapeError

# (N, O, D): one byte and a bit more of each encoding, and several bytes.
SIZES = [(1, 1, 1), (2, 3, 5), (3, 7, 6), (5, 2, 64), (4, 11, 65), (130, 3, 8), (300, 2, 131)]
sizes = pytest.mark.parametrize(("N", "O", "D"), SIZES)
EXTREMES = np.array([-128, -127, -1, 0, 1, 127], np.int8)
pytestmark = pytest.mark.filterwarnings("error")


def random_ternary(O, D):
    return np.random.default_rng(0).integers(-1, 2, (O, D)).astype(np.int8)


def sums(x, T):
    return table_sums(x, pack(T, 1))


@sizes
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exact_sums_equal_the_float_product_bit_for_bit(N, O, D, dtype):
    """Sums of multiples of 1/8 below 128 are not rounded, so their order has no effect."""
    T = random_ternary(O, D)
    x = np.random.default_rng(1).integers(-1000, 1000, (N, D)).astype(dtype) / 8
    x.setflags(write=False)
    z = sums(x, T)
    assert (z.shape, z.dtype) == ((N, O), dtype)
    np.testing.assert_array_equal(z, x @ T.T.astype(dtype))


@sizes
def test_other_sums_are_within_the_bound_of_rounding(N, O, D):
    T = random_ternary(O, D)
    x = np.random.default_rng(2).standard_normal((N, D)) * np.logspace(-2, 2, D)
    x = x.astype(np.float32)
    u = 2.0**-24
    bound = D * u / (1 - D * u) * (np.abs(x.astype(float)) @ np.abs(T.T))
    assert (np.abs(sums(x, T) - x.astype(float) @ T.T) <= bound).all()


def test_a_weight_of_zero_skips_its_input():
    assert sums(np.array([[np.inf, 3, np.nan]], np.float32), np.array([[0, -1, 0]])) == -3


@pytest.mark.parametrize("view", [lambda x: x[::2, ::3], lambda x: x.T[:4], lambda x: x[:0]])
@pytest.mark.parametrize("dtype", [np.float32, np.int8])
def test_views_are_valid_inputs(view, dtype):
    x = view(np.random.default_rng(4).integers(-9, 9, (12, 12)).astype(dtype))
    T = random_ternary(5, x.shape[1])
    np.testing.assert_array_equal(sums(x, T), x.astype(int) @ T.T)


@sizes
def test_sums_of_int8_are_exact(N, O, D):
    T = random_ternary(O, D)
    q = np.random.default_rng(5).choice(EXTREMES, (N, D))
    z = sums(q, T)
    assert (z.shape, z.dtype) == ((N, O), np.int32)
    np.testing.assert_array_equal(z, q.astype(int) @ T.T)


@pytest.mark.parametrize("value", [-128, 127])
@pytest.mark.parametrize("weight", [-1, 1])
@pytest.mark.parametrize("D", [700, 140_001])
def test_the_largest_sums_do_not_overflow(value, weight, D):
    """They overflow an int16 and the 24 bits of a float32."""
    z = sums(np.full((2, D), value, np.int8), np.full((1, D), weight))
    np.testing.assert_array_equal(z, D * value * weight)


@given(st.data())
@settings(derandomize=True, deadline=None, max_examples=40)
def test_products_of_any_sizes_and_values_are_right(data):
    N, O, D = (data.draw(st.integers(1, most)) for most in (4, 5, 70))
    T = data.draw(arrays(np.int8, (O, D), elements=st.integers(-1, 1)))
    q = data.draw(arrays(np.int8, (N, D), elements=st.integers(-128, 127)))
    np.testing.assert_array_equal(sums(q, T), q.astype(int) @ T.T)
    np.testing.assert_array_equal(sums(q.astype(np.float32), T), q.astype(int) @ T.T)


class OnlyAdds:
    """A number without multiplication that counts its additions and subtractions."""

    count = 0

    def __init__(self, value):
        self.value = value

    def __add__(self, other):
        OnlyAdds.count += 1
        return OnlyAdds(self.value + getattr(other, "value", other))

    def __sub__(self, other):
        OnlyAdds.count += 1
        return OnlyAdds(self.value - getattr(other, "value", other))

    def __rsub__(self, other):
        OnlyAdds.count += 1
        return OnlyAdds(other - self.value)

    __radd__ = __add__


@pytest.mark.parametrize("N", [1, 3, 200])
def test_a_product_has_no_multiplication_and_the_counted_additions(N, monkeypatch):
    O, D, G = 4, 15, 3  # without padding, whose zeros are not counted
    T = random_ternary(O, D)
    x = np.random.default_rng(7).integers(-9, 9, (N, D))
    numbers = np.array([[OnlyAdds(v) for v in row] for row in x.tolist()], object)
    monkeypatch.setattr(OnlyAdds, "count", 0)
    z = sums(numbers, T)
    np.testing.assert_array_equal([[getattr(v, "value", v) for v in row] for row in z], x @ T.T)
    assert OnlyAdds.count == N * G * (242 + O)


def test_an_input_of_another_width_is_refused():
    with pytest.raises(
        ShapeError, match=r"x has shape \(3, 5\), expected \(N, D\) = \(any, 6\)"
    ):
        sums(np.zeros((3, 5), np.float32), random_ternary(2, 6))


def test_tables_need_base_3():
    packed = pack(random_ternary(2, 6), 1, "2-bit")
    with pytest.raises(ValueError, match="the matrix is 2-bit, expected base-3"):
        table_sums(np.zeros((1, 6), np.float32), packed)
