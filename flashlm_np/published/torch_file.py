"""What torch.save wrote, read without torch: numbers, texts, and tensors as NumPy arrays.

Since PyTorch 1.6 such a file is a zip archive whose members are not compressed:

    NAME/data.pkl     a pickle: the value, in which each tensor is a call of
                      torch._utils._rebuild_tensor_v2(storage, offset, size, stride, ...)
    NAME/data/0, 1 …  the storages: the tensors' numbers, one after the other
    NAME/byteorder    "little" or "big" (not in old files)
    NAME/version …    not needed

A storage is a persistent id in the pickle, ("storage", torch.FloatStorage, "0", "cpu", 2048):
its type, its member data/0, where it was, how many numbers it has. Several tensors may share
one; offset, size and stride, counted in numbers, say which of them a tensor has.

A stranger's file may be read. unpickle.py runs nothing of it, and knows only the names in
CALLS and STORAGES; stored_zip.py gives memory only for bytes that are in the file. So here: a
storage has exactly the bytes of its member, a tensor lies in its storage and is no larger (a
stride of 0 would repeat numbers for nothing), and arrays are views.

Source: torch/serialization.py and torch/_utils.py of PyTorch 2.13.
"""

from __future__ import annotations

import math
import struct
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import UserError
from .stored_zip import StoredZip
from .unpickle import Global, shown, unpickle

PICKLE_LIMIT = 2**18  # bytes: some 1,500 tensors; the published file's pickle has 6,300
MOST_AXES = 8
BEFORE_1_6 = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # a pickle of a number, then more

# bfloat16 is the upper half of a float32; NumPy has no such type.
STORAGES = {
    "torch.FloatStorage": np.dtype("<f4"),
    "torch.DoubleStorage": np.dtype("<f8"),
    "torch.HalfStorage": np.dtype("<f2"),
    "torch.BFloat16Storage": np.dtype("<u2"),
    "torch.LongStorage": np.dtype("<i8"),
    "torch.IntStorage": np.dtype("<i4"),
    "torch.BoolStorage": np.dtype("?"),
}

# All that zipfile, pickletools and NumPy raise for bytes that make no sense to them.
DAMAGE = (
    zipfile.BadZipFile,
    ValueError,
    OSError,
    EOFError,
    OverflowError,
    RuntimeError,  # also NotImplementedError
    struct.error,
)


def read_torch_file(path: Path) -> object:
    """The value in the file: dicts, lists, tuples, texts and numbers, tensors as arrays.

    The arrays cannot be written to, and may share memory, as the tensors did.

    Raises:
        UserError: the file cannot be read, is damaged, or asks for what is not on the list.
    """
    try:
        with open(path, "rb") as file:
            return _value(file, path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None


def _value(file, path):
    try:
        if file.read(len(BEFORE_1_6)) == BEFORE_1_6:
            raise ValueError("PyTorch before 1.6 wrote it; load and save it with a newer")
        return _Reader(StoredZip(file)).value()
    except DAMAGE as error:
        raise UserError(
            f"{path} is damaged or not a checkpoint of PyTorch that is read here: {error}"
        ) from None


class Storage(NamedTuple):
    """The numbers (N,) that tensors are made of."""

    numbers: np.ndarray


class _Reader:
    def __init__(self, archive: StoredZip):
        self.archive = archive
        self.storages: dict[str, tuple[str, Storage]] = {}

    def value(self) -> object:
        if "byteorder" in self.archive and self.archive.read("byteorder", 16) != b"little":
            raise ValueError("a big-endian computer wrote it, which is not supported")
        allowed = dict.fromkeys(STORAGES) | CALLS
        return unpickle(self.archive.read("data.pkl", PICKLE_LIMIT), allowed, self.storage)

    def storage(self, identity) -> Storage:
        """The storage of a persistent id; one that is named twice is read once."""
        match identity:
            case (str("storage"), Global(kind), str(key), _, int(count)) if kind in STORAGES:
                pass
            case _:
                raise ValueError("its pickle refers to something that is no storage")
        if key not in self.storages:
            self.storages[key] = kind, Storage(_numbers(kind, self.archive.read(f"data/{key}")))
        known, storage = self.storages[key]
        if (known, len(storage.numbers)) != (kind, count):
            raise ValueError(
                f"its storage {shown(key)} has {len(storage.numbers):,} numbers of {known}, "
                f"but its pickle speaks of {count:,} of {kind}"
            )
        return storage


def _numbers(kind, data):
    dtype = STORAGES[kind]
    if len(data) % dtype.itemsize:
        raise ValueError(f"{len(data)} bytes are no whole number of {kind}'s numbers")
    numbers = np.ndarray(len(data) // dtype.itemsize, dtype, data)  # (N,)
    if kind == "torch.BFloat16Storage":
        numbers = (numbers.astype("<u4") << 16).view("<f4")
        numbers.flags.writeable = False
    return numbers


# -- what may be called -----------------------------------------------------------------------


def _ordered_dict(arguments):
    if arguments:
        raise ValueError("its pickle fills a dict in a way that torch.save does not")
    return {}


def _tensor(arguments):
    match arguments:
        case (Storage(numbers), offset, tuple(size), tuple(stride), _requires_grad, _hooks):
            pass
        case _:
            raise ValueError("its pickle makes a tensor of something else than a storage")
    if len(size) != len(stride) or len(size) > MOST_AXES:
        raise ValueError(f"a tensor has {len(size)} sizes and {len(stride)} strides")
    if any(type(n) is not int or not 0 <= n < 2**62 for n in (offset, *size, *stride)):
        raise ValueError("a tensor's offset, sizes and strides are no natural numbers")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if math.prod(size) > len(numbers) or (0 not in size and last >= len(numbers)):
        raise ValueError(f"a tensor of size {size} does not fit into its storage")
    if 0 in size:
        return numbers[:0].reshape(size)
    width = numbers.itemsize
    steps = [step * width if n > 1 else 0 for n, step in zip(size, stride, strict=True)]
    return np.ndarray(size, numbers.dtype, numbers, offset * width, steps)


def _parameter(arguments):
    match arguments:
        case (np.ndarray() as tensor, _requires_grad, _hooks):
            return tensor
    raise ValueError("its pickle makes a parameter of something else than a tensor")


CALLS = {
    "collections.OrderedDict": _ordered_dict,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
}
