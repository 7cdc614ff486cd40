"""The pages of the operations: a docstring laid out, then functions with their source."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

from minigrad import TABLE
from minigrad.look.operation_docs import read_docstring

from .docstrings import as_rst
from .rst import (
    ROOT,
    document,
    file_block,
    function_block,
    heading,
    inline,
    labelled,
    preformatted,
    table,
    toctree,
)

OPS = "minigrad.ops"


def modules() -> dict[str, ModuleType]:
    """The pages of minigrad.ops by name, in the order of the table."""
    names = dict.fromkeys(operation.forward.__module__ for operation in TABLE.values())
    return {name.removeprefix(f"{OPS}."): importlib.import_module(name) for name in names}


def is_operation(module: str) -> bool:
    return module == OPS or module.startswith(f"{OPS}.")


def _operations_on(module):
    return [o for o in TABLE.values() if o.forward.__module__ == module.__name__]


def operation_page(module: ModuleType) -> str:
    """Its docstring laid out, then each operation's facts and two functions, then the rest."""
    page = read_docstring(module)
    name, _, rest = page.title.partition(": ")
    parts = [heading(inline(name if rest else page.title.rstrip(".")), "=")]
    parts += [inline(rest[0].upper() + rest[1:])] if rest else []
    parts += [".. rst-class:: operation", _laid_out(page.sections), as_rst(page.remarks)]
    shown = set()
    for operation in _operations_on(module):
        parts += _operation(operation, module, shown)
    others = [n for n in _defined(module) if n not in shown]
    if others:
        parts += [heading("The rest of the file", "-")]
        parts += [_function(module, other) for other in others]
    return document(parts)


def _laid_out(sections):
    items = [labelled(label, preformatted(text)) for label, text in sections.items()]
    return "\n\n".join(items)


def _operation(operation, module, shown):
    """Heading, signature, facts and source of one operation; notes what it has shown."""
    functions = [operation.forward, operation.backward, operation.surrogate, operation.side]
    named = [f.__name__ for f in functions if f is not None and f.__module__ == module.__name__]
    shown.update(named)
    signature = re.sub(r"<class '(\w+)'>", r"\1", str(inspect.signature(operation.forward)))
    return [
        f".. _op-{operation.name}:",
        heading(operation.name, "-"),
        preformatted(f"F.{operation.name}{signature}", "python"),
        _facts(operation),
        *(_function(module, name) for name in named),
    ]


def _facts(operation):
    parameters = inspect.signature(operation.forward).parameters.values()
    inputs = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    options = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    integers = [inputs[position] for position in operation.integer_inputs]
    facts = {
        "Inputs": _names(inputs),
        "Of integers, without a gradient": _names(integers),
        "Options, never differentiated": _names(options),
        "Surrogate": operation.surrogate and _first_line(operation.surrogate),
        "Kinks": operation.side and _first_line(operation.side),
    }
    return "\n".join(f":{name}: {fact}" for name, fact in facts.items() if fact)


def _names(names):
    return ", ".join(f"``{name}``" for name in names)


def _first_line(function):
    return f"``{function.__name__}``: {inline(inspect.getdoc(function).splitlines()[0])}"


def _defined(module):
    """The functions and classes that the file defines, in its order."""
    things = vars(module).items()
    own = [(n, t) for n, t in things if getattr(t, "__module__", "") == module.__name__]
    own = [(n, t) for n, t in own if inspect.isfunction(t) or inspect.isclass(t)]
    return [n for n, t in sorted(own, key=lambda item: inspect.getsourcelines(item[1])[1])]


def _function(module, name):
    return function_block(Path(module.__file__).relative_to(ROOT).as_posix(), name)


def index_page() -> str:
    """The table of operations by page, and the place of these pages in the site."""
    rows = [
        (
            f":doc:`{name} <{name}>`",
            ", ".join(f":ref:`{o.name} <op-{o.name}>`" for o in _operations_on(module)),
            inline(read_docstring(module).title),
        )
        for name, module in modules().items()
    ]
    return document(
        [
            heading("The operations", "="),
            as_rst(inspect.getdoc(importlib.import_module(OPS))),
            table(("page", "operations", "what"), rows),
            toctree([f"{name} <{name}>" for name in modules()]),
            heading("What the table holds", "-"),
            f".. autoclass:: {OPS}.Operation",
            file_block("minigrad/ops/__init__.py", "The file"),
        ]
    )
