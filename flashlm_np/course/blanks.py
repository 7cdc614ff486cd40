"""The file that a student gets: a page of the package without the bodies of its functions.

It is cut from the source of the page, so that both always agree. It has the docstring of the
page, and of each function the signature, the docstring and one line to replace.
"""

import ast
import inspect
import textwrap
import threading
from collections.abc import Callable, Sequence

from .exercise import TO_DO, Exercise
from .inputs import wrapped

_PARSING = threading.Lock()  # CPython's parser may fail if two threads parse at once
_RAISE = f'raise NotImplementedError("{TO_DO}")'


def exercise_text(exercise: Exercise) -> str:
    """The student's file."""
    source = inspect.getsource(exercise.page)
    docstring, *statements = _parsed(source)
    constants = [
        "\n".join(source.splitlines()[node.lineno - 1 : node.end_lineno])  # with its comment
        for node in statements
        if isinstance(node, ast.Assign) and names_in(*node.targets) & {*exercise.constants}
    ]
    parts = [
        f"{_heading(exercise)}\n{ast.get_source_segment(source, docstring)}",
        "from __future__ import annotations",
        *_imports(exercise),
        "\n".join(constants),
    ]
    head = "\n\n".join(part for part in parts if part)
    functions = [_blank_function(exercise, function) for function in exercise.functions]
    return "\n\n\n".join([head, *functions]) + "\n"


def _parsed(source):
    with _PARSING:
        return ast.parse(source).body


def is_blank(function: ast.FunctionDef) -> bool:
    """Whether the function holds nothing but a docstring and the line to replace."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return [ast.dump(node) for node in body] == [ast.dump(_parsed(_RAISE)[0])]


def names_in(*nodes: ast.AST) -> set[str]:
    """The names that are used in parts of a syntax tree."""
    return {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)}


def source_of(function: Callable) -> tuple[list[str], ast.FunctionDef]:
    """The lines of a function, without indentation, and its syntax tree."""
    text = textwrap.dedent(inspect.getsource(function))
    return text.splitlines(), _parsed(text)[0]


def _heading(exercise):
    these = "this function" if len(exercise.functions) == 1 else "these functions"
    lines = [
        exercise.label,
        "",
        f"To write: {', '.join(exercise.solution)}",
        f"To check: flashlm course check . {exercise.name}",
        "",
        f"The text below is the page {exercise.page.__name__.replace('.', '/')}.py. The "
        f"exercise is its part about {these}.",
        *(["", exercise.note] if exercise.note else []),
    ]
    return "\n".join(_comment(line) for line in lines)


def _comment(text, start="# "):
    return "\n".join(wrapped(text, start, start) or [start.rstrip()])


def _imports(exercise):
    """NumPy, and the given names, in a line per module."""
    names = {}
    for value in exercise.given:
        names.setdefault(value.__module__, []).append(value.__name__)
    lines = [
        f"from {module} import {', '.join(sorted(names[module]))}" for module in sorted(names)
    ]
    return ["import numpy as np", "\n".join(lines)]


def _blank_function(exercise, function):
    """The signature and the docstring, remarks, and the line to replace."""
    lines, node = source_of(function)
    has_docstring = ast.get_docstring(node) is not None
    head = lines[: node.body[0].end_lineno if has_docstring else node.body[0].lineno - 1]
    while not has_docstring and head[-1].lstrip().startswith("#"):
        head.pop()  # a comment of the body
    remarks = [_comment(remark, "    # ") for remark in _remarks(exercise, function)]
    return "\n".join([*head, *remarks, f"    {_RAISE}"])


def _remarks(exercise, function):
    """The values that a forward or a backward returns."""
    forward, backward = exercise.functions[-2:] if exercise.operation else (None, None)
    if function not in (forward, backward):
        return []
    saved = " or ".join(saved_values(forward))
    if function is forward:
        return [f"Return y, saved. The package saves {saved}; yours may save anything."]
    return [
        f"Return {_gradient_names(forward, exercise.operation.integer_inputs)}.",
        f"Until you have written {forward.__name__}, saved is the package's: {saved}.",
    ]


def saved_values(forward: Callable) -> list[str]:
    """The values that the package's forward returns beside y, as its source has them."""
    _, node = source_of(forward)
    returned = [n.value for n in ast.walk(node) if isinstance(n, ast.Return)]
    pairs = [value for value in returned if isinstance(value, ast.Tuple)]
    return list(dict.fromkeys(ast.unparse(pair.elts[1]) for pair in pairs))


def _gradient_names(forward, integer_inputs: Sequence[int]):
    """The tuple that a backward returns; several where an input may be left out."""
    parameters = inspect.signature(forward).parameters.values()
    arrays = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
    names = ["None" if i in integer_inputs else f"d{p.name}" for i, p in enumerate(arrays)]
    required = sum(parameter.default is parameter.empty for parameter in arrays)
    text = " or ".join(tuple_text(names[:n]) for n in range(required, len(names) + 1))
    return text + (", a tuple of one" if len(names) == 1 else "")


def tuple_text(names: Sequence[str]) -> str:
    return f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"
