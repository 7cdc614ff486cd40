"""Read a student's file without running it: its code, and its functions that are blank."""

import ast
import codecs
import types
from pathlib import Path
from typing import NamedTuple

from ..errors import UserError
from ..files import read_bytes
from .blanks import is_blank
from .exercise import TO_DO, Exercise, Failure
from .raised import text_of

MAX_BYTES = 1_000_000  # of a student's file; a page has a few thousand


class Source(NamedTuple):
    """A student's file: its code, the names of its blank functions, and its text."""

    code: types.CodeType
    blank: list[str]
    text: str


def source_of_student(file: Path) -> bytes:
    """The bytes of a student's file.

    Raises:
        Failure: they cannot be read.
    """
    try:
        return read_bytes(file, MAX_BYTES)
    except UserError as error:
        raise Failure(str(error), crashed=True) from None


def read(exercise: Exercise, file: Path) -> Source:
    """Compile the file without running it.

    Raises:
        Failure: the file cannot be read, is not Python, imports the grader, or lacks a
            function.
    """
    source = source_of_student(file)
    tree, code = _compiled(source, str(file))
    if line := _import_of_the_grader(tree):
        raise Failure(
            f"line {line}: imports the grader",
            "an answer needs NumPy, and the names that its file imports at first.",
        )
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    blank = []
    for name in exercise.solution:
        found = [node for node in functions if node.name == name]
        _expect_one(name, found)
        blank += [name] if is_blank(found[-1]) else []
    return Source(code, blank, source.decode("utf-8-sig", "replace"))


def _expect_one(name, found):
    """Raise unless one of the functions of this name counts: Python takes the last."""
    if not found:
        raise Failure(
            f"the file defines no function {name}",
            "keep every function of the exercise, if only with the line "
            f'raise NotImplementedError("{TO_DO}").',
        )
    if is_blank(found[-1]) and not all(map(is_blank, found)):
        lines = " and ".join(str(node.lineno) for node in found)
        raise Failure(
            f"lines {lines} define {name}, and Python takes the last, which is blank",
            "delete the one that is blank.",
        )


def _compiled(source, file):
    if source.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Failure("the file is UTF-16 text", "save it as UTF-8.", crashed=True)
    try:
        tree = ast.parse(source, file)
        return tree, compile(tree, file, "exec")
    except SyntaxError as error:
        line = f"line {error.lineno}: " if error.lineno else ""
        raise Failure(f"{line}SyntaxError: {error.msg}", crashed=True) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise Failure(f"not a Python file: {text_of(error)}", crashed=True) from None


def _import_of_the_grader(tree):
    """The line of an import of this folder, or None."""
    for node in ast.walk(tree):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if any(f"{name}.".startswith(f"{__package__}.") for name in names):
            return node.lineno
    return None
