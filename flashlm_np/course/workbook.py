"""The workbook: a folder with a file per exercise, and a README that lists them.

What a student wrote is never overwritten: a file that is there stays as it is.
"""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import UserError
from ..files import write_atomically
from .blanks import exercise_text
from .exercise import Exercise
from .exercises import EXERCISES

README = "README.md"


def start(folder: Path) -> list[str]:
    """Write what is missing of a workbook into `folder`; the names of the files written.

    Raises:
        UserError: the folder holds something, but no exercise.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; name a folder for the workbook")
    present = set(files_in(folder)) if folder.is_dir() else set()
    if folder.is_dir() and not present and any(folder.iterdir()):
        raise UserError(
            f"{folder} is not empty and no workbook; name a new folder, or an empty one"
        )
    folder.mkdir(parents=True, exist_ok=True)
    texts = {} if (folder / README).exists() else {README: readme_text()}
    for exercise in EXERCISES:
        if exercise.name not in present:
            texts[exercise.file_name] = exercise_text(exercise)
    for name, text in texts.items():
        write_atomically(folder / name, text.encode())
    return list(texts)


def files_in(folder: Path) -> dict[str, Path]:
    """The files of exercises by the exercise's name, whatever the number before it.

    Raises:
        UserError: two files are for the same exercise.
    """
    names, found = {exercise.name for exercise in EXERCISES}, {}
    for file in sorted(folder.glob("*.py")):
        match = re.fullmatch(r"\d+_(\w+)", file.stem)
        if match and match[1] in names:
            if match[1] in found:
                other = found[match[1]].name
                raise UserError(f"{folder} has {other} and {file.name}; keep one of them")
            found[match[1]] = file
    return found


def expect_workbook(folder: Path) -> dict[str, Path]:
    """As `files_in`, of a folder that must have some."""
    if not folder.is_dir():
        raise UserError(
            f"there is no folder {folder}; write one with: flashlm course start DIR"
        )
    if not (found := files_in(folder)):
        raise UserError(
            f"{folder} is no workbook: it holds no exercise such as {EXERCISES[0].file_name}; "
            "write one with: flashlm course start DIR"
        )
    return found


def readme_text() -> str:
    return _README.format(
        count=len(EXERCISES), list="\n".join(_line(exercise) for exercise in EXERCISES)
    )


def _line(exercise: Exercise) -> str:
    return (
        f"{exercise.number}. [{exercise.name}]({exercise.file_name}): {exercise.about} "
        f"({', '.join(f'`{name}`' for name in exercise.functions)})"
    )


_README = r"""# Workbook: a language model, function by function

{count} exercises. Each file is a page of the package: its mathematics, and its functions, which
are empty. Replace each line `raise NotImplementedError("to do")` by your own, and check, here
in this folder:

    flashlm course check .              every exercise: to do, wrong, or right
    flashlm course check . rms_norm     one of them, with details and with what it printed

(From another folder, give this one's name in place of the dot. `flashlm` is in the project's
`.venv/bin`, on Windows `.venv\Scripts`. Where it is not found, do the same with the project's
`run.py`: `python3 ../run.py course check .`, if this folder lies beside it.)

Any exercise can be done first. Whatever you have not written yet is the package's own: a
backward is checked with the package's forward until you write yours.

## The rules of an operation

    y, saved  = forward(*arrays, **options)
    gradients = backward(dy, saved)

- `dy` is the gradient of the loss with respect to y, and has y's shape. The backward returns a
  tuple with one gradient per array, each of the shape of its array; None for integers.
- `saved` is whatever your backward needs, and nobody else's business.
- Inputs, `dy` and `saved` are never written to: others still need them. What you made yourself,
  you may write to.
- float32 in, float32 out; float64 in, float64 out.
- The package's functions also refuse shapes that do not fit. Yours need not.

An answer is right when it gives what the package gives, on small inputs with numbers such as
0.5 and -2; any way of writing it is. The package itself is the solution: each file names its
page. This prints where the pages are:

    python -c "import minigrad, flashlm_np; print(minigrad.__path__, flashlm_np.__path__)"

## The exercises

{list}

A file that you want to begin again: delete it, and `flashlm course start .` writes it anew.
"""
