"""The workbook: a folder with a file per exercise, and a README that lists them.

A file that exists is never overwritten, so a student's work is safe.
"""

import re
from pathlib import Path

from ..errors import UserError
from ..files import write_atomically
from .blanks import exercise_text
from .exercises import EXERCISES

README = "README.md"


def start(folder: Path) -> list[str]:
    """Write the missing files of a workbook into `folder`; returns their names.

    Raises:
        UserError: the folder holds files, but no exercise.
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
    """The files of exercises by the exercise's name; the number before the name is ignored.

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
    """The same for a folder that must hold an exercise.

    Raises:
        UserError: it holds none, or does not exist.
    """
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
    lines = []
    for exercise in EXERCISES:
        functions = ", ".join(f"`{name}`" for name in exercise.solution)
        link = f"[{exercise.name}]({exercise.file_name})"
        lines.append(f"{exercise.number}. {link}: {exercise.about} ({functions})")
    return _README.format(count=len(lines), list="\n".join(lines))


_README = r"""# Workbook: a language model, function by function

{count} exercises. Each file is a page of the package: its mathematics, and its functions
without their bodies. Replace each line `raise NotImplementedError("to do")` by your own code.
Then check it, here in this folder:

    flashlm course check .              every exercise: to do, wrong, or right
    flashlm course check . rms_norm     one of them, with details and with its output

(From another folder, give the name of this one in place of the dot. `flashlm` is in the
project's `.venv/bin`, on Windows in `.venv\Scripts`. If it is not found, use the project's
`run.py`: `python3 ../run.py course check .`, if this folder lies beside it.)

You can begin with any exercise. A function that you have not written yet is the package's own.
A backward is checked with the package's forward until you write yours.

## The rules of an operation

    y, saved  = forward(*arrays, **options)
    gradients = backward(dy, saved)

- `dy` is the gradient of the loss with respect to y, and has the shape of y. The backward
  returns a tuple with one gradient per array, each of the shape of its array, and None for
  integers.
- `saved` holds the values that your backward needs. Only your backward reads it.
- Never write to inputs, `dy` or `saved`, because other code still needs them. You may write to
  arrays that you made yourself.
- float32 in, float32 out; float64 in, float64 out.
- The package's functions also refuse shapes that do not fit. Yours need not.

An answer is right if it gives the results of the package on small inputs with numbers such as
0.5 and -2. You may write it in any way. The package itself is the solution: each file names its
page. This prints where the pages are:

    python -c "import minigrad, flashlm_np; print(minigrad.__path__, flashlm_np.__path__)"

## The exercises

{list}

To begin a file again, delete it: `flashlm course start .` writes it anew.
"""
