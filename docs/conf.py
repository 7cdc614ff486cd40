"""The site: guides, the notebooks as they are committed, and a page for every module.

`python3 run.py docs` builds it, without a kernel and without a network. Sphinx makes the pages
of the modules in docs/api. In _ext, docstrings.py shows docstrings as they are written,
mathml.py writes formulas that a browser draws by itself, and repository.py brings the notebooks
and makes links lead from file to page.
"""

import os
import sys
from pathlib import Path

PACKAGES = ("minigrad", "flashlm_np")
DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))
sys.path.insert(0, str(DOCS.parent))

project = "flashlm-np"
author = "the authors of flashlm-np"
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "myst_nb",
    "_ext.docstrings",
    "_ext.mathml",
    "_ext.repository",
]
include_patterns = ["*.md", "api/*.rst", "notebooks/*.ipynb"]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}

# Notebooks are shown as they were committed; nothing runs, and nothing is fetched.
nb_execution_mode = "off"
nb_ipywidgets_js = {}
nb_merge_streams = True
myst_enable_extensions = ["dollarmath"]
myst_dmath_double_inline = True  # $$ within a paragraph, as in Jupyter
myst_heading_anchors = 3
html_math_renderer = "mathml"

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
add_module_names = False
toc_object_entries_show_parents = "hide"

# A name of ours in a signature must be a link; the pages of other projects are elsewhere.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!minigrad\.|flashlm_np\.).*")]

html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = "flashlm-np"
smartquotes = False
html_favicon = "_static/icon.svg"
html_static_path = ["_static"]
html_extra_path = ["steps"]  # the page of step_through that its guide shows
html_css_files = ["site.css"]
html_domain_indices = False  # the pages of the modules are listed beside every page
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False


def setup(app):
    """Make the pages that git ignores; a file is written only if it changes."""
    os.environ["SPHINX_APIDOC_OPTIONS"] = "members,ignore-module-all"
    from frame import first_steps
    from sphinx.ext.apidoc import main as apidoc

    options = "-q --force --remove-old --no-toc --separate --module-first --maxdepth=1"
    others = [str(path) for path in DOCS.parent.iterdir() if path.name not in PACKAGES]
    apidoc([*options.split(), f"--output-dir={DOCS / 'api'}", str(DOCS.parent), *others])
    (DOCS / "steps").mkdir(exist_ok=True)
    page = first_steps().html
    (DOCS / "steps" / "two_ways_to_w.html").write_text(page, encoding="utf-8")
