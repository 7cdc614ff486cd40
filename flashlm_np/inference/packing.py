"""A ternary matrix in two bits per weight, or in 1.6, with its scale.

digits     0, 1 and 2 stand for the weights 0, +1 and -1
"2-bit"    4 weights in a byte: Σ_k digit_k · 4^k ; the digit 3, bits 11, is not used
"base-3"   5 weights in a byte: Σ_k digit_k · 3^k, at most 242 of 255
rows       begin on a whole byte; the digits that fill up the last one are 0
bytes      O·⌈D/4⌉ or O·⌈D/5⌉; 4·O·D in float32
source     docs/packed-format.md. A ternary digit has log₂3 = 1.585 bits; five in a byte is
           as near as a byte comes to it: 3⁵ = 243 of its 256 values
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from minigrad.errors import expect_shape
from minigrad.ops.ternary import ternarize

ENCODINGS = {"2-bit": (4, 4), "base-3": (5, 3)}  # weights in a byte, and the base of digits
SIGNS = np.array([0, 1, -1, 0], np.int8)  # what a digit stands for
MAX_WEIGHTS = 1 << 28  # 1 GB in float32; FlashLM v3 has 590,080


@dataclass(frozen=True, eq=False)
class PackedTernary:
    """s·T, where T (O, D) has only -1, 0 and +1: its codes (O, bytes of a row), uint8.

    Whatever is in one is in the format: sizes, scale and every code are checked when it is
    made. The scale is rounded to float32.

    Raises:
        ValueError: says what is not in the format, and where.

    Example:
        >>> packed = pack(np.array([[1, 0, -1, -1, 0, 1]]), 0.5)
        >>> packed
        PackedTernary('base-3', (1, 6), scale 0.5, 2 bytes)
        >>> packed.codes.tolist()  # 1 + 2·9 + 2·27, and the sixth weight with four zeros
        [[73, 1]]
    """

    encoding: str
    shape: tuple[int, int]
    scale: float
    codes: np.ndarray

    def __post_init__(self):
        O, D = self.shape
        with np.errstate(over="ignore"):  # what is out of range is infinite
            object.__setattr__(self, "scale", float(np.float32(self.scale)))
        check_sizes(self.encoding, O, D)
        check_scale(self.scale)
        expect_shape("packed", "codes", self.codes, O=O, W=row_bytes(self.encoding, D))
        _check_codes(self.encoding, D, self.codes)

    def __repr__(self) -> str:
        about = f"scale {self.scale:g}, {self.codes.nbytes} bytes"
        return f"PackedTernary({self.encoding!r}, {self.shape}, {about})"

    def unpack(self) -> np.ndarray:
        """T, in int8 (O, D)."""
        O, D = self.shape
        weights, _ = _bytes_of(self.encoding)  # (256, k)
        return weights[self.codes].reshape(O, -1)[:, :D]  # (O, W, k) -> (O, D)

    def dense(self) -> np.ndarray:
        """s·T, in float32 (O, D)."""
        return self.unpack() * np.float32(self.scale)


def pack(T: np.ndarray, scale: float, encoding: str = "base-3") -> PackedTernary:
    """Pack T (O, D), of any dtype, whose entries are -1, 0 and +1."""
    T = np.asarray(T)
    expect_shape("pack", "T", T, O=None, D=None)
    O, D = T.shape
    check_sizes(encoding, O, D)
    if not (ternary := (T == 0) | (np.abs(T) == 1)).all():
        o, d = np.argwhere(~ternary)[0]
        raise ValueError(f"pack: T[{o}, {d}] is {T[o, d]}, expected -1, 0 or 1")
    k, base = ENCODINGS[encoding]
    digits = np.zeros((O, row_bytes(encoding, D), k), np.uint8)
    digits.reshape(O, -1)[:, :D] = np.where(T < 0, 2, T)
    codes = digits @ (base ** np.arange(k)).astype(np.uint8)  # (O, W, k) -> (O, W)
    return PackedTernary(encoding, (O, D), scale, codes)


def from_weights(
    w: np.ndarray, *, threshold: float = 1.0, scale_rule: str = "none", encoding: str = "base-3"
) -> PackedTernary:
    """Ternarize a trained w (O, D) as its layer does, and pack it.

    Raises:
        ValueError: w is ternary already. The scale "mean" would be a mean over the zeros too,
            so that ±a became ±a·(share that is not 0): smaller every time.
    """
    w = np.asarray(w)
    expect_shape("from_weights", "w", w, O=None, D=None)
    check_sizes(encoding, *w.shape)
    if not np.isfinite(w).all():
        raise ValueError("from_weights: w holds numbers that are not finite")
    T, scale = ternarize(w, threshold=threshold, scale=scale_rule)
    if a := ternary_size(w):
        share, after = np.count_nonzero(w) / w.size, scale * float(np.abs(T).max())
        raise ValueError(
            f"from_weights: w is ternary already: each entry is {-a:g}, 0 or {a:g}, and "
            f"{share:.1%} are not 0. Ternarized again with threshold {threshold:g} and scale "
            f"{scale_rule!r}, {a:g} would become {after:g}, {after / a:.3g} of what it was; "
            f"pack it as it is with pack(np.sign(w), np.abs(w).max(), {encoding!r})"
        )
    return pack(T, scale, encoding)


def ternary_size(w: np.ndarray) -> float | None:
    """a, if every entry of w is -a, 0 or +a; otherwise None."""
    size = np.abs(w)
    a = size.max()
    return float(a) if ((size == 0) | (size == a)).all() else None


def row_bytes(encoding: str, D: int) -> int:
    """Bytes of a row of D weights."""
    return -(-D // ENCODINGS[encoding][0])


@cache
def _bytes_of(encoding):
    """For each of the 256 bytes its k weights (256, k), and whether it is in the format."""
    k, base = ENCODINGS[encoding]
    codes = np.arange(256)
    digits = codes[:, None] // base ** np.arange(k) % base  # (256, k)
    return SIGNS[digits], (digits < 3).all(axis=1) & (codes < base**k)


def check_sizes(encoding: str, O: int, D: int) -> None:
    if encoding not in ENCODINGS:
        raise ValueError(f"encoding is {encoding!r}, expected one of {', '.join(ENCODINGS)}")
    if O < 1 or D < 1:  # no rows of a billion, or a billion rows of none: they cost no bytes
        raise ValueError(f"the matrix has {O} rows of {D} weights, expected 1 or more of each")
    if O * D > MAX_WEIGHTS:
        raise ValueError(f"the matrix has {O * D:,} weights, and {MAX_WEIGHTS:,} are the most")


def check_scale(scale: float) -> None:
    if not 0 <= scale < math.inf:
        raise ValueError(f"the scale is {scale}, expected a finite number, 0 or more")


def _check_codes(encoding, D, codes):
    """Every byte must be one that `pack` can write, and the padding after D weights 0."""
    if codes.dtype != np.uint8:
        raise ValueError(f"codes have dtype {codes.dtype}, expected uint8")
    k, base = ENCODINGS[encoding]
    _, known = _bytes_of(encoding)
    if not (good := known[codes]).all():
        row, place = np.argwhere(~good)[0]
        why = "two bits are never 11" if base == 4 else "bytes go up to 242"
        byte = codes[row, place]
        raise ValueError(f"row {row}, byte {place} is {byte} ({byte:08b}); in {encoding} {why}")
    if D % k and not (good := codes[:, -1] < base ** (D % k)).all():
        row = good.argmin()
        raise ValueError(
            f"row {row}, byte {codes.shape[1] - 1} is {codes[row, -1]}, expected less than "
            f"{base ** (D % k)}: the padding after {D} weights is 0"
        )
