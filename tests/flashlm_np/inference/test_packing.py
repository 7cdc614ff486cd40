import os
import re
import tracemalloc
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from flashlm_np.errors import UserError
from flashlm_np.inference.packed_file import (
    HEADER,
    from_bytes,
    load_packed,
    save_packed,
    to_bytes,
)
from flashlm_np.inference.packing import (
    ENCODINGS,
    PackedTernary,
    from_weights,
    pack,
    ternary_size,
)
from minigrad.ops.ternary import SCALES, ternarize

PAGE = Path(__file__).resolve().parents[3] / "docs" / "packed-format.md"
encodings = pytest.mark.parametrize("encoding", ENCODINGS)
ternary_matrices = st.tuples(st.integers(1, 9), st.integers(1, 23)).flatmap(
    lambda shape: arrays(np.int8, shape, elements=st.integers(-1, 1))
)
scales = st.floats(0, width=32, allow_infinity=False, allow_nan=False)
repeatably = settings(derandomize=True, deadline=None, max_examples=60)


def random_ternary(O, D, seed=0):
    return np.random.default_rng(seed).integers(-1, 2, (O, D)).astype(np.int8)


def header(magic=b"TERN", version=1, k=5, zero=0, O=2, D=6, scale=0.75):
    return HEADER.pack(magic, version, k, zero, O, D, scale)


# -- the format ------------------------------------------------------------


def test_the_bytes_are_those_of_the_specification():
    """Every block of the page that begins with a matrix is that matrix, byte by byte."""
    blocks = re.findall(r"```\nT = (.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        matrix, about, hexadecimal = re.fullmatch(
            r"([-+0 \n]+)\n(scale .*?)\n\n(.*)", block, re.DOTALL
        ).groups()
        signs = {"+": 1, "0": 0, "-": -1}
        T = np.array([[signs[s] for s in row.split()] for row in matrix.splitlines()])
        scale, encoding = re.fullmatch(r"scale (\S+), (\S+)", about).groups()
        rows = [
            re.match(r"((?:[0-9A-F]{2} )*[0-9A-F]{2})(?: {2}|$)", line)[1]
            for line in hexadecimal.splitlines()
        ]
        data = bytes.fromhex(" ".join(rows))
        assert to_bytes(pack(T, float(scale), encoding)) == data
        np.testing.assert_array_equal(from_bytes(data).unpack(), T)


@given(ternary_matrices, scales, st.sampled_from(sorted(ENCODINGS)))
@repeatably
def test_nothing_is_lost(T, scale, encoding):
    packed = pack(T, scale, encoding)
    k, _ = ENCODINGS[encoding]
    data = to_bytes(packed)
    assert len(data) == 20 + T.shape[0] * -(-T.shape[1] // k)
    for matrix in (packed, from_bytes(data)):
        np.testing.assert_array_equal(matrix.unpack(), T)
        assert (matrix.shape, matrix.scale, matrix.encoding) == (T.shape, scale, encoding)
        assert matrix.unpack().dtype == np.int8
    dense = packed.dense()
    assert dense.dtype == np.float32
    np.testing.assert_array_equal(dense, T * np.float32(scale))


@encodings
def test_a_byte_is_a_number_of_digits(encoding):
    k, base = ENCODINGS[encoding]
    T = random_ternary(3, 17)
    codes = pack(T, 1, encoding).codes
    for o, d in np.ndindex(3, 17):
        digit = int(codes[o, d // k]) // base ** (d % k) % base
        assert digit == {0: 0, 1: 1, -1: 2}[int(T[o, d])]


@encodings
def test_every_byte_is_in_the_format_or_refused(encoding):
    k, _ = ENCODINGS[encoding]
    accepted = 0
    for byte in range(256):
        codes = np.array([[0, byte]], np.uint8)
        try:
            T = PackedTernary(encoding, (1, 2 * k), 1.0, codes).unpack()
        except ValueError as error:
            assert f"row 0, byte 1 is {byte} " in str(error)  # noqa: PT017
        else:
            accepted += 1
            np.testing.assert_array_equal(pack(T, 1, encoding).codes, codes)
    assert accepted == 3**k


@encodings
@pytest.mark.parametrize("missing", [1, 2, 3])
def test_padding_is_zero(encoding, missing):
    k, base = ENCODINGS[encoding]
    codes = np.zeros((2, 1), np.uint8)
    codes[1] = 2 * base ** (k - missing - 1)  # the last weight is -1
    PackedTernary(encoding, (2, k - missing), 1.0, codes)
    codes[1] = base ** (k - missing)  # the first digit after it is 1
    with pytest.raises(
        ValueError, match=rf"row 1, byte 0 is {codes[1, 0]}, expected less than"
    ):
        PackedTernary(encoding, (2, k - missing), 1.0, codes)


def test_the_sizes_of_v3():
    shapes = [(256, 256), (683, 256), (683, 256), (256, 683)]
    sizes = {e: sum(pack(np.zeros(s), 1, e).codes.nbytes for s in shapes) for e in ENCODINGS}
    assert sizes == {"2-bit": 147_584, "base-3": 119_416}


# -- from weights ------------------------------------------------------------


@encodings
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("threshold", [0.5, 1.0])
def test_weights_are_ternarized_as_the_layer_does(encoding, scale, threshold):
    w = np.random.default_rng(1).standard_normal((7, 11)).astype(np.float32)
    packed = from_weights(w, threshold=threshold, scale_rule=scale, encoding=encoding)
    T, s = ternarize(w, threshold=threshold, scale=scale)
    np.testing.assert_array_equal(packed.unpack(), T)
    np.testing.assert_array_equal(packed.dense(), s * T)


@encodings
@pytest.mark.parametrize("scale", SCALES)
def test_a_matrix_of_zeros_is_packed(encoding, scale):
    packed = from_weights(np.zeros((2, 3), np.float32), scale_rule=scale, encoding=encoding)
    assert packed.scale == (scale == "none")
    assert not from_bytes(to_bytes(packed)).dense().any()


def test_what_is_ternary_already_is_refused_with_what_would_become_of_it():
    w = pack(np.array([[1, 0, -1, 1], [-1, 1, 0, 0]]), 0.25).dense()
    with pytest.raises(ValueError, match="ternary already") as caught:
        from_weights(w, threshold=0.5, scale_rule="mean")
    assert str(caught.value) == (
        "from_weights: w is ternary already: each entry is -0.25, 0 or 0.25, and 62.5% are not "
        "0. Ternarized again with threshold 0.5 and scale 'mean', 0.25 would become 0.15625, "
        "0.625 of what it was; pack it as it is with "
        "pack(np.sign(w), np.abs(w).max(), 'base-3')"
    )
    kept = pack(np.sign(w), np.abs(w).max(), "base-3")  # the advice
    np.testing.assert_array_equal(kept.dense(), w)


@pytest.mark.parametrize(
    ("rule", "threshold", "T", "told"),
    [
        ("mean", 0.5, [[3, 0, -3]], "3 would become 2, 0.667 of"),
        ("none", 1.0, [[3, 0, -3]], "3 would become 1, 0.333 of"),
        ("kept", 0.7, [[3, 0, -3]], "3 would become 3, 1 of"),
        ("mean", 1.0, [[3, -3]], "3 would become 0, 0 of"),  # none is larger than the mean
    ],
)
def test_the_loss_is_told(rule, threshold, T, told):
    w = np.array(T, np.float32)
    with pytest.raises(ValueError, match=told):
        from_weights(w, threshold=threshold, scale_rule=rule)


def test_what_counts_as_ternary():
    assert ternary_size(np.array([[0, 2.0, -2.0]])) == 2
    assert ternary_size(np.zeros((1, 2))) == 0
    assert ternary_size(np.array([[0, 2.0, -2.5]])) is None


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: pack(np.array([[0, 2]]), 1), r"pack: T\[0, 1\] is 2, expected -1, 0 or 1"),
        (lambda: pack(np.array([[np.nan]]), 1), r"T\[0, 0\] is nan"),
        (lambda: pack(np.array([1, 0]), 1), r"pack: T has shape \(2,\), expected \(O, D\)"),
        (lambda: pack(np.zeros((0, 3)), 1), "0 rows of 3 weights, expected 1 or more"),
        (lambda: pack(np.zeros((1, 1)), -1), "the scale is -1.0, expected a finite"),
        (lambda: pack(np.zeros((1, 1)), 1e39), "the scale is inf"),
        (lambda: pack(np.zeros((1, 1)), 1, "3-bit"), "'3-bit', expected one of 2-bit, base-3"),
        (lambda: from_weights(np.full((1, 2), np.inf)), "numbers that are not finite"),
        (lambda: from_weights(np.ones(3)), r"w has shape \(3,\)"),
        (
            lambda: PackedTernary("2-bit", (1, 5), 1, np.zeros((1, 1), np.uint8)),
            r"codes has shape \(1, 1\), expected \(O, W\) = \(1, 2\)",
        ),
        (lambda: PackedTernary("2-bit", (1, 4), 1, np.zeros((1, 1))), "dtype float64"),
    ],
)
def test_what_cannot_be_packed_is_told(call, told):
    with pytest.raises(ValueError, match=told):
        call()


# -- bad files ------------------------------------------------------------

CODES = bytes([73, 1, 108, 1])
BAD = [
    (b"", "it has 0 bytes, and the header alone has 20"),
    (header()[:19], "it has 19 bytes"),
    (header(magic=b"PK\3\4") + CODES, "it begins with b'PK"),
    (header(version=2) + CODES, "byte 4: it has version 2, expected 1"),
    (header(k=3) + CODES, "byte 5: 3 weights in a byte, expected 4"),
    (header(zero=256) + CODES, "bytes 6 and 7 are 256"),
    (header(O=0), "0 rows of 6 weights"),
    (header(O=2**32 - 1, D=0), "4294967295 rows of 0 weights, expected 1 or more"),
    (header(O=2**32 - 1, D=2**32 - 1) + CODES, "18,446,744,065,119,617,025 weights"),
    (header(O=2**14, D=2**14) + CODES, "it has 24 bytes, expected 53,690,388 for 16384 rows"),
    (header() + CODES[:-1], "it has 23 bytes, expected 24 for 2 rows of 6 weights"),
    (header() + CODES + b"\0", "it has 25 bytes, expected 24"),
    (header(scale=np.nan) + CODES, "the scale is nan"),
    (header(scale=-1) + CODES, "the scale is -1.0"),
    (header(scale=np.inf) + CODES, "the scale is inf"),
    (header() + bytes([73, 1, 243, 1]), r"row 1, byte 0 is 243 \(11110011\); in base-3 bytes"),
    (
        header() + bytes([73, 3, 108, 1]),
        "row 0, byte 1 is 3, expected less than 3: the padding",
    ),
    (header(k=4) + bytes([0, 0, 0b110000, 0]), r"row 1, byte 0 is 48 .* two bits are never 11"),
    (header(k=4) + bytes([0, 0, 0, 16]), "row 1, byte 1 is 16, expected less than 16"),
]


@contextmanager
def little_memory():
    """Inside, Python and NumPy never hold more than 100 kB."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 100_000  # the peak
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("data", "told"), BAD)
def test_bad_data_is_refused_in_a_sentence(tmp_path, data, told):
    with little_memory(), pytest.raises(ValueError, match=told):
        from_bytes(data)
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(UserError, match=told) as caught:
        load_packed(tmp_path / "x")
    assert str(caught.value).startswith(f"{tmp_path / 'x'} cannot be used: ")
    assert "\n" not in str(caught.value)


@encodings
def test_every_beginning_of_a_file_is_refused(encoding):
    data = to_bytes(pack(random_ternary(3, 7), 0.5, encoding))
    for length in range(len(data)):
        with pytest.raises(ValueError, match=f"it has {length} bytes"):
            from_bytes(data[:length])


@given(ternary_matrices, st.sampled_from(sorted(ENCODINGS)), st.data())
@repeatably
def test_a_changed_file_is_refused_or_another_matrix(T, encoding, data):
    good = bytearray(to_bytes(pack(T, 0.5, encoding)))
    for _ in range(data.draw(st.integers(1, 2))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        packed = from_bytes(bytes(good))
    except ValueError:
        return
    assert to_bytes(packed) == good
    assert to_bytes(pack(packed.unpack(), packed.scale, packed.encoding)) == good


def test_a_packed_file_is_loaded(tmp_path):
    packed = pack(random_ternary(4, 9), 0.3)
    save_packed(tmp_path / "x", packed)
    assert to_bytes(load_packed(tmp_path / "x")) == to_bytes(packed)
    assert repr(packed) == "PackedTernary('base-3', (4, 9), scale 0.3, 8 bytes)"


def test_a_large_file_is_not_read(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(header(O=2**15, D=2**14 + 1))
    os.truncate(path, 20 + 2**15 * 3277)  # as long as it says, and all holes
    told = "has 536,903,680 weights, and 268,435,456 are the most"
    with little_memory(), pytest.raises(UserError, match=told):
        load_packed(path)


def test_what_cannot_be_read_is_told(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*none: No such file"):
        load_packed(tmp_path / "none")
    with pytest.raises(UserError, match=r"cannot read .*: Is a directory"):
        load_packed(tmp_path)
