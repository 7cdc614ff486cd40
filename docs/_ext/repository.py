"""Copy the notebooks into the site, and change links to files into links to their pages.

Each build copies the notebooks to docs/notebooks, which git ignores. A link to a file without
a page stays a link to the file, and MyST offers it for download.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LINK = re.compile(r"\]\((?!https?:|mailto:|/)([^)#\s]+)(#[^)\s]*)?\)")


def page_of(path: str) -> str | None:
    """Return the source of the page for a file or folder of the repository, or None.

    Example:
        >>> page_of("minigrad/ops/rms_norm.py"), page_of("flashlm_np/inference")
        ('/api/minigrad.ops.rms_norm.rst', '/api/flashlm_np.inference.rst')
    """
    if path == "README.md":
        return "/index.md"
    if path.startswith("docs/") or path.endswith(".ipynb"):
        return "/" + path.removeprefix("docs/")
    is_module = path.endswith(".py") or (ROOT / path / "__init__.py").exists()
    if path.startswith(("minigrad", "flashlm_np")) and is_module:
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        return f"/api/{module}.rst"
    return None


def link_to_pages(app, docname, source):
    """Change the links of a guide or notebook when Sphinx reads it."""
    if docname.startswith("notebooks/"):
        notebook = json.loads(source[0])
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = _linked("".join(cell["source"]), ROOT / "notebooks", "../../")
        source[0] = json.dumps(notebook)
    elif "/" not in docname:
        source[0] = _linked(source[0], DOCS, "../")


def _linked(text, folder, to_root):
    def page_link(match):
        path = os.path.relpath(os.path.normpath(folder / match[1]), ROOT).replace(os.sep, "/")
        return f"]({page_of(path) or to_root + path}{match[2] or ''})"

    return LINK.sub(page_link, text)


def copy_notebooks(app, config):
    shutil.rmtree(DOCS / "notebooks", ignore_errors=True)
    (DOCS / "notebooks").mkdir()
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        shutil.copy2(path, DOCS / "notebooks")  # keeps the time, so a second build is fast


def setup(app):
    app.connect("config-inited", copy_notebooks)
    app.connect("source-read", link_to_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
