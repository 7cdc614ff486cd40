"""The files of a class: find them, name their students, read them.

    handed_in/ada/predictions.csv              ada
    handed_in/ada/predictions (1).csv          ada, too: a browser saved the second file
    handed_in/bob.csv                          bob
    handed_in/eve/notebooks/predictions.csv    eve

A bad file is named, and the others are read.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import UserError
from .kept import Kept, read_kept

OWN_NAME = "predictions"  # a file of this name is named by its folder
OUR_FOLDER = "notebooks"  # where the notebooks write it, in everybody's copy


def collect(paths: Sequence[Path]) -> tuple[dict[str, list[Kept]], list[str]]:
    """The rows of each student in order of their dates, and a sentence for each bad file.

    paths: files, and folders. Below a folder, predictions*.csv is read at any depth, and any
        other .csv directly in it.

    Raises: UserError if a path does not exist, or none has a prediction.
    """
    rows, problems, found = defaultdict(set), [], {}
    for path in paths:
        for student, file in _files(path):
            found.setdefault(file.resolve(), student)  # once, if two of the paths hold it
    for file, student in found.items():
        try:
            rows[student].update(read_kept(file))  # a copy of a file adds nothing
        except UserError as error:
            problems.append(str(error))
    twice = Counter(name for _, name in rows)
    students = {
        (f"{folder.name}/{name}" if twice[name] > 1 else name): sorted(kept, key=_order)
        for (folder, name), kept in sorted(rows.items())
        if kept
    }
    if not students:
        where = ", ".join(map(str, paths))
        reasons = problems or [f"no predictions in {where}; name a predictions.csv or a folder"]
        raise UserError("; ".join(reasons))
    return students, problems


def _order(row: Kept):
    return row.date, row.place, row.question, row.prediction, row.truth


def _files(path: Path) -> Iterator[tuple[tuple[Path, str], Path]]:
    """Each file below a path. Before it stands the student: the folder, and a name."""
    if not path.exists():
        raise UserError(f"there is no file or folder {path}")
    folder = path if path.is_dir() else path.parent
    files = {*path.glob("*.csv"), *path.rglob(f"{OWN_NAME}*.csv")} if folder == path else {path}
    for file in sorted(files):
        yield (folder.resolve(), _name(file, folder)), file


def _name(file: Path, folder: Path) -> str:
    """The first name below the folder, of a folder or a file; else the folder's own name."""
    names = [*file.relative_to(folder).parts[:-1]]
    if not file.stem.startswith(OWN_NAME):
        names.append(file.stem)
    above = [folder.resolve(), *folder.resolve().parents]
    own = next((place.name for place in above if place.name != OUR_FOLDER), "")
    return next((name for name in names if name != OUR_FOLDER), own or OWN_NAME)
