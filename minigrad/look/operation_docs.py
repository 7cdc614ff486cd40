"""Read an operation's documentation: its docstring's sections, its formulas, its source."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from types import ModuleType

from ..ops import Operation

LABELS = ("forward", "backward", "surrogate", "saved", "kinks", "source")
_LABEL = re.compile(rf" *({'|'.join(LABELS)})  +(?=\S)")


@dataclass(frozen=True)
class Docstring:
    """The parts of a docstring: its title, its labelled sections and the remaining text.

    The lines of a section keep their alignment. The label is cut off.
    """

    title: str
    sections: dict[str, str]
    remarks: str


def read_docstring(module: ModuleType) -> Docstring:
    """Take apart the docstring of a module that is written like those of minigrad.ops.

    Example:
        >>> from minigrad.ops import linear
        >>> sorted(read_docstring(linear).sections)
        ['backward', 'forward', 'saved', 'source']
    """
    title, _, body = inspect.cleandoc(module.__doc__ or "").partition("\n\n")
    lines = body.split("\n")
    starts = [i for i, line in enumerate(lines) if _LABEL.match(line)]
    sections, end = {}, 0
    for start in starts:
        end = _section_end(lines, start)
        text = "\n".join(lines[start:end])
        label = _LABEL.match(text)[1]
        sections[label] = dedent(text.replace(label, " " * len(label), 1)).strip("\n")
    remarks = "\n".join(lines[: starts[0]] + lines[end:] if starts else lines)
    return Docstring(" ".join(title.split()), sections, remarks.strip("\n"))


def _section_end(lines, start):
    """The line after a section: the next label, or a line that is indented less than it."""
    column = _LABEL.match(lines[start]).end()
    for i in range(start + 1, len(lines)):
        line = lines[i]
        if _LABEL.match(line) or (line and len(line) - len(line.lstrip()) < column):
            return i
    return len(lines)


def operation_docstring(operation: Operation) -> Docstring:
    """The docstring of the file that holds the forward; an empty one if it has no formulas.

    A fast form, such as causal_conv_fast.py, is documented by the plain one, causal_conv.py.
    """
    module = sys.modules.get(operation.forward.__module__.removesuffix("_fast"))
    found = read_docstring(module) if module else Docstring("", {}, "")
    return found if "forward" in found.sections else Docstring("", {}, "")


def local_rule(operation: Operation, argument: str) -> str:
    """The formula for the gradient of one argument, such as "dx = dy w"; "" if none is found.

    A file with several operations starts each one's formulas with its name.
    """
    backward = operation_docstring(operation).sections.get("backward", "")
    name = operation.name
    own = re.search(rf"\b{name} +(d.*)|\b{name}: ([^;]*?)(?:;|\.\s|\.?\Z)", backward)
    if own and own[2]:
        return own[2]
    letters = (argument.split("[")[0], argument.split("_")[0])
    for text in (own[1] if own else "", backward):
        for letter in letters:
            left = rf"(?<![∂\w])d{re.escape(letter)}(\[\S+\])?"
            right = r"\+?= ?.*?(?=  |;|,? and |, side|, as |, one |$)"
            if found := re.search(f"{left} {right}", text, re.MULTILINE):
                return found.group().rstrip(" .,:")
    return ""


def source(function: Callable) -> dict:
    """The file and the lines of a function; empty where these are not known."""
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return {"file": "", "first": 0, "lines": []}
    depth = len(function.__module__.split("."))
    file = "/".join(Path(inspect.getsourcefile(function) or "").parts[-depth:])
    return {"file": file, "first": first, "lines": dedent("".join(lines)).splitlines()}


def saved_names(operation: Operation, count: int) -> list[str]:
    """The forward's own names for the values that it saves, from its `return y, (x, w)`."""
    try:
        tree = ast.parse("\n".join(source(operation.forward)["lines"]))
    except SyntaxError:  # a lambda within an expression
        tree = ast.Module([], [])
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            saved = node.value.elts[-1]
            names = saved.elts if isinstance(saved, ast.Tuple) else [saved]
            if len(names) == count:
                return [ast.unparse(name) for name in names]
    return [f"saved[{i}]" for i in range(count)]


def documentation(operation: Operation) -> dict:
    """The page's data on an operation: its docstring's sections and its two sources."""
    docstring = operation_docstring(operation)
    return {
        "title": docstring.title,
        **docstring.sections,
        "forward_source": source(operation.forward),
        "backward_source": source(operation.backward),
    }
