"""Damaged files of runs and of prepared datasets, for tests of their readers."""

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from flashlm_np.records import checksum


def edit_record(path: Path, change: Callable, *arguments) -> None:
    """Do change(record, *arguments), and correct its checksum, if it has one."""
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record, *arguments)
    if "checksum" in record:
        record["checksum"] = checksum(record)
    path.write_text(json.dumps(record), encoding="utf-8")


def make_old(path: Path) -> None:
    """Write a record as version 0.1 did, without a checksum."""
    record = json.loads(path.read_text(encoding="utf-8"))
    record["format"] = record["format"][:-1] + "1"
    record.pop("checksum", None)
    path.write_text(json.dumps(record), encoding="utf-8")


def flipped(data: bytes, bit: int) -> bytes:
    """The bytes with one bit changed."""
    place = bytearray(data)
    place[bit // 8] ^= 1 << bit % 8
    return bytes(place)


def entries(value, path: tuple = ()) -> Iterator[tuple]:
    """The path of keys to each entry of a record, the inner ones included."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from entries(item, (*path, key))


def put(record: dict, path: tuple, value) -> None:
    """Give the entry at a path of keys another value."""
    functools.reduce(dict.get, path[:-1], record)[path[-1]] = value


def remove(record: dict, path: tuple) -> None:
    """Remove the entry at a path of keys."""
    del functools.reduce(dict.get, path[:-1], record)[path[-1]]
