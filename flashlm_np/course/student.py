"""Run a student's file, and take its functions."""

import inspect
import sys
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .exercise import Exercise, Failure
from .raised import exception_failure
from .source import read
from .surroundings import Surroundings


@dataclass
class Answer:
    """The functions of an exercise from a student's file, with the package's for blank ones.

    text: the file's text.
    notes: the settings that the file and its functions changed.
    surroundings: what the functions may change; nothing is watched without it.
    """

    functions: dict[str, Callable]
    blank: Sequence[str] = ()
    file: str = ""
    notes: list[str] = field(default_factory=list)
    surroundings: Surroundings | None = None
    text: str = ""


def load(exercise: Exercise, file: Path) -> Answer:
    """Run the student's file and take its functions; it is not run if all are blank.

    Raises:
        Failure: the file raises an exception or changes other modules, or a function has other
            parameters.
    """
    code, blank, text = read(exercise, file)
    if len(blank) == len(exercise.functions):
        return Answer(exercise.solution, blank, str(file), text=text)
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
    return Answer(functions, blank, str(file), notes, text=text)


def _expect_signature(name, found, expected):
    """Positional parameters may have other names, but not another number."""
    try:
        have, want = inspect.signature(found), inspect.signature(expected)
    except (TypeError, ValueError):
        raise Failure(f"{name} is not a function", crashed=True) from None
    if _form(have) != _form(want):
        other = getattr(found, "__name__", name)
        hint = "leave its first line as it was."
        if other != name:
            hint = f"a decorator, or an assignment, has put {other} in its place."
        raise Failure(f"{name} takes {have}, expected {want}", hint)


def _form(signature):
    parameters = signature.parameters.values()
    by_name = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    return [p.kind for p in parameters if p.kind is not p.KEYWORD_ONLY], by_name
