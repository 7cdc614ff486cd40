"""Formulas as MathML, which browsers draw by themselves: no script, no font, no network."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from docutils.nodes import SkipNode
from latex2mathml.converter import convert
from sphinx.util import logging

CHILDREN = {"mfrac": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "mroot": 2} | {
    "msubsup": 3,
    "munderover": 3,
}
log = logging.getLogger(__name__)


def mathml(latex: str, display: str) -> str:
    """The <math> element of a formula; `display` is "inline" or "block".

    Raises:
        ValueError: the formula is not understood; the message says which, and why.
    """
    try:
        made = convert(latex, display=display)
    except Exception as error:  # latex2mathml has no common base for its errors
        reason = str(error) or type(error).__name__
        raise ValueError(f"the formula {latex!r} is not understood: {reason}") from error
    if wrong := _problem(latex, made):
        raise ValueError(f"the formula {latex!r} is not understood: {wrong}")
    return made


def _problem(latex, made):
    """What latex2mathml passes over in silence; "" if there is nothing."""
    if unknown := re.search(r"\\\w*", made):
        return f"{unknown.group()} is not known"
    braces = re.sub(r"\\.", "", latex)
    if braces.count("{") != braces.count("}"):
        return "its braces do not match"
    for element in ElementTree.fromstring(made).iter():
        tag = element.tag.rpartition("}")[2]
        if len(element) != CHILDREN.get(tag, len(element)):
            return f"something is missing in a {tag}"
    return ""


def _written(translator, node, display):
    try:
        return mathml(node.astext(), display)
    except ValueError as error:
        log.warning("%s", error, location=node)
        return f"<code>{translator.encode(node.astext())}</code>"


def inline(translator, node):
    translator.body.append(_written(translator, node, "inline"))
    raise SkipNode  # all that is in the node was written


def block(translator, node):
    opening = translator.starttag(node, "div", CLASS="math")
    translator.body.append(f"{opening}{_written(translator, node, 'block')}</div>\n")
    raise SkipNode  # all that is in the node was written


def setup(app):
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
