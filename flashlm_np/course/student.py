"""What a student's file defines, and what in it is still to do."""

from __future__ import annotations

import ast
import inspect
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .blanking import is_blank
from .exercise import Exercise
from .verdict import TO_DO, Trouble


@dataclass
class Answer:
    """The functions of an exercise, from a student's file; in place of blanks the package's."""

    functions: dict[str, Callable]
    blank: frozenset[str] = frozenset()
    file: str = ""


def read(exercise: Exercise, file: Path) -> tuple[types.CodeType, frozenset[str]]:
    """The file, compiled but not run, and the names of its functions that are still to do.

    Raises:
        Trouble: it is not Python, or a function is missing.
    """
    try:
        tree = ast.parse(file.read_bytes(), str(file))
        code = compile(tree, str(file), "exec")
    except SyntaxError as error:
        line = f"line {error.lineno}: " if error.lineno else ""
        raise Trouble(f"{line}SyntaxError: {error.msg}", crashed=True) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise Trouble(f"not a Python file: {error}", crashed=True) from None
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for name in exercise.functions:
        if name not in defined:
            raise Trouble(
                f"the file defines no function {name}",
                "every function of the exercise must be there, if only with the line "
                f'raise NotImplementedError("{TO_DO}").',
            )
    return code, frozenset(name for name in exercise.functions if is_blank(defined[name]))


def load(exercise: Exercise, file: Path) -> Answer:
    """Run the student's file, and take its functions."""
    code, blank = read(exercise, file)
    reference = exercise.reference()
    module = types.ModuleType(file.stem)
    module.__file__ = str(file)
    sys.modules[module.__name__] = module  # dataclasses and pickle look there
    try:
        exec(code, module.__dict__)
    except (Exception, SystemExit) as error:
        raise exception(error, str(file), "reading the file") from None
    for name in blank:
        setattr(module, name, reference[name])
    functions = {name: getattr(module, name) for name in exercise.functions}
    for name in exercise.functions:
        _expect_signature(name, functions[name], reference[name])
    return Answer(functions, blank, str(file))


def exception(error: BaseException, file: str, where: str) -> Trouble:
    """What a student's code raised, with the line of the student's file."""
    line = line_of(error, file)
    place = f"{where}, line {line}" if line else where
    if isinstance(error, NotImplementedError) and str(error) == TO_DO:
        return Trouble(f"{place}: still to do", to_do=True)
    if isinstance(error, SystemExit):
        return Trouble(f"{place}: leaves the program", crashed=True)
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Trouble(f"{place}: {text}", crashed=True)


def line_of(error: BaseException, file: str) -> int | None:
    """The innermost line of the file that the exception passed through."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _expect_signature(name, found, expected):
    """The names of positional parameters are the student's; their number is not."""
    try:
        have, want = inspect.signature(found), inspect.signature(expected)
    except (TypeError, ValueError):
        raise Trouble(f"{name} is no function", crashed=True) from None
    if _form(have) != _form(want):
        raise Trouble(
            f"{name} takes {have}, expected {want}", "leave its first line as it was."
        )


def _form(signature):
    parameters = signature.parameters.values()
    by_name = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    return [p.kind for p in parameters if p.kind is not p.KEYWORD_ONLY], by_name
