"""One writer at a time: the lock of a folder that a command writes many files to.

    FOLDER/.lock    locked while train, prepare, convert or export write to FOLDER

The operating system frees the lock when its process ends, however it ends. Readers need no
lock, because each file is replaced as a whole.
"""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from .errors import UserError
from .files import remove, remove_leftovers

LOCK_FILE = ".lock"
# A file system without locks, such as some network drives, answers with one of these.
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder if it is missing, and hold its lock.

    Temporary files of killed processes are deleted first. If this made the folder, and it is
    empty at the end, it is deleted.

    Raises:
        UserError: another process holds the lock, or the folder cannot be written to.
    """
    if folder.is_file():
        raise UserError(f"{folder} is a file; name a folder")
    is_new = not folder.exists()
    lock = FileLock(folder / LOCK_FILE, timeout=0)
    try:
        _acquire(lock, folder)
        remove_leftovers(folder)
        yield
    finally:
        if lock.is_locked:
            remove(folder / LOCK_FILE)  # Windows does it in `release`, and cannot before
            lock.release()
        if is_new:
            with contextlib.suppress(OSError):  # it is not empty
                folder.rmdir()


def _acquire(lock, folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise UserError(
            f"{folder} is in use: another flashlm command writes to it; wait until it has "
            "ended, or choose another folder"
        ) from None
    except OSError as error:
        if error.errno not in NO_LOCKS or not folder.is_dir():
            raise UserError(f"cannot write to {folder}: {error.strerror or error}") from None
        print(
            f"The file system of {folder} has no locks: "
            "see to it that no other flashlm command writes to this folder",
            flush=True,
        )
