"""Read an operation's documentation: its docstring's sections, its formulas, its source."""

import ast
import inspect
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from textwrap import dedent

from ..ops import Operation

_remember = lru_cache(maxsize=512)  # a graph of thousands of operations has few kinds of them
_LABEL = re.compile(r" *(forward|backward|surrogate|saved|kinks|source)  +(?=\S)")


def docstring_sections(docstring: str) -> dict[str, str]:
    """The title and the labelled sections of a docstring like those of minigrad.ops.

    The lines of a section keep their alignment. The label is cut off.

    Example:
        >>> from minigrad.ops import linear
        >>> list(docstring_sections(linear.__doc__))
        ['title', 'forward', 'backward', 'saved', 'source']
    """
    title, _, body = inspect.cleandoc(docstring).partition("\n\n")
    sections: dict[str, list[str]] = {}
    lines, column = [], 0
    for line in body.split("\n"):
        if label := _LABEL.match(line):
            column = label.end()
            lines = sections[label[1]] = [" " * column + line[column:]]
        elif not line[:column].strip():  # as far to the right as the section's first line
            lines.append(line)
        else:
            lines, column = [], 0
    texts = {label: dedent("\n".join(found)).strip("\n") for label, found in sections.items()}
    return {"title": " ".join(title.split()), **texts}


@_remember
def operation_sections(operation: Operation) -> dict[str, str]:
    """The docstring_sections of the file that holds the forward, if it has formulas.

    A fast form, such as causal_conv_fast.py, is documented by the plain one, causal_conv.py.
    """
    module = sys.modules.get(operation.forward.__module__.removesuffix("_fast"))
    sections = docstring_sections(getattr(module, "__doc__", None) or "")
    return sections if "forward" in sections else {"title": ""}


@_remember
def local_rule(operation: Operation, argument: str) -> str:
    """The formula for the gradient of one argument, such as "dx = dy w"; "" if none is found.

    A file with several operations starts each one's formulas with its name. The arrays of
    *arrays are x_i there, with any letter for i.
    """
    backward = operation_sections(operation).get("backward", "")
    name = operation.name
    own = re.search(rf"\b{name} +(d.*)|\b{name}: ([^;]*?)(?:;|\.\s|\.?\Z)", backward)
    if own and own[2]:
        return own[2]
    letter = r"x_\w" if "[" in argument else re.escape(argument.split("_")[0])
    left = rf"(?<![∂\w])d{letter}(\[\S+\])?"
    right = r"\+?= ?.*?(?=  |;|,? and |, side|, as |, one |$)"
    for text in (own[1] if own else "", backward):
        if found := re.search(f"{left} {right}", text, re.MULTILINE):
            return found.group().rstrip(" .,:")
    return ""


@_remember
def source(function: Callable) -> dict:
    """The file and the lines of a function; empty where these are not known."""
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return {"file": "", "first": 0, "lines": []}
    depth = len(function.__module__.split("."))
    file = "/".join(Path(inspect.getsourcefile(function) or "").parts[-depth:])
    return {"file": file, "first": first, "lines": dedent("".join(lines)).splitlines()}


@_remember
def saved_names(operation: Operation, count: int) -> list[str]:
    """The forward's own names for the values that it saves, from its `return y, (x, w)`."""
    with suppress(SyntaxError):  # a lambda within an expression
        for node in ast.walk(ast.parse("\n".join(source(operation.forward)["lines"]))):
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
                saved = node.value.elts[-1]
                names = saved.elts if isinstance(saved, ast.Tuple) else [saved]
                if len(names) == count:
                    return [
                        f"saved[{i}]" if isinstance(name, ast.Constant) else ast.unparse(name)
                        for i, name in enumerate(names)
                    ]
    return [f"saved[{i}]" for i in range(count)]
