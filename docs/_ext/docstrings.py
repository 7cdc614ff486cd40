"""Docstrings of this project as reStructuredText.

They are written to be read in the file: paragraphs, preformatted mathematics, examples, a few
sections with a heading and a colon. Here each of these becomes what it looks like.
"""

from __future__ import annotations

import re
from itertools import groupby
from textwrap import dedent

from minigrad import TABLE

from .rst import inline, preformatted

FIELDS = {"Args": "param", "Raises": "raises"}
_SECTION = re.compile(r"([A-Z][a-z]+):$")
_ITEM = re.compile(r"([\w*, /`.]+): +(\S.*)$")
_COLUMNS = re.compile(r"\S  +\S")


def as_rst(docstring: str) -> str:
    """The docstring (dedented) as reStructuredText, with the same words.

    Example:
        >>> print(as_rst("A mean:\\n\\n    m = Σ x / n\\n\\nof *all* `x`."))
        A mean:
        <BLANKLINE>
        .. code-block:: text
        <BLANKLINE>
           m = Σ x / n
        <BLANKLINE>
        of \\*all\\* ``x``.
    """
    blocks = re.split(r"\n\s*\n", docstring.strip("\n"))
    joined = _joined([block for block in blocks if block.strip()])
    return "\n\n".join(_block(block) for block in joined)


def _joined(blocks):
    """Neighbouring indented blocks as one, with the empty line between them."""
    for indented, group in groupby(blocks, _is_indented):
        neighbours = list(group)
        yield from ["\n\n".join(neighbours)] if indented else neighbours


def _is_indented(block):
    return block.startswith(" ") and _is_preformatted(block)


def _is_preformatted(block):
    """Whether the whole block is indented or has columns, and is no example."""
    lines = block.split("\n")
    if lines[0].lstrip().startswith(">>>") or _SECTION.match(lines[0]):
        return False
    if lines[0].startswith("source  "):
        return False
    return lines[0].startswith(" ") or any(_COLUMNS.search(line) for line in lines)


def _block(block):
    first, _, rest = block.partition("\n")
    section = _SECTION.match(first)
    if first.lstrip().startswith(">>>"):
        return dedent(block)
    if first.startswith("source  "):
        return f"**source** {inline(' '.join(block.split()[1:]))}"
    if section and rest:
        return _section(section.group(1), dedent(rest))
    if _is_preformatted(block):
        return preformatted(block)
    if _is_list(block):
        return _definitions(block)
    return _paragraph(block)


def _section(heading, body):
    if heading in FIELDS:
        items = _items(body)
        each = [(name, text) for names, text in items for name in _bare(names).split(", ")]
        return "\n".join(f":{FIELDS[heading]} {name}: {inline(text)}" for name, text in each)
    return f"**{heading}**\n\n{as_rst(body)}"


def _is_list(block):
    """name: what it is, and several of these, or with further lines that are indented."""
    lines = block.split("\n")
    outer = [line for line in lines if not line.startswith(" ")]
    return len(lines) > 1 and len(outer) < len(lines) and all(map(_ITEM.match, outer))


def _definitions(block):
    return "\n\n".join(f"``{_bare(name)}``\n   {inline(text)}" for name, text in _items(block))


def _items(body):
    """(name, text) of each `name: text`, its further lines joined to it."""
    lines = re.sub(r"\n +", " ", body).split("\n")
    return [_ITEM.match(line).groups() if _ITEM.match(line) else ("", line) for line in lines]


def _bare(name):
    return name.replace("`", "")


def _paragraph(block):
    """Words; lines that are indented under them are shown as they are."""
    words, _, under = block.partition("\n ")
    if under and not re.match(r"[-*] |\d+\. ", words):
        return f"{inline(words)}\n\n{preformatted(' ' + under)}"
    return inline(block)


def process(app, what, name, thing, options, lines):
    """For autodoc: the lines of a docstring, changed in place."""
    module, _, function = name.rpartition(".")
    if module == "minigrad.functional" and function in TABLE:
        page = TABLE[function].forward.__module__.rpartition(".")[2]
        lines[:] = [f"Its page: :doc:`/ops/{page}`.", ""]
    else:
        lines[:] = [*as_rst("\n".join(lines)).split("\n"), ""]


def is_passed_over(app, what, name, thing, skip, options):
    """For autodoc: the fields of a named tuple, of which Python itself says only the number."""
    return True if (thing.__doc__ or "").startswith("Alias for field number") else None


def setup(app):
    app.connect("autodoc-process-docstring", process)
    app.connect("autodoc-skip-member", is_passed_over)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
