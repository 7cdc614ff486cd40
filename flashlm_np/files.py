"""Reading and writing files so that nothing is ever half there."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import UserError


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None


def read_record(path: Path, form: str, advice: str, **kinds: type) -> dict:
    """A JSON object of the format `form`, with an entry of each kind; else a UserError.

    `advice` says what to do when it is damaged.
    """
    try:
        record = json.loads(read_bytes(path))
    except (ValueError, RecursionError):
        raise UserError(f"{path} is damaged: it is not JSON; {advice}") from None
    if not isinstance(record, dict) or record.get("format") != form:
        raise UserError(f"{path} is of another kind or version: its format is not {form!r}")
    for key, kind in kinds.items():
        if type(record.get(key)) is not kind:
            raise UserError(f"{path} is damaged: {key!r} should be a {kind.__name__}; {advice}")
    return record


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` under a temporary name, sync it to the disk, and rename it to `path`."""
    with written_atomically(path) as file:
        file.write(data)


@contextlib.contextmanager
def written_atomically(path: Path) -> Iterator[BinaryIO]:
    """A file to write to under a temporary name; at the end it is synced and renamed to `path`.

    If anything goes wrong before the end, the temporary file is removed, and what was at
    `path` stays. Only a killed process leaves one behind: see `remove_leftovers`.
    """
    temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if not isinstance(error, OSError):
            raise
        raise UserError(
            f"cannot write {path}: {error.strerror}; nothing there was lost"
        ) from None
    _sync_folder(path.parent)


def remove_leftovers(path: Path) -> None:
    """Remove what killed writers of `path` left; only where no other can be writing it."""
    for leftover in path.parent.glob(f"{path.name}.tmp-*"):
        leftover.unlink()


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be synced."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
