"""Building blocks of reStructuredText."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent, indent

ROOT = Path(__file__).resolve().parents[2]  # of the repository
_MARKED = re.compile(r"`+([^`]+)`+|\*\*(\w[^*]*)\*\*")


def document(parts: list[str]) -> str:
    """The parts with an empty line between them; empty parts are left out."""
    return "\n\n".join(part for part in parts if part) + "\n"


def heading(text: str, underline: str) -> str:
    return f"{text}\n{underline * max(3, 2 * len(text))}"


def table(heads: tuple, rows: list[tuple]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [heads, *rows]:
        lines += [f"   {'*' if i == 0 else ' '} - {cell}" for i, cell in enumerate(row)]
    return "\n".join(lines)


def toctree(entries: list[str]) -> str:
    return document([".. toctree::\n   :hidden:", indent("\n".join(entries), "   ")])


def labelled(label: str, body: str) -> str:
    """An item of a definition list."""
    return f"{label}\n{indent(body, '   ')}"


def preformatted(text: str, language: str = "text") -> str:
    """A block that is shown as it is."""
    body = indent(dedent(text).strip("\n"), "   ")
    return f".. code-block:: {language}\n\n{body}"


def file_block(path: str, title: str = "") -> str:
    """A file of the repository, whole, with the numbers of its lines."""
    count = len((ROOT / path).read_text(encoding="utf-8").splitlines())
    language = {".py": "python", ".c": "c"}.get(Path(path).suffix, "text")
    include = f".. literalinclude:: ../../{path}\n   :language: {language}\n   :linenos:"
    caption = heading(title, "-") if title else ""
    return document([caption, f"``{path}``, {count} lines.", include])


def function_block(path: str, name: str) -> str:
    """One function or class of a file, with the numbers of its lines."""
    options = f"   :language: python\n   :pyobject: {name}\n   :lineno-match:"
    return f".. literalinclude:: ../../{path}\n{options}"


def inline(text: str) -> str:
    """Words; what is between backticks is code, between double stars bold, and that is all."""
    parts, end = [], 0
    for match in _MARKED.finditer(text):
        code, bold = match.groups()
        glue = "\\ " if re.match(r"\w", text[match.end() :]) else ""
        marked = f"``{code}``" if code else f"**{_escaped(bold)}**"
        parts += [_escaped(text[end : match.start()]), marked, glue]
        end = match.end()
    return "".join([*parts, _escaped(text[end:])])


def _escaped(text):
    return re.sub(r"([\\*`|]|_(?!\w))", r"\\\1", text)
