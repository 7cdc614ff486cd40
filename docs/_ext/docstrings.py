"""Show docstrings as they are written: paragraphs, and preformatted mathematics.

The docstrings of this project are written for readers of the files. They are no
reStructuredText: an indented formula needs `::`, and a star needs an escape.
"""

from __future__ import annotations

import re
from textwrap import dedent, indent

SECTION = re.compile(r"([A-Z]\w+):\n(?= )")  # such as Raises, with the text below it
CODE = re.compile(r"`+([^`]+)`+")
FILE = re.compile(r"\b((?:minigrad|flashlm_np)/[\w/]+)\.py")


def to_rst(docstring: str) -> str:
    r"""Return the docstring (dedented) as reStructuredText, with the same words.

    Example:
        >>> print(to_rst("A mean:\n\n    m = Σ x / n\n\nof *all* `x`."))
        A mean:
        <BLANKLINE>
        .. code-block:: text
        <BLANKLINE>
            m = Σ x / n
        <BLANKLINE>
        of \*all\* ``x``.
    """
    return "\n\n".join(map(_block, re.split(r"\n(?: *\n)+", docstring.strip("\n"))))


def _block(block):
    section = SECTION.match(block)
    if section:
        return f"**{section[1]}**\n\n{_items(dedent(block[section.end() :]))}"
    if block.lstrip().startswith(">>>"):
        return dedent(block)
    if re.search(r"^ |\S  +\S", block, re.MULTILINE):  # a column or an indented line
        return ".. code-block:: text\n\n" + indent(dedent(block), "    ")
    return inline(block)


def _items(body):
    """Return an example as it is, else each item as a line, with its further lines joined."""
    if body.startswith(">>>"):
        return body
    return "\n".join(f"| {inline(item)}" for item in re.sub(r"\n +", " ", body).split("\n"))


def inline(text: str) -> str:
    """Return words as reStructuredText; a file of the packages becomes a link to its page."""
    parts = CODE.split(text)
    for i, part in enumerate(parts):
        if i % 2:
            joined = re.match(r"\w", parts[i + 1])  # as in `x`s
            parts[i] = f"``{part}``" + ("\\ " if joined else "")
        else:
            parts[i] = FILE.sub(_link, re.sub(r"([\\*|]|_(?!\w))", r"\\\1", part))
    return "".join(parts)


def _link(match):
    return f":doc:`{match[0]} </api/{match[1].replace('/', '.')}>`"


def process(app, what, name, thing, options, lines):
    """Change the lines of a docstring in place, for autodoc."""
    text = to_rst("\n".join(lines))
    if what == "module" and name.startswith("minigrad.ops."):  # then the code below it
        path = f"/../{name.replace('.', '/')}.py"
        text += f"\n\n.. literalinclude:: {path}\n   :start-at: from __future__"
    lines[:] = [*text.split("\n"), ""]


def setup(app):
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
