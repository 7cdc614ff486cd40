"""Read a student's file: its functions, and the ones that are still blank."""

import ast
import codecs
import inspect
import os
import stat
import sys
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .blanks import is_blank
from .exercise import TO_DO, Exercise, Failure, to_do_text
from .raised import exception_failure, text_of
from .surroundings import Surroundings

MAX_BYTES = 1_000_000  # of a student's file; a page has a few thousand


@dataclass
class Answer:
    """The functions of an exercise from a student's file, with the package's for blank ones.

    notes: the settings that the file and its functions changed.
    surroundings: what the functions may change; nothing is watched without it.
    """

    functions: dict[str, Callable]
    blank: Sequence[str] = ()
    file: str = ""
    notes: list[str] = field(default_factory=list)
    surroundings: Surroundings | None = None


def read_at_most(file: Path, most: int) -> bytes:
    """The bytes of an ordinary file.

    Raises:
        OSError: it cannot be read, has more than `most` bytes, or is no ordinary file, so that
            it may have no end. `strerror` says which.
    """
    if not stat.S_ISREG(os.stat(file).st_mode):
        raise OSError(None, "it is no ordinary file, but a folder, a pipe or a device")
    with open(file, "rb") as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise OSError(None, f"it has more than {most:,} bytes")
    return data


def source_of_student(file: Path) -> bytes:
    """The bytes of a student's file.

    Raises:
        Failure: they cannot be read.
    """
    try:
        return read_at_most(file, MAX_BYTES)
    except OSError as error:
        raise Failure(f"the file cannot be read: {error.strerror}", crashed=True) from None


def read(exercise: Exercise, file: Path) -> tuple[types.CodeType, list[str]]:
    """Compile the file without running it; also the names of its blank functions.

    Raises:
        Failure: the file cannot be read, is not Python, imports the grader, or lacks a
            function.
    """
    tree, code = _compiled(source_of_student(file), str(file))
    if line := _import_of_the_grader(tree):
        raise Failure(
            f"line {line}: imports the grader",
            "an answer needs NumPy, and the names that its file imports at first.",
        )
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for name in exercise.solution:
        if name not in defined:
            raise Failure(
                f"the file defines no function {name}",
                "keep every function of the exercise, if only with the line "
                f'raise NotImplementedError("{TO_DO}").',
            )
    return code, [name for name in exercise.solution if is_blank(defined[name])]


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


def load(exercise: Exercise, file: Path) -> Answer:
    """Run the student's file and take its functions.

    Raises:
        Failure: every function is blank, the file raises an exception or changes other modules,
            or a function has other parameters.
    """
    code, blank = read(exercise, file)
    if len(blank) == len(exercise.functions):
        raise Failure(to_do_text(blank), to_do=True)
    notes = []
    module = types.ModuleType(file.stem)
    module.__file__ = str(file)
    sys.modules[module.__name__] = module  # dataclasses and pickle look there
    try:
        with Surroundings(notes).watched("reading the file"):
            exec(code, module.__dict__)
    except Failure:
        raise
    except BaseException as error:
        raise exception_failure(error, str(file), "reading the file") from None
    for name in blank:  # so that the student's other functions can call them
        setattr(module, name, exercise.solution[name])
    functions = {name: getattr(module, name) for name in exercise.solution}
    for name, function in exercise.solution.items():
        _expect_signature(name, functions[name], function)
    return Answer(functions, blank, str(file), notes)


def _expect_signature(name, found, expected):
    """Positional parameters may have other names, but not another number."""
    try:
        have, want = inspect.signature(found), inspect.signature(expected)
    except (TypeError, ValueError):
        raise Failure(f"{name} is not a function", crashed=True) from None
    if _form(have) != _form(want):
        raise Failure(
            f"{name} takes {have}, expected {want}", "leave its first line as it was."
        )


def _form(signature):
    parameters = signature.parameters.values()
    by_name = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    return [p.kind for p in parameters if p.kind is not p.KEYWORD_ONLY], by_name
