"""The links of texts in the repository, which lead to files, made to lead to pages."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.util import logging

from .modules import PACKAGES
from .operations import OPS, is_operation
from .rst import ROOT

DOCS = ROOT / "docs"
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)")
log = logging.getLogger(__name__)


def page_for(path: str) -> str | None:
    """The source of the page that shows a file or folder of the repository, or None.

    Example:
        >>> page_for("minigrad/ops/rms_norm.py"), page_for("flashlm_np/inference")
        ('/ops/rms_norm.rst', '/api/flashlm_np.inference.rst')
    """
    if path.startswith("docs/"):
        return path.removeprefix("docs")
    if path.startswith("notebooks/") and path.endswith(".ipynb"):
        return f"/{path}"
    if path == "README.md":
        return "/index.md"
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    if is_operation(module):
        return "/ops/index.rst" if module == OPS else f"/ops/{module.rpartition('.')[2]}.rst"
    if path.startswith(PACKAGES) and (path.endswith(".py") or (ROOT / path).is_dir()):
        return f"/api/{module}.rst"
    return f"/files/{flat(path)}.rst" if (ROOT / path).is_file() else None


def flat(path: str) -> str:
    return path.replace("/", ".")


def rewritten(text: str, folder: Path) -> str:
    """A text that lies in this folder of the repository, with its links as in the site."""

    def replace(match):
        path = _in_repository(match.group(1), folder)
        target = page_for(path)
        if target is None:
            log.warning("%s links to %s, which no page of the site shows", folder.name, path)
            return match.group(0)
        return f"]({target}{match.group(2) or ''})"

    return _LINK.sub(replace, text)


def files_linked(text: str, folder: Path) -> set[str]:
    """The files that a text links to and that are shown for that reason alone."""
    paths = {_in_repository(match.group(1), folder) for match in _LINK.finditer(text)}
    return {path for path in paths if (page_for(path) or "").startswith("/files/")}


def _in_repository(link, folder):
    return Path(os.path.relpath(os.path.normpath(folder / link), ROOT)).as_posix()


def rewrite_guide(app, docname, source):
    """For Sphinx: the links of a guide, as it is read."""
    guide = DOCS / f"{docname}.md"
    if guide.exists():
        source[0] = rewritten(source[0], guide.parent)


def setup(app):
    app.connect("source-read", rewrite_guide)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
