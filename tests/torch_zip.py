"""Write files in the format of torch.save, valid and invalid ones, without torch."""

import struct
import zipfile
from pathlib import Path

import numpy as np

KINDS = {"f4": "Float", "f8": "Double", "f2": "Half", "i8": "Long", "i4": "Int", "b1": "Bool"}


class Code(bytes):
    """Opcodes that leave one value on the stack."""


def name(dotted: str) -> Code:
    module, _, attribute = dotted.rpartition(".")
    return Code(f"c{module}\n{attribute}\n".encode())


def call(function: bytes, *arguments) -> Code:
    return Code(function + code(arguments) + b"R")


def storage(key: str, count: int, kind: str = "Float") -> Code:
    """A persistent id."""
    return Code(code(("storage", name(f"torch.{kind}Storage"), key, "cpu", count)) + b"Q")


def tensor(stored: bytes, size: tuple, stride: tuple, offset: int = 0) -> Code:
    function = name("torch._utils._rebuild_tensor_v2")
    hooks = call(name("collections.OrderedDict"))
    return call(function, stored, offset, size, stride, False, hooks)


def code(value) -> Code:
    """The opcodes of a value that may hold Code."""
    if isinstance(value, Code):
        return value
    if isinstance(value, dict):
        items = b"".join(code(item) for pair in value.items() for item in pair)
        return Code(b"}(" + items + b"u")
    if isinstance(value, (tuple, list)):
        items = b"".join(map(code, value))
        return Code(b"(" + items + b"t" if isinstance(value, tuple) else b"](" + items + b"e")
    if value is None or isinstance(value, bool):
        return Code({None: b"N", True: b"\x88", False: b"\x89"}[value])
    if isinstance(value, int):
        data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return Code(b"\x8a" + bytes([len(data)]) + data)
    if isinstance(value, float):
        return Code(b"G" + struct.pack(">d", value))
    data = value.encode("utf-8", "surrogatepass")
    return Code(b"X" + struct.pack("<I", len(data)) + data)


def program(opcodes: bytes) -> bytes:
    """Return a complete pickle of protocol 2."""
    return b"\x80\x02" + opcodes + b"."


def write(path: Path, pickle: bytes, storages: dict[str, bytes] | None = None, **options):
    """Write an archive of a pickle and its storages by key; `options` as in members."""
    return write_zip(path, members(pickle, storages or {}, **options))


def members(pickle: bytes, storages: dict[str, bytes], byteorder: bytes = b"little"):
    data = {f"data/{key}": numbers for key, numbers in storages.items()}
    return {"data.pkl": pickle, "byteorder": byteorder, **data, "version": b"3\n"}


def write_zip(path: Path, content: dict[str, bytes], compression=zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for member, data in content.items():
            archive.writestr(zipfile.ZipInfo(f"archive/{member}"), data, compression)
    return path


def save(path: Path, value) -> Path:
    """Write `value`, which may contain arrays in dicts, as torch.save does."""
    opcodes, storages = _opcodes(value)
    return write(path, program(opcodes), storages)


def save_old(path: Path, value) -> Path:
    """The same in the format before PyTorch 1.6: pickles, then the storages of float32."""
    opcodes, storages = _opcodes(value)
    system = {"protocol_version": 1001, "little_endian": True}
    parts = [0x1950A86A20F9469CFC6C, 1001, system, opcodes, list(storages)]
    path.write_bytes(
        b"".join(program(code(part)) for part in parts)
        + b"".join(struct.pack("<q", len(data) // 4) + data for data in storages.values())
    )
    return path


def _opcodes(value) -> tuple[Code, dict[str, bytes]]:
    storages: dict[str, bytes] = {}

    def with_tensors(value):
        if isinstance(value, dict):
            return {key: with_tensors(item) for key, item in value.items()}
        if not isinstance(value, np.ndarray):
            return value
        key, kind = str(len(storages)), KINDS[value.dtype.str[1:]]
        storages[key] = value.tobytes()
        strides = np.empty(value.shape, np.int8).strides  # of an array in C order, in elements
        return tensor(storage(key, value.size, kind), value.shape, strides)

    return code(with_tensors(value)), storages
