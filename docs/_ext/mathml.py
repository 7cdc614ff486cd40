"""Write formulas as MathML, which browsers display without a script or a downloaded font."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from docutils.nodes import SkipNode
from latex2mathml.converter import convert
from sphinx.util import logging

CHILDREN = {"mfrac": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3}


def mathml(latex: str, display: str) -> str:
    """Return the <math> element of a formula; `display` is "inline" or "block".

    Raises:
        ValueError: the formula is wrong. latex2mathml itself ignores most mistakes.
    """
    try:
        element = convert(latex, display=display)
        elements = list(ElementTree.fromstring(element).iter())
    except Exception as error:  # the errors of latex2mathml have no common base class
        raise ValueError(f"the formula {latex!r} is wrong: {error!r}") from error
    braces = re.sub(r"\\.", "", latex)
    complete = all(len(e) == CHILDREN.get(e.tag.rpartition("}")[2], len(e)) for e in elements)
    if "\\" in element or not complete or braces.count("{") != braces.count("}"):
        raise ValueError(f"the formula {latex!r} is wrong: a command is unknown or incomplete")
    return element


def _visit(display, before, after):
    def visit(translator, node):
        try:
            element = mathml(node.astext(), display)
        except ValueError as error:
            logging.getLogger(__name__).warning("%s", error, location=node)
            element = f"<code>{translator.encode(node.astext())}</code>"
        translator.body.append(f"{before}{element}{after}")
        raise SkipNode  # the element contains its children already

    return visit


def setup(app):
    inline, block = _visit("inline", "", ""), _visit("block", '<div class="math">', "</div>\n")
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
