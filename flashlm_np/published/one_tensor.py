"""One tensor out of a safetensors file, without reading the others.

    bytes 0 to 7      n, the header's length, little-endian
    n bytes           the header, JSON: {"wte.weight": {"dtype": "F32", "shape": [50257, 768],
                      "data_offsets": [0, 154389504]}, ...}
    the rest          the tensors' numbers, little-endian; the offsets count from here

A header is believed only as far as it agrees with itself and with the size of the file. Before
that, nothing is allocated for it: a few bytes cannot ask for a terabyte.

Source: https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from ..errors import UserError

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}  # BF16: half a float32
MAX_HEADER = 10_000_000  # bytes; GPT-2's has 14 thousand
MAX_TENSOR = 2_000_000_000  # bytes; GPT-2's embedding has 154 million

Progress = Callable[[int, int], object]  # is told how many bytes have come, and of how many


class Source(Protocol):
    """Bytes that can be read from anywhere: a file's, or a hub's."""

    name: str
    size: int

    def read(self, start: int, view: memoryview, progress: Progress | None = None) -> None:
        """Fill `view` with the bytes from `start` on, or raise an OSError."""


@dataclass
class _LocalFile:
    name: str
    size: int
    file: BinaryIO

    def read(self, start: int, view: memoryview, progress: Progress | None = None) -> None:
        self.file.seek(start)
        if self.file.readinto(view) != len(view):
            raise OSError("it became shorter while it was read")


def read_tensor_of_file(path: Path, names: tuple[str, ...]) -> np.ndarray:
    """The first of `names` that a local safetensors file has, in float32.

    Raises:
        UserError: the file cannot be read, is damaged, or has no such tensor.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            return read_tensor_of(_LocalFile(str(path), size, file), names)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None


def read_tensor_of(
    source: Source, names: tuple[str, ...], progress: Progress | None = None
) -> np.ndarray:
    """The same from any source; what its `read` raises is not caught."""
    text = _header(source)
    try:
        begin = 8 + len(text)
        dtype, shape, start, stop = _entry(_parse(text), names, source.size - begin)
    except ValueError as error:
        raise UserError(f"{source.name} cannot be used: {error}") from None
    data = np.empty(stop - start, np.uint8)
    source.read(begin + start, memoryview(data), progress)
    return _to_float32(data, dtype).reshape(shape)


def _header(source):
    if source.size < 8:
        raise UserError(f"{source.name} has {source.size} bytes: it is no safetensors file")
    length = bytearray(8)
    source.read(0, memoryview(length))
    n = int.from_bytes(length, "little")
    if n > min(MAX_HEADER, source.size - 8):
        raise UserError(
            f"{source.name} is no safetensors file, or not the whole of one: "
            f"its header would have {n:,} bytes"
        )
    text = bytearray(n)
    source.read(8, memoryview(text))
    return text


def _parse(text):
    try:
        header = json.loads(str(text, "utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its header is not JSON ({error})") from None
    if not isinstance(header, dict):
        raise ValueError("its header is not a JSON object")
    return header


def _entry(header, names, room):
    """The tensor's type, shape, start and stop, which agree with each other and fit `room`."""
    name = next((name for name in names if name in header), None)
    if name is None:
        raise ValueError(f"it has no {' or '.join(names)}, but {_some_of(header)}")
    entry = header[name] if isinstance(header[name], dict) else {}
    dtype, shape, place = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"{name} has dtype {dtype!r:.20}, not one of {', '.join(DTYPES)}")
    if not (_naturals(shape, 0, 8) and _naturals(place, 2, 2)):
        raise ValueError(f"the shape or the data_offsets of {name} are not natural numbers")
    start, stop = place
    size = math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize
    if size == 0 or size != stop - start:
        raise ValueError(f"the shape, dtype and data_offsets of {name} do not agree")
    if stop > room:
        raise ValueError(f"{name} would end after the file does, so it is not whole")
    if size > MAX_TENSOR:
        raise ValueError(f"{name} has {size:,} bytes, and no more than {MAX_TENSOR:,} are read")
    return dtype, shape, start, stop


def _naturals(numbers, least, most):
    """Whether this is a list of so many natural numbers; True and 1.0 are none."""
    listed = isinstance(numbers, list) and least <= len(numbers) <= most
    return listed and all(type(n) is int and n >= 0 for n in numbers)


def _some_of(header):
    names = [f"{name!r:.60}" for name in header if name != "__metadata__"]
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more if names else "no tensor at all"


def _to_float32(data, dtype):
    numbers = data.view(DTYPES[dtype])
    if dtype == "BF16":
        numbers = (numbers.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # what is out of range is infinite
        return numbers.astype(np.float32, copy=False)
