"""Read files with clear errors, and write files atomically."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import UserError


def read_bytes(path: Path) -> bytes:
    """Read a file. Raises UserError that says why it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None


def read_text(path: Path | str) -> str:
    """Read a UTF-8 text. Raises UserError that says why the file cannot be used."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise not_utf_8(path, error) from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    if not text.strip():
        raise UserError(f"{path} is empty; there is nothing to learn from")
    return text


def not_utf_8(path: Path | str, error: UnicodeDecodeError) -> UserError:
    """The error for a file that should be text."""
    return UserError(
        f"{path} is not UTF-8 text (byte {error.start}); convert it with `iconv -t UTF-8` or "
        "choose another file"
    )


def read_record(path: Path, form: str, advice: str, **kinds: type) -> dict:
    """Read a JSON object whose entry "format" is `form`.

    advice: what the user can do if the file is damaged.
    kinds: the type of each entry that must be there.

    Raises: UserError where the file cannot be read, or is not such an object.
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
    """Write a file that holds all of `data`, or else is as it was before."""
    with written_atomically(path) as file:
        file.write(data)


@contextlib.contextmanager
def written_atomically(path: Path) -> Iterator[BinaryIO]:
    """Open a file under a temporary name; at the end, sync it and rename it to `path`.

    After an error the temporary file is removed and the file at `path` is the old one. Only a
    killed process leaves a temporary file.
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
    if os.name == "posix":  # make the rename durable; Windows cannot sync a folder
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
