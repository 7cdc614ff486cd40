"""The files of a user: named ones, and those of a folder, as its user sees them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ...errors import UserError
from .readers import READERS, kind_of


class LocalFile(NamedTuple):
    """A file to read, or a file or folder that is left out.

    name: the path in its folder, for messages; of a file that was given by name, as given.
    """

    path: Path
    name: str
    is_read: bool = True
    in_folder: bool = False


def local_files(name: str) -> Iterator[LocalFile]:
    """The file `name`; or those of the folder `name` and of the folders in it, in the order
    of their names. Hidden files, READMEs, and kinds without a reader are left out.

    Raises UserError for a name of neither.
    """
    path = Path(name)
    if name and path.is_dir():  # Path("") is the present folder
        yield from sorted(_of_folder(path), key=lambda file: Path(file.name).parts)
    elif path.is_file():
        yield LocalFile(path, name)
    else:
        raise UserError(
            f"{name} is no file or folder; give texts or folders of texts that exist; prepare "
            "also takes a dataset of the hub (OWNER/NAME)"
        )


def _of_folder(top: Path) -> Iterator[LocalFile]:
    seen = {os.path.realpath(top)}  # a link may lead back to a folder above it
    for folder, subfolders, names in os.walk(top, onerror=_raise, followlinks=True):
        for path in (Path(folder, name) for name in names):
            yield LocalFile(path, str(path.relative_to(top)), _is_text(path), in_folder=True)
        for path in sorted(Path(folder, name) for name in subfolders):
            target = os.path.realpath(path)
            if path.name.startswith(".") or target in seen:
                subfolders.remove(path.name)
                yield LocalFile(path, str(path.relative_to(top)), False, in_folder=True)
            seen.add(target)
        subfolders.sort()


def _is_text(path):
    """Whether a file of a folder is one of its texts."""
    is_text = not path.name.startswith(".") and path.stem.lower() != "readme"
    return is_text and kind_of(path.name) in READERS and path.is_file()


def _raise(error: OSError):
    raise error
