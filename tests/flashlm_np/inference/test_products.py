import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from flashlm_np.inference import bit_slices, signed_sums, tables
from flashlm_np.inference.int8 import quantize
from flashlm_np.inference.packing import pack
from flashlm_np.inference.products import WAYS, ternary_product
from minigrad.errors import DtypeError, ShapeError

BY_HAND = ["signed sums", "bit slices", "tables"]
# (N, O, D): one byte and a bit more of each encoding, one word and a bit more, several blocks.
SIZES = [(1, 1, 1), (2, 3, 5), (3, 7, 6), (5, 2, 64), (4, 11, 65), (130, 3, 8), (300, 2, 131)]
sizes = pytest.mark.parametrize(("N", "O", "D"), SIZES)
ways = pytest.mark.parametrize("way", WAYS)
by_hand = pytest.mark.parametrize("way", BY_HAND)
EXTREMES = np.array([-128, -127, -1, 0, 1, 127], np.int8)
pytestmark = pytest.mark.filterwarnings("error")
repeatably = settings(derandomize=True, deadline=None, max_examples=40)


def random_ternary(O, D, seed=0):
    return np.random.default_rng(seed).integers(-1, 2, (O, D)).astype(np.int8)


def sums(way, x, T):
    prepare, function = WAYS[way]
    return function(x, prepare(pack(T, 1)))


# -- floats ------------------------------------------------------------


@ways
@sizes
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_that_are_exact_are_the_float_product_to_the_last_bit(way, N, O, D, dtype):
    """Multiples of 1/8 below 128: no sum of them is rounded, so no order of them matters."""
    T = random_ternary(O, D)
    x = np.random.default_rng(1).integers(-1000, 1000, (N, D)).astype(dtype) / 8
    x.setflags(write=False)
    z = sums(way, x, T)
    assert (z.shape, z.dtype) == ((N, O), dtype)
    np.testing.assert_array_equal(z, x @ T.T.astype(dtype))


@ways
@sizes
def test_other_sums_are_within_the_bound_of_rounding(way, N, O, D):
    T = random_ternary(O, D)
    x = np.random.default_rng(2).standard_normal((N, D)) * np.logspace(-2, 2, D)
    x = x.astype(np.float32)
    u = 2.0**-24
    bound = D * u / (1 - D * u) * (np.abs(x.astype(float)) @ np.abs(T.T))
    assert (np.abs(sums(way, x, T) - x.astype(float) @ T.T) <= bound).all()


@pytest.mark.parametrize("N", [tables.BLOCK // 2 + 1, tables.BLOCK + 9])
def test_tables_add_groups_from_left_to_right(N):
    """With more than half a block of positions the order is fixed, and so is every bit."""
    D = 203
    T = random_ternary(3, D)
    x = np.random.default_rng(3).standard_normal((N, D)).astype(np.float32)
    z = np.zeros((N, 3), np.float32)
    for g in range(0, D, 5):
        group = np.zeros((N, 3), np.float32)
        for d in range(g, min(g + 5, D)):
            group += x[:, d, None] * T[:, d].astype(np.float32)
        z += group
    np.testing.assert_array_equal(sums("tables", x, T), z)


@by_hand
def test_a_weight_of_zero_leaves_its_input_out(way):
    x, T = np.array([[np.inf, 3, np.nan]], np.float32), np.array([[0, -1, 0]])
    assert sums(way, x, T) == -3
    with np.errstate(invalid="ignore"):
        assert np.isnan(sums("BLAS", x, T)).all()


@ways
@pytest.mark.parametrize("view", [lambda x: x[::2, ::3], lambda x: x.T[:4], lambda x: x[:0]])
@pytest.mark.parametrize("dtype", [np.float32, np.int8])
def test_views_are_products_too(way, view, dtype):
    x = view(np.random.default_rng(4).integers(-9, 9, (12, 12)).astype(dtype))
    T = random_ternary(5, x.shape[1])
    np.testing.assert_array_equal(sums(way, x, T), x.astype(int) @ T.T)


# -- integers ------------------------------------------------------------


@ways
@sizes
def test_sums_of_int8_are_exact(way, N, O, D):
    T = random_ternary(O, D)
    q = np.random.default_rng(5).choice(EXTREMES, (N, D))
    z = sums(way, q, T)
    assert (z.shape, z.dtype) == ((N, O), np.int32)
    np.testing.assert_array_equal(z, q.astype(int) @ T.T)


@ways
@pytest.mark.parametrize("value", [-128, 127])
@pytest.mark.parametrize("weight", [-1, 1])
@pytest.mark.parametrize("D", [700, 140_001])
def test_the_largest_sums_fit(way, value, weight, D):
    """Not in the int16 of tables, the byte of a popcount, or the 24 bits of a float32."""
    z = sums(way, np.full((2, D), value, np.int8), np.full((1, D), weight))
    np.testing.assert_array_equal(z, D * value * weight)


@given(st.data())
@repeatably
def test_all_ways_agree(data):
    N, O, D = (data.draw(st.integers(1, most)) for most in (4, 5, 70))
    T = data.draw(arrays(np.int8, (O, D), elements=st.integers(-1, 1)))
    q = data.draw(arrays(np.int8, (N, D), elements=st.integers(-128, 127)))
    expected = q.astype(int) @ T.T
    for way in WAYS:
        np.testing.assert_array_equal(sums(way, q, T), expected)
        np.testing.assert_array_equal(sums(way, q.astype(np.float32), T), expected)


@by_hand
@pytest.mark.parametrize("dtype", [np.int8, np.float32])
def test_blocks_change_nothing(way, dtype, monkeypatch):
    T, x = random_ternary(7, 33), np.random.default_rng(6).integers(-99, 99, (40, 33))
    x = x.astype(dtype)
    for block in (1, 3, 50):
        monkeypatch.setattr(tables, "BLOCK", block)
        monkeypatch.setattr(bit_slices, "BLOCK", 33 * block)
        np.testing.assert_array_equal(sums(way, x, T), x.astype(int) @ T.T)


# -- what it costs ------------------------------------------------------------


class OnlyAdds:
    """A number that can be added and subtracted, and counts how often; it has no product."""

    count = 0

    def __init__(self, value):
        self.value = value

    def __add__(self, other):
        OnlyAdds.count += 1
        return OnlyAdds(self.value + getattr(other, "value", other))

    def __sub__(self, other):
        OnlyAdds.count += 1
        return OnlyAdds(self.value - getattr(other, "value", other))

    __radd__ = __add__

    def __rsub__(self, other):
        OnlyAdds.count += 1
        return OnlyAdds(other - self.value)


@pytest.mark.parametrize("way", ["signed sums", "tables"])
@pytest.mark.parametrize("N", [1, 3, 200])
def test_there_is_no_multiplication_and_the_additions_are_counted(way, N, monkeypatch):
    O, D = 4, 15  # no padding, whose zeros are not counted
    T = random_ternary(O, D)
    x = np.random.default_rng(7).integers(-9, 9, (N, D))
    numbers = np.array([[OnlyAdds(v) for v in row] for row in x.tolist()], object)
    for page in (signed_sums, tables):
        monkeypatch.setattr(page, "sum_dtype", lambda where, x, D: np.dtype(object))
    monkeypatch.setattr(OnlyAdds, "count", 0)
    z = sums(way, numbers, T)
    values = [[getattr(v, "value", v) for v in row] for row in z]
    np.testing.assert_array_equal(values, x @ T.T)
    G, kept = 3, np.count_nonzero(T)
    said = {"signed sums": N * (kept - O), "tables": N * G * (242 + O)}
    assert OnlyAdds.count == said[way]


# -- 8 bits ------------------------------------------------------------


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(1, 9)),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    )
)
@repeatably
def test_half_a_step_is_lost_at_most(x):
    q, step = quantize(x)
    assert (q.dtype, step.dtype, step.shape) == (np.int8, np.float32, (len(x), 1))
    exact = x.astype(float)
    assert (np.abs(exact - step.astype(float) * q) <= (0.5 + 2**-17) * step.astype(float)).all()
    largest = np.abs(x).max(axis=1)
    normal = largest > 1e-35
    assert (np.abs(q.astype(int)).max(axis=1)[normal] == 127).all()
    assert (q != -128).all()


def test_each_token_has_its_own_step():
    x = np.array([[1, -2, 0], [0, 1e-45, 0], [1e-3, 1e-3, -5e-4], [0, 0, 0]], np.float32)
    q, step = quantize(x)
    assert q.tolist() == [[64, -127, 0], [0, 0, 0], [127, 127, -64], [0, 0, 0]]
    np.testing.assert_allclose(step[[0, 2], 0] * 127, [2, 1e-3], rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e39])
def test_what_has_no_step_is_told(bad):
    x = np.zeros((3, 2))
    x[1, 1] = bad
    with pytest.raises(ValueError, match=r"quantize: x\[1\] holds a number that is not finite"):
        quantize(x)


@sizes
def test_the_product_in_8_bits_is_within_its_bound(N, O, D):
    packed = pack(random_ternary(O, D), 0.3)
    x = np.random.default_rng(8).standard_normal((N, D)).astype(np.float32)
    y = ternary_product(x, packed, "tables", int8=True)
    assert y.dtype == np.float32
    _, step = quantize(x)
    kept = np.count_nonzero(packed.unpack(), axis=1)
    exact = packed.scale * (x.astype(float) @ packed.unpack().T)
    bound = (0.5 + 2**-17) * kept * packed.scale * step.astype(float) + 3 * 2**-24 * abs(y)
    assert (np.abs(y - exact) <= bound).all()
    for way in WAYS:
        np.testing.assert_array_equal(ternary_product(x, packed, way, int8=True), y)


# -- y ------------------------------------------------------------


@ways
@pytest.mark.parametrize("scale", [0.0, 1.0, 0.5])
def test_the_scale_and_the_leading_axes(way, scale):
    packed = pack(random_ternary(4, 6), scale)
    x = np.random.default_rng(9).integers(-9, 9, (2, 3, 6)).astype(np.float32)
    y = ternary_product(x, packed, way)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, x @ packed.dense().T)
    np.testing.assert_array_equal(
        ternary_product(x, packed, way, prepared=WAYS[way].prepare(packed)), y
    )


@ways
def test_what_does_not_fit_is_told(way):
    T = random_ternary(2, 6)
    with pytest.raises(
        ShapeError, match=r"x has shape \(3, 5\), expected \(N, D\) = \(any, 6\)"
    ):
        sums(way, np.zeros((3, 5), np.float32), T)
    with pytest.raises(DtypeError, match="dtype int64, expected int8, float32 or float64"):
        sums(way, np.zeros((3, 6), np.int64), T)


def test_tables_want_base_3():
    packed = pack(random_ternary(2, 6), 1, "2-bit")
    with pytest.raises(ValueError, match="the matrix is 2-bit, expected base-3"):
        tables.table_sums(np.zeros((1, 6), np.float32), packed)
