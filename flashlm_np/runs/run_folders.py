"""Folders that a user names: is there a run, and if not, what is there, and where are runs?"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..commands import command
from ..errors import UserError
from ..folders import locked
from .checkpoint_record import NAMES, records_in

NAMED = 4  # of files or runs, in a message
# The files that a killed command may leave before it has written a record.
UNFINISHED = ("metrics.csv", "*.bpe", "*.safetensors", ".*", "Thumbs.db", "desktop.ini")


def expect_run(folder: Path, name: str) -> None:
    """Raise a UserError unless the folder has the record `name` ("last" or "best") of a run.

    It says what is there in its place, and which runs are near.
    """
    found = records_in(folder)
    if name in found:
        return
    if found:
        other = f"{found[0]}.json"
        raise UserError(
            f"{folder} has {other}, but no {name}.json; copy {other} to {name}.json"
        )
    if inside := _runs_in(folder):
        raise UserError(f"{folder} is no run itself, but holds {_listed(inside)}; name one")
    near = _runs_in(folder.parent) or _runs_in(Path("runs"))
    advice = f"there are runs in {_listed(near)}" if near else f"make one: {command('train')}"
    raise UserError(f"{_what_is_there(folder)}; {advice}")


@contextmanager
def new_run(folder: Path, advice: str = "choose another folder") -> Iterator[None]:
    """Hold the lock of a folder for a new run.

    Raises a UserError if the folder holds a run, or files that a run might overwrite.
    """
    with locked(folder):
        _expect_new(folder, advice)
        yield


def _expect_new(folder, advice):
    if records_in(folder):
        raise UserError(f"{folder} holds a run already; {advice}")
    if folder.exists() and (names := _names(folder, UNFINISHED)):
        raise UserError(f"{folder} is not empty: it holds {_listed(names)}; name a new folder")


def _what_is_there(folder):
    if not folder.exists():
        return f"there is no folder {folder}"
    if not folder.is_dir():
        return f"{folder} is a file, not the folder of a run"
    names = _names(folder)
    return f"{folder} holds no run, only {_listed(names)}" if names else f"{folder} is empty"


def _names(folder, left_out=(".*",)):
    entries = sorted(folder.iterdir())
    return [path.name for path in entries if not any(map(path.match, left_out))]


def _runs_in(folder):
    """The runs in a folder, the newest first."""
    if not folder.is_dir():
        return []
    records = [record for name in NAMES for record in folder.glob(f"*/{name}.json")]
    newest = sorted(records, key=lambda record: record.stat().st_mtime, reverse=True)
    return list(dict.fromkeys(record.parent for record in newest))


def _listed(names):
    more = len(names) - NAMED
    return ", ".join(map(str, names[:NAMED])) + (f" and {more} more" if more > 0 else "")
