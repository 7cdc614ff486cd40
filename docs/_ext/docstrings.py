"""Show docstrings with their layout: paragraphs, and preformatted mathematics.

The docstrings of this project are plain text for readers of the files. reStructuredText would
need `::` before an indented formula and an escape before a star.
"""

from __future__ import annotations

import ast
import inspect
import re
from textwrap import dedent, indent

SECTION = re.compile(r"([A-Z]\w+):\n(?= )")  # such as Raises, and its text
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
    if re.search(r"^ |\S  +\S", block, re.MULTILINE):  # columns or an indented line
        return ".. code-block:: text\n\n" + indent(dedent(block), "    ")
    return inline(block)


def _items(body):
    """Return an example unchanged, or each item as one line."""
    if body.startswith(">>>"):
        return body
    return "\n".join(f"| {inline(item)}" for item in re.sub(r"\n +", " ", body).split("\n"))


def inline(text: str) -> str:
    """Return text as reStructuredText, with links from file names to the pages of the files."""
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
    """Change a docstring in place for autodoc; add the code to the page of an operation."""
    text = to_rst("\n".join(lines))
    if what == "module" and name.startswith("minigrad.ops."):
        path = f"/../{name.replace('.', '/')}.py"
        docstring = ast.parse(inspect.getsource(thing)).body[0]
        text += f"\n\n.. literalinclude:: {path}\n   :lines: {docstring.end_lineno + 2}-"
    lines[:] = [*text.split("\n"), ""]


def setup(app):
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
