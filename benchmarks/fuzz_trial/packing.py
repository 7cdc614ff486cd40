"""Subjects: a reader and its files. Files packed from mutated parts have right checksums."""

import contextlib
import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flashlm_np import records

from .mutations import to_json

ARRAYS = "step-000004-00000000.safetensors"
Files = dict[str, bytes]
Parts = dict[str, object]  # bytes, and JSON values


@dataclass(frozen=True)
class Subject:
    """A reader, and the parts of a small valid input.

    read: takes the folder of the files; returns what they say.
    pack: the files of the parts. By default each part is a file.
    is_covered: whether a checksum in the files covers everything that is read.
    """

    name: str
    parts: Parts
    read: Callable[[Path], object]
    pack: Callable[[Parts], Files] = dict
    is_covered: bool = False


def checkpoint_parts(files: Files) -> Parts:
    """The record, the header of the arrays' file, its numbers, and the other files."""
    record = json.loads(files["last.json"])
    header, numbers = split_safetensors(files[record["arrays"]])
    record["arrays"] = ARRAYS
    others = {name: data for name, data in files.items() if name.endswith((".bpe", ".csv"))}
    return {"record": record, "header": header, "numbers": numbers, **others}


def checkpoint_files(parts: Parts) -> Files:
    others = {name: data for name, data in parts.items() if name.endswith((".bpe", ".csv"))}
    arrays = safetensors_file(parts["header"], parts["numbers"])
    record = _with_checksums(parts["record"], arrays)
    return {"last.json": record, "best.json": record, ARRAYS: arrays, **others}


def old_checkpoint_files(parts: Parts) -> Files:
    """The same as version 0.1 wrote it: the record has no checksum."""
    return _old(checkpoint_files(parts), "last.json", "best.json")


def old_prepared_files(parts: Parts) -> Files:
    return _old(prepared_files(parts), "tokens.json")


def _old(files, *names):
    for name in names:
        with contextlib.suppress(ValueError):
            record = json.loads(files[name])
            if isinstance(record, dict) and record.pop("checksum", None):
                record["format"] = str(record.get("format")).replace(" 2", " 1")
                files[name] = to_json(record)
    return files


def prepared_parts(files: Files) -> Parts:
    return files | {"tokens.json": json.loads(files["tokens.json"])}


def prepared_files(parts: Parts) -> Files:
    return parts | {"tokens.json": _with_checksums(parts["tokens.json"], parts["tokens.bin"])}


def _with_checksums(record, data):
    """The text of a record, with the SHA-256 of the data that it describes, and its own."""
    if isinstance(record, dict):
        record = record | {"sha256": hashlib.sha256(data).hexdigest()}
        record["checksum"] = records.checksum(record)
    return to_json(record)


def split_safetensors(data: bytes) -> tuple[dict, bytes]:
    """The header and the numbers of a safetensors file."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def safetensors_file(header: object, numbers: bytes) -> bytes:
    text = to_json(header)
    return len(text).to_bytes(8, "little") + text + numbers


def table_file(parts: Parts) -> Files:
    return {"table.safetensors": safetensors_file(parts["header"], parts["numbers"])}


def archive(parts: Parts) -> Files:
    """A file of torch.save."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, data in parts.items():
            file.writestr(zipfile.ZipInfo(f"archive/{name}"), data)
    return {"final.pt": stream.getvalue()}


def archive_parts(data: bytes) -> Parts:
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        return {name.partition("/")[2]: opened.read(name) for name in opened.namelist()}


def json_lines(parts: Parts) -> Files:
    lines = parts["lines"] if isinstance(parts["lines"], list) else [parts["lines"]]
    return {"a.jsonl": b"\n".join(to_json(line).replace(b"\n", b"") for line in lines)}


def json_array(parts: Parts) -> Files:
    return {"a.json": to_json(parts["lines"])}


def gzipped(parts: Parts) -> Files:
    return {f"{name}.gz": gzip.compress(data, mtime=0) for name, data in parts.items()}


def zstd(parts: Parts) -> Files:
    import pyarrow

    return {
        f"{name}.zst": pyarrow.compress(data, "zstd", asbytes=True)
        for name, data in parts.items()
    }
