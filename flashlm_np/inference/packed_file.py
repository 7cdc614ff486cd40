"""The bytes of a packed matrix: a header of 20, then the codes row by row. Little-endian.

    0    4 bytes    magic, "TERN"
    4    1 byte     version, 1
    5    1 byte     weights in a byte: 4 for 2-bit, 5 for base-3
    6    2 bytes    0
    8    4 bytes    O, rows
    12   4 bytes    D, weights in a row
    16   4 bytes    scale, float32
    20              O rows of ⌈D/4⌉ or ⌈D/5⌉ bytes, and nothing after them

A file is believed only as far as it agrees with itself and with its own length. Before that,
nothing is read or allocated for it. A matrix has one file and a file one matrix: what
`to_bytes` could not have written is refused.

Source: docs/packed-format.md, with every byte of two examples
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..files import write_atomically
from .packing import ENCODINGS, PackedTernary, check_scale, check_sizes, row_bytes

HEADER = struct.Struct("<4sBBHIIf")
MAGIC, VERSION = b"TERN", 1


def to_bytes(packed: PackedTernary) -> bytes:
    k, _ = ENCODINGS[packed.encoding]
    header = HEADER.pack(MAGIC, VERSION, k, 0, *packed.shape, packed.scale)
    return header + packed.codes.tobytes()


def from_bytes(data: bytes) -> PackedTernary:
    """The matrix that `to_bytes` wrote; its codes are those in `data` and not a copy.

    Raises:
        ValueError: says what is wrong with the data, and where.
    """
    encoding, shape, scale = _read_header(data[: HEADER.size], len(data))
    codes = np.frombuffer(data, np.uint8, offset=HEADER.size).reshape(shape[0], -1)
    return PackedTernary(encoding, shape, scale, codes)


def save_packed(path: Path, packed: PackedTernary) -> None:
    write_atomically(path, to_bytes(packed))


def load_packed(path: Path) -> PackedTernary:
    """Read a packed file, or raise a UserError that says what is wrong with it."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            header = file.read(HEADER.size)
            _read_header(header, size)  # before the rest is read
            return from_bytes(header + file.read(size - len(header)))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"{path} cannot be used: {error}") from None


def _read_header(header, size):
    """Encoding, shape and scale, which agree with each other and with `size` bytes in all."""
    if len(header) < HEADER.size:
        raise ValueError(f"it has {size} bytes, and the header alone has {HEADER.size}")
    magic, version, k, zero, O, D, scale = HEADER.unpack(header)
    if magic != MAGIC:
        raise ValueError(f"it begins with {magic!r}, expected {MAGIC!r}: no packed matrix")
    if version != VERSION:
        raise ValueError(f"byte 4: it has version {version}, expected {VERSION}")
    encoding = next((name for name, (n, _) in ENCODINGS.items() if n == k), None)
    if encoding is None:
        raise ValueError(f"byte 5: {k} weights in a byte, expected 4 (2-bit) or 5 (base-3)")
    if zero:
        raise ValueError(f"bytes 6 and 7 are {zero}, expected 0")
    check_sizes(encoding, O, D)
    expected = HEADER.size + O * row_bytes(encoding, D)
    if size != expected:
        rows = f"{O} rows of {D} weights"
        raise ValueError(f"it has {size:,} bytes, expected {expected:,} for {rows}")
    check_scale(scale)
    return encoding, (O, D), scale
