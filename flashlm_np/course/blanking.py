"""A page of the package as an exercise: its text, its signatures, and no bodies.

All of it is read from the page's source by its syntax tree, so it cannot drift from it.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
import textwrap

from minigrad.ops import TABLE

from .exercise import Exercise
from .page import Page, names_in
from .verdict import TO_DO

WIDTH = 96


def exercise_text(exercise: Exercise) -> str:
    """The student's file."""
    page = Page(exercise.page)
    functions = [(path, page.function(path)) for path in exercise.written]
    constants, imported = _beside(page, exercise, [node for _, node in functions])
    parts = [
        _heading(exercise, page) + "\n" + page.docstring(),
        "from __future__ import annotations",
        *_imports(page, imported),
        "\n".join(constants),
    ]
    bodies = [_blanked(page, exercise, path, node) for path, node in functions]
    head = "\n\n".join(part for part in parts if part)
    return "\n\n\n".join([head, *bodies]) + "\n"


def is_blank(function: ast.FunctionDef) -> bool:
    """Whether nothing stands in the function but a docstring and the line that says so."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    blank = ast.parse(_RAISE).body
    return [ast.dump(node) for node in body] == [ast.dump(node) for node in blank]


_RAISE = f'raise NotImplementedError("{TO_DO}")'


def _heading(exercise, page):
    file = page.module.replace(".", "/") + ".py"
    functions = ", ".join(exercise.functions)
    these = "this function" if len(exercise.functions) == 1 else "these functions"
    lines = [
        exercise.label,
        "",
        f"To write: {functions}",
        f"To check: flashlm course check . {exercise.name}",
        "",
        f"The text below is the page {file}; the exercise is what it says of {these}.",
        *([exercise.note] if exercise.note else []),
    ]
    return "\n".join(_commented(line) for line in lines)


def _commented(text, indent=""):
    width = WIDTH - len(indent) - 2
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"{indent}# {line}".rstrip() for line in lines or [""])


def _beside(page, exercise, functions):
    """The constants to repeat, and the names to import, that the student's file is given."""
    names = [*exercise.given, *(name for node in functions for name in _signature_names(node))]
    constants, imported = [], []
    for name in dict.fromkeys(names):
        text = page.constant(name)
        if text is None:
            imported.append(name)
        elif text not in constants:
            constants.append(text)
    return constants, imported


def _signature_names(function):
    """Names that the signature itself needs: of annotations and defaults."""
    parts = [function.args, *([function.returns] if function.returns else [])]
    return sorted(names_in(*parts) - set(dir(builtins)) - {"np"})


def _imports(page, names):
    """Import statements, one per module: Python's own, NumPy, and the packages'."""
    modules = {}
    for name in names:
        module, name = page.origin(name)
        modules.setdefault(module, set()).add(name)
    lines = {module: _import(module, sorted(modules[module])) for module in sorted(modules)}
    own = [module for module in lines if module.split(".")[0] in sys.stdlib_module_names]
    return (
        "\n".join(lines[module] for module in own),
        "import numpy as np",
        "\n".join(lines[module] for module in lines if module not in own),
    )


def _import(module, names):
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= WIDTH:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"


def _blanked(page, exercise, path, function):
    """The function's signature and docstring, and a line to replace."""
    first, *_ = function.body
    documented = ast.get_docstring(function) is not None
    last = first.end_lineno if documented else first.lineno - 1
    name = path.rpartition(".")[2]
    remarks = [_commented(remark, "    ") for remark in _remarks(page, exercise, name)]
    body = "\n".join([*remarks, f"    {_RAISE}"])
    return page.text(function.lineno, last) + "\n" + body


def _remarks(page, exercise, name):
    """What is to be returned: of a forward and a backward, which all have the same form."""
    operation = TABLE.get(exercise.name)
    if operation is None or name not in (
        f"{exercise.name}_forward",
        f"{exercise.name}_backward",
    ):
        return []
    kept = " or ".join(_saved(page.function(f"{exercise.name}_forward")))
    if name.endswith("_forward"):
        return [f"Return y, saved. The package saves {kept}; yours may save anything."]
    return [
        f"Return {_gradients(operation)}.",
        f"Until you have written {exercise.name}_forward, saved is the package's: {kept}.",
    ]


def _saved(forward):
    """What the package's forward returns beside y, as its source has it."""
    returned = [node.value for node in ast.walk(forward) if isinstance(node, ast.Return)]
    pairs = [value for value in returned if isinstance(value, ast.Tuple)]
    return list(dict.fromkeys(ast.unparse(pair.elts[1]) for pair in pairs))


def _gradients(operation):
    """The tuple that a backward returns; several where an input may be left out."""
    parameters = inspect.signature(operation.forward).parameters.values()
    arrays = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
    names = [
        "None" if position in operation.integer_inputs else f"d{parameter.name}"
        for position, parameter in enumerate(arrays)
    ]
    required = sum(parameter.default is parameter.empty for parameter in arrays)
    text = " or ".join(_tuple(names[:n]) for n in range(required, len(names) + 1))
    return text + (", a tuple of one" if len(names) == 1 else "")


def _tuple(names):
    return f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"
