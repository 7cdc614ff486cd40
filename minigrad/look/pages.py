"""An operation's page, taken apart: its docstring's sections, by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from inspect import cleandoc
from textwrap import dedent
from types import ModuleType

LABELS = ("forward", "backward", "surrogate", "saved", "kinks", "source")
_LABEL = re.compile(rf" *({'|'.join(LABELS)})  +\S")


@dataclass(frozen=True)
class Page:
    """What an operation is, its mathematics by section, and remarks; all plain text.

    A section keeps its lines and their alignment, from which its label is cut.
    """

    title: str
    sections: dict[str, str]
    remarks: str


def page_of(module: ModuleType) -> Page:
    """The docstring of a module of minigrad.ops, or of one that is written like them.

    Example:
        >>> from minigrad.ops import linear
        >>> page_of(linear).title
        "Linear: each position's vector times a weight matrix, plus a bias."
    """
    title, _, body = cleandoc(module.__doc__ or "").partition("\n\n")
    lines = body.split("\n")
    starts = [i for i, line in enumerate(lines) if _LABEL.match(line)]
    sections, end = {}, 0
    for start in starts:
        end = _end(lines, start)
        text = "\n".join(lines[start:end])
        label = _LABEL.match(text).group(1)
        sections[label] = dedent(text.replace(label, " " * len(label), 1)).strip("\n")
    remarks = "\n".join(lines[: starts[0]] + lines[end:] if starts else lines)
    return Page(" ".join(title.split()), sections, remarks.strip("\n"))


def _end(lines, start):
    """The line after a section's last: the next label, or the first that stands further out."""
    column = re.match(rf" *({'|'.join(LABELS)}) +", lines[start]).end()
    for i in range(start + 1, len(lines)):
        line = lines[i]
        if _LABEL.match(line) or (line and len(line) - len(line.lstrip()) < column):
            return i
    return len(lines)
