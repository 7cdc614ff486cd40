"""The workbook: a folder with a file per exercise, and a README that lists them.

It may belong to a student's number, which then stands in a file of its own.
A file that exists is never overwritten, so a student's work is safe.
"""

import re
from importlib.resources import files
from pathlib import Path

from ..commands import command
from ..errors import UserError
from ..files import write_atomically
from .exercises import EXERCISES
from .question import BY_HAND, student_file
from .student_number import FILE, number_of

README = "README.md"
_OWN_NUMBERS = f"""
## Your own numbers

The file `{FILE}` holds your student number. It gives you inputs of your own, on which your
functions are checked. A file may end with a question to answer by hand, which nobody else has:

    {BY_HAND} = ...

Compute it on paper, and write the number in place of the dots, such as -1.25. Keep the question
and `{FILE}` as they are.
"""


def start(folder: Path, student: str = "") -> list[str]:
    """Write the missing files of a workbook into `folder`; returns their names.

    student: a student's number. A workbook keeps its own.

    Raises:
        UserError: the folder holds files, but no exercise, or it has another number.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; name a folder for the workbook")
    present, own = files_in(folder), number_of(folder)
    if student and student != own and (own or present):
        whose = f"of {own}" if own else "without a student number"
        raise UserError(f"{folder} is a workbook {whose}; name a new folder for {student}")
    if not present and folder.exists() and any(f.name != FILE for f in folder.iterdir()):
        raise UserError(
            f"{folder} is not empty and no workbook; name a new folder, or an empty one"
        )
    folder.mkdir(parents=True, exist_ok=True)
    student = student or own
    texts = {FILE: f"{student}\n"} if student and not own else {}  # first: the others need it
    if not (folder / README).exists():
        texts[README] = readme_text(student)
    for exercise in EXERCISES:
        if exercise.name not in present:
            texts[exercise.file_name] = student_file(exercise, student)
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
    if folder.is_file():
        one = command("course", "check", folder.parent, folder.name)
        raise UserError(f"{folder} is a file; its folder comes first: {one}")
    if not folder.is_dir():
        raise UserError(
            f"there is no folder {folder}; write one with: {command('course', 'start', folder)}"
        )
    if not (found := files_in(folder)):
        raise UserError(
            f"{folder} is no workbook: it holds no exercise such as {EXERCISES[0].file_name}; "
            f"write one with: {command('course', 'start', 'DIR')}"
        )
    return found


def readme_text(student: str = "") -> str:
    """The README of a workbook: workbook.md with the list of exercises."""
    lines = []
    for exercise in EXERCISES:
        functions = ", ".join(f"`{name}`" for name in exercise.solution)
        link = f"[{exercise.name}]({exercise.file_name})"
        lines.append(f"{exercise.number}. {link}: {exercise.about} ({functions})")
    text = (files(__package__) / "workbook.md").read_text(encoding="utf-8")
    own = _OWN_NUMBERS if student else ""
    return text.format(count=len(lines), list="\n".join(lines), own_numbers=own)
