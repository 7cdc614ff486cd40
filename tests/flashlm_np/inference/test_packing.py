"""The codes of ternary matrices: every byte, the inverse, and invalid codes."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from flashlm_np.inference.packing import ENCODINGS, PackedTernary, pack

PAGE = Path(__file__).resolve().parents[3] / "docs" / "packed-format.md"
encodings = pytest.mark.parametrize("encoding", ENCODINGS)
ternary_matrices = st.tuples(st.integers(1, 9), st.integers(1, 23)).flatmap(
    lambda shape: arrays(np.int8, shape, elements=st.integers(-1, 1))
)
repeatably = settings(derandomize=True, deadline=None, max_examples=60)


def test_the_codes_are_those_of_the_guide():
    """Each block of the guide has a matrix, and then its codes row by row."""
    blocks = re.findall(r"```\nT = (.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        matrix, encoding, hexadecimal = re.fullmatch(
            r"([-+0 \n]+)\n(\S+)\n\n(.*)", block, re.DOTALL
        ).groups()
        signs = {"+": 1, "0": 0, "-": -1}
        T = np.array([[signs[s] for s in row.split()] for row in matrix.splitlines()])
        rows = [
            list(bytes.fromhex(re.match(r"((?:[0-9A-F]{2} )*[0-9A-F]{2})(?: {2}|$)", line)[1]))
            for line in hexadecimal.splitlines()
        ]
        assert pack(T, 1.0, encoding).codes.tolist() == rows


@given(ternary_matrices, st.sampled_from(sorted(ENCODINGS)))
@repeatably
def test_unpacking_is_the_inverse_of_packing(T, encoding):
    packed = pack(T, 0.3, encoding)
    packed.validate()
    k, _ = ENCODINGS[encoding]
    assert packed.codes.shape == (len(T), -(-T.shape[1] // k))
    assert (packed.codes.dtype, packed.unpack().dtype) == (np.uint8, np.int8)
    np.testing.assert_array_equal(packed.unpack(), T)
    assert packed.dense().dtype == np.float32
    np.testing.assert_array_equal(packed.dense(), T * np.float32(0.3))


@encodings
def test_the_digits_of_a_byte_are_the_weights(encoding):
    k, base = ENCODINGS[encoding]
    T = np.random.default_rng(0).integers(-1, 2, (3, 17))
    codes = pack(T, 1, encoding).codes
    for o, d in np.ndindex(3, 17):
        digit = int(codes[o, d // k]) // base ** (d % k) % base
        assert digit == {0: 0, 1: 1, -1: 2}[int(T[o, d])]


@encodings
def test_every_byte_is_a_code_or_an_error(encoding):
    k, _ = ENCODINGS[encoding]
    accepted = 0
    for byte in range(256):
        packed = PackedTernary(encoding, (1, 2 * k), 1.0, np.array([[0, byte]], np.uint8))
        try:
            packed.validate()
        except ValueError as error:
            assert f"row 0, byte 1 is {byte}, which" in str(error)  # noqa: PT017
        else:
            accepted += 1
    assert accepted == 3**k


@encodings
@pytest.mark.parametrize("missing", [1, 2, 3])
def test_the_digits_after_a_row_are_zero(encoding, missing):
    k, base = ENCODINGS[encoding]
    codes = np.zeros((2, 1), np.uint8)
    codes[1] = 2 * base ** (k - missing - 1)  # the last weight is -1
    PackedTernary(encoding, (2, k - missing), 1.0, codes).validate()
    codes[1] = base ** (k - missing)  # the first digit after it is 1
    with pytest.raises(ValueError, match=f"row 1, byte 0 is {codes[1, 0]}, which is not the"):
        PackedTernary(encoding, (2, k - missing), 1.0, codes).validate()


def test_the_packed_sizes_of_v3():
    shapes = [(256, 256), (683, 256), (683, 256), (256, 683)]
    sizes = {e: sum(pack(np.zeros(s), 1, e).codes.nbytes for s in shapes) for e in ENCODINGS}
    assert sizes == {"2-bit": 147_584, "base-3": 119_416}


@pytest.mark.parametrize(
    ("T", "message"),
    [
        ([[0, 2]], r"pack: T\[0, 1\] is 2, expected -1, 0 or 1"),
        ([[np.nan]], r"T\[0, 0\] is nan"),
        ([1, 0], r"pack: T has shape \(2,\), expected \(O, D\)"),
    ],
)
def test_a_matrix_that_is_not_ternary_is_refused(T, message):
    with pytest.raises(ValueError, match=message):
        pack(np.array(T), 1)


CODE = np.zeros((1, 1), np.uint8)


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (PackedTernary("2-bit", (1, 1), -1.0, CODE), "the scale is -1.0, expected a finite"),
        (PackedTernary("2-bit", (1, 1), np.inf, CODE), "the scale is inf"),
        (PackedTernary("2-bit", (1, 1), np.nan, CODE), "the scale is nan"),
        (PackedTernary("3-bit", (1, 1), 1.0, CODE), "'3-bit', expected one of 2-bit, base-3"),
        (
            PackedTernary("2-bit", (1, 5), 1.0, CODE),
            r"codes has shape \(1, 1\), expected \(O, W\) = \(1, 2\)",
        ),
        (PackedTernary("2-bit", (1, 4), 1.0, CODE.astype(float)), "dtype float64"),
    ],
)
def test_an_invalid_packed_matrix_is_refused(packed, message):
    with pytest.raises(ValueError, match=message):
        packed.validate()
