"""Read a file of torch.save without PyTorch: numbers, texts, and tensors as NumPy arrays.

Since PyTorch 1.6 such a file is a zip archive whose members are not compressed:

    NAME/data.pkl     a pickle: the value, with each tensor as a call (tensors.py)
    NAME/data/0, 1 …  the storages: the tensors' numbers, one after the other
    NAME/byteorder    "little" or "big" (not in old files)

The format before it, which torch.save(..., _use_new_zipfile_serialization=False) still writes,
is a sequence of pickles: a number, a version, the sizes of the types, the value, the names of
the storages. The storages follow, each after its count of numbers (8 bytes).

No code in the file is run (stack_machine.py).

Source: torch/serialization.py of PyTorch 2.13.
"""

import io
import os
import zipfile
from functools import cache, partial
from pathlib import Path

from ..errors import UserError
from ..files import expect_an_end
from .stack_machine import Opaque
from .tensors import ANSWERS, STORAGES, numbers, storage_id
from .unpickle import unpickle

OLD = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the end of the first pickle, a number
OTHERS = {
    b"version https://git-lfs": "a pointer of Git LFS; fetch the file with `git lfs pull`",
    b"<": "a web page; download the file itself",
    b"\x1f\x8b": "compressed with gzip; decompress it",
    b"\x80": "a pickle, but not of torch.save; save it with torch.save",
}
TAR = "a tar archive, as the first versions of PyTorch wrote; save it again with a newer one"
SAFETENSORS = "a safetensors file, which holds no configuration; expected one of torch.save"
BIG_ENDIAN = "a big-endian computer wrote it, which is not supported"
PROGRAM = "a program of TorchScript; save the model's state_dict() with torch.save"


def read_torch_file(path: Path) -> object:
    """Return the value in the file: dicts, lists, texts and numbers, tensors as arrays.

    The arrays are read-only and may share memory. An Opaque is there for everything else.

    Raises:
        UserError: the file cannot be read, is of another kind, or is damaged.
    """
    try:
        expect_an_end(path)
        with open(path, "rb") as file:
            start = file.peek(512)[:512]
            if OLD in start[:32]:
                return _read_old(file)
            if kind := _other_kind(start):
                raise UserError(f"{path} is {kind}")
            return _read_archive(path, file)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    except UserError:
        raise
    except Exception as error:  # zipfile and pickletools have no list of what they raise
        reason = f"it has no member {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(f"{path} is damaged or no file of PyTorch: {reason[:200]}") from None


def _other_kind(start: bytes) -> str | None:
    """The kind of a file with these first bytes, if it is neither form of torch.save."""
    if not start:
        return "empty; copy it again"
    if start[257:262] == b"ustar":
        return TAR
    if start[8:9] == b"{" and start[4:8] == bytes(4):  # after the header's length
        return SAFETENSORS
    return next((kind for magic, kind in OTHERS.items() if start.startswith(magic)), None)


def _read_archive(path, file):
    members, storages = _members(path, file), {}
    if "byteorder" in members and members["byteorder"]() != b"little":
        raise ValueError(BIG_ENDIAN)

    def persistent(identity):
        stored = storage_id(identity)
        if stored is None:
            return _foreign(identity)
        if stored not in storages:
            kind, key, count = stored
            storages[stored] = numbers(kind, count, members[f"data/{key}"]())
        return storages[stored]

    return unpickle(io.BytesIO(members["data.pkl"]()), ANSWERS, persistent)


def _members(path, file):
    """Map each member's name, without its folder, to the function that reads it."""
    archive = zipfile.ZipFile(file)
    entries = {e.filename.partition("/")[2]: e for e in archive.infolist()}
    if "constants.pkl" in entries:
        raise UserError(f"{path} is {PROGRAM}")
    # A zip bomb needs compression, or members that share their bytes.
    if any(e.compress_type or e.compress_size != e.file_size for e in archive.infolist()):
        raise ValueError("a member is compressed, which torch.save never does")
    if sum(e.file_size for e in archive.infolist()) > file.seek(0, io.SEEK_END):
        raise ValueError("its members together are larger than the file")
    # Several storages of a hostile file may name one member, which is read only once.
    return {name: cache(partial(archive.read, entry)) for name, entry in entries.items()}


def _read_old(file):
    """The value is read twice, because its storages follow it."""
    _number, _version, system = (unpickle(file, {}, _foreign) for _ in range(3))
    if not (isinstance(system, dict) and system.get("little_endian") is True):
        raise ValueError(BIG_ENDIAN)
    start, wanted, stored = file.tell(), set(), {}

    def persistent(identity):
        wanted.add(storage_id(identity))
        return stored.get(storage_id(identity), _foreign(identity))

    unpickle(file, ANSWERS, persistent)
    kinds = {key: (kind, count) for kind, key, count in wanted - {None}}
    stored |= _old_storages(file, kinds)
    file.seek(start)
    return unpickle(file, ANSWERS, persistent)


def _old_storages(file, kinds):
    """Read the storages, given the type and the count of each name, by their identities."""
    names, stored = unpickle(file, {}, _foreign), {}
    size = os.fstat(file.fileno()).st_size
    for name in names:
        if name not in kinds:
            raise ValueError("one of its storages has a type that is not known")
        kind, count = kinds[name]
        length = count * STORAGES[kind].itemsize
        if int.from_bytes(file.read(8), "little") != count or length > size - file.tell():
            raise ValueError(f"one of its storages does not have {count:,} numbers")
        stored[kind, name, count] = numbers(kind, count, file.read(length))
    return stored


def _foreign(identity: object) -> Opaque:
    """The stand-in for a persistent id of no storage, such as a class with its source."""
    match identity:
        case (str("module"), Opaque() as name, *_):
            return name
    return Opaque(("persistent id", ""))
