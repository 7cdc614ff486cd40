"""Read files with clear errors, and write files atomically."""

import contextlib
import errno
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import UserError

# The name of a temporary file; version 0.1 wrote the number of the process.
TEMPORARY = re.compile(r".+\.tmp-([0-9a-f]{8}|[0-9]+)", re.DOTALL)
# Seconds between tries. Windows refuses to replace or open a file that another program has
# open. A virus scanner or a reader soon closes it.
WAITS = (0.1, 0.2, 0.4, 0.8, 1.6, 1.9) if os.name == "nt" else ()
# A file system without fsync answers with one of these.
NO_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM}


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """Read a file of at most `most` bytes. Raises UserError that says why it cannot be read."""
    try:
        expect_an_end(path)
        with patiently(open, path, "rb") as file:
            data = file.read(-1 if most is None else most + 1)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except ValueError:  # a name that no file can have, such as "\0"
        raise UserError(f"cannot read {str(path)!r}: it is no name of a file") from None
    if most is not None and len(data) > most:
        raise UserError(f"cannot read {path}: it has more than {most:,} bytes")
    return data


def expect_an_end(path: Path) -> None:
    """Raise a UserError for a device or a pipe, which may have no end."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise UserError(f"cannot read {path}: it is no file, but a device or a pipe")


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that holds all of `data`, or else is as it was before."""
    with written_atomically(path) as file:
        file.write(data)


@contextlib.contextmanager
def written_atomically(path: Path) -> Iterator[BinaryIO]:
    """Open a file under a temporary name; at the end, sync it and rename it to `path`.

    After an error the temporary file is removed and the file at `path` is the old one. Only a
    killed process leaves a temporary file: see `remove_leftovers`. A symbolic link at `path` is
    replaced by the file, and the file that it pointed to stays as it was.
    """
    if path.exists() and not path.is_file():  # os.replace would even delete a device
        raise UserError(f"cannot write {path}: that is not a file; choose another name")
    # No other process can foresee the name. Mode "x" neither follows a link nor overwrites.
    temporary = path.with_name(f"{path.name}.tmp-{secrets.token_hex(4)}")
    try:
        with _write_errors(path):
            with open(temporary, "xb") as file:
                yield file
                sync(file)
            patiently(os.replace, temporary, path)
            _sync_folder(path.parent)
    except BaseException:
        remove(temporary)
        raise


def append(path: Path, data: bytes, durable: bool = False) -> None:
    """Append all of `data`, or nothing. If it is `durable`, wait until it is on the disk."""
    with _write_errors(path):
        size = path.stat().st_size if path.exists() else 0
        try:
            with open(path, "ab") as file:
                file.write(data)
                if durable:
                    sync(file)
        except OSError:
            with contextlib.suppress(OSError):
                os.truncate(path, size)  # a part of the data may be in the file
            raise


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files that killed processes left in `folder`.

    Only the process that holds the folder's lock may call it: another may be writing.
    """
    for path in folder.glob("*.tmp-*"):
        if TEMPORARY.fullmatch(path.name) and not path.is_dir():
            remove(path)


def remove(path: Path) -> None:
    """Delete a file that is not needed. If another program has it open, it stays."""
    with contextlib.suppress(OSError):
        path.unlink()


def sync(file: BinaryIO) -> None:
    """Wait until all that was written is on the disk, where the file system can say so."""
    file.flush()
    _fsync(file.fileno())


def patiently(action: Callable, *arguments):
    """action(*arguments), tried again for five seconds while Windows refuses it."""
    for seconds in WAITS:
        try:
            return action(*arguments)
        except PermissionError:
            time.sleep(seconds)
    return action(*arguments)


@contextlib.contextmanager
def _write_errors(path):
    """Make an OSError a UserError that says why `path` cannot be written."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if isinstance(error, PermissionError) and WAITS:
            reason += "; close the program that has it open, such as Excel"
        raise UserError(f"cannot write {path}: {reason}; nothing there was lost") from None


def _fsync(descriptor):
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise


def _sync_folder(folder):
    """Make the renaming of a file durable. Windows cannot sync a folder."""
    if os.name != "posix":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # a folder that one may write to, and not read
        return
    try:
        _fsync(descriptor)
    finally:
        os.close(descriptor)
