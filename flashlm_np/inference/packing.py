"""A ternary matrix in 2 bits per weight, or in 1.6, with its scale.

digits     0, 1 and 2 stand for the weights 0, +1 and -1
"2-bit"    4 weights in a byte: Σ_k digit_k · 4^k ; the digit 3 (bits 11) is not used
"base-3"   5 weights in a byte: Σ_k digit_k · 3^k, at most 242 of 255
rows       begin on a whole byte; the digits that fill up the last byte are 0
bytes      O·⌈D/4⌉ or O·⌈D/5⌉; float32 takes 4·O·D
source     docs/packed-format.md. A ternary digit has log₂3 = 1.585 bits, and a byte has room
           for five of them: 3⁵ = 243 of its 256 values
"""

from dataclasses import dataclass

import numpy as np

from minigrad.errors import expect_shape

ENCODINGS = {"2-bit": (4, 4), "base-3": (5, 3)}  # weights in a byte, and the base of the digits
SIGNS = np.array([0, 1, -1, 0], np.int8)  # the weight of each digit


@dataclass(frozen=True, eq=False)
class PackedTernary:
    """The matrix s·T, where T (O, D) holds only -1, 0 and +1.

    Shapes: codes (O, bytes of a row), uint8.

    Example:
        >>> packed = pack(np.array([[1, 0, -1, -1, 0, 1]]), 0.5)
        >>> packed.codes.tolist()  # 1 + 2·9 + 2·27, and the sixth weight with four zeros
        [[73, 1]]
        >>> packed.unpack().tolist()
        [[1, 0, -1, -1, 0, 1]]
    """

    encoding: str
    shape: tuple[int, int]
    scale: float
    codes: np.ndarray

    def unpack(self) -> np.ndarray:
        """T (O, D), in int8."""
        O, D = self.shape
        k, base = ENCODINGS[self.encoding]
        digits = np.arange(256)[:, None] // base ** np.arange(k) % base  # (256, k)
        return SIGNS[digits][self.codes].reshape(O, -1)[:, :D]  # (O, W, k) -> (O, D)

    def dense(self) -> np.ndarray:
        """s·T (O, D), in float32."""
        return self.unpack() * np.float32(self.scale)

    def validate(self) -> None:
        """Raise a ValueError unless this matrix, read from a file, is in the format."""
        if self.encoding not in ENCODINGS:
            known = ", ".join(ENCODINGS)
            raise ValueError(f"the encoding is {self.encoding!r}, expected one of {known}")
        if not 0 <= self.scale < np.inf:
            raise ValueError(f"the scale is {self.scale}, expected a finite number, 0 or more")
        O, D = self.shape
        expect_shape("packed", "codes", self.codes, O=O, W=-(-D // ENCODINGS[self.encoding][0]))
        if self.codes.dtype != np.uint8:
            raise ValueError(f"the codes have dtype {self.codes.dtype}, expected uint8")
        # A matrix has one encoding. Codes that a round trip changes are not in the format.
        wrong = self.codes != pack(self.unpack(), self.scale, self.encoding).codes
        if wrong.any():
            row, place = np.argwhere(wrong)[0]
            raise ValueError(
                f"row {row}, byte {place} is {self.codes[row, place]}, which is not the "
                f"{self.encoding} code of the row's weights"
            )


def pack(T: np.ndarray, scale: float, encoding: str = "base-3") -> PackedTernary:
    """Pack T (O, D), whose entries are -1, 0 and +1 in any dtype."""
    T = np.asarray(T)
    expect_shape("pack", "T", T, O=None, D=None)
    if not (ternary := (T == 0) | (np.abs(T) == 1)).all():
        o, d = np.argwhere(~ternary)[0]
        raise ValueError(f"pack: T[{o}, {d}] is {T[o, d]}, expected -1, 0 or 1")
    O, D = T.shape
    k, base = ENCODINGS[encoding]
    digits = np.zeros((O, -(-D // k), k), np.uint8)  # zeros fill up the last byte of a row
    digits.reshape(O, -1)[:, :D] = np.where(T < 0, 2, T)
    codes = digits @ (base ** np.arange(k)).astype(np.uint8)  # (O, W, k) -> (O, W)
    return PackedTernary(encoding, (O, D), scale, codes)
