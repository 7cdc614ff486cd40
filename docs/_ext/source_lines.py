"""From each thing on a module's page to the line of the file below it where it begins."""

from __future__ import annotations

import importlib
import inspect

from docutils import nodes


def anchor_lines(app, doctree):
    """For Sphinx: give each line of a whole file an anchor, such as #line-42."""
    if not app.env.docname.startswith(("api/", "ops/index")):
        return
    for block in doctree.findall(nodes.literal_block):
        if block.get("linenos") and "source" in block:
            block["highlight_args"] = {**block.get("highlight_args", {}), "lineanchors": "line"}


def line_of(domain: str, info: dict) -> str | None:
    """For sphinx.ext.linkcode: the anchor of a thing's first line, if it is in that file."""
    thing = importlib.import_module(info["module"])
    try:
        for name in info["fullname"].split("."):
            thing = getattr(thing, name)
        thing = thing.fget if isinstance(thing, property) else inspect.unwrap(thing)
        if inspect.getmodule(thing).__name__ != info["module"]:
            return None
        return f"#line-{inspect.getsourcelines(thing)[1]}"
    except (AttributeError, TypeError, OSError):  # a constant, or made when the module ran
        return None


def setup(app):
    app.connect("doctree-read", anchor_lines)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
