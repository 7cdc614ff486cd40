"""The configuration of the site: guides, notebooks, and a page for every module.

`python3 run.py docs` builds the site without a kernel and without a network. Sphinx writes the
pages of the modules to docs/api. In _ext, docstrings.py shows docstrings with their layout,
mathml.py writes formulas as MathML, navigation.py makes the sidebar once for all modules, and
repository.py copies the notebooks and changes links to files into links to pages. The
playground is made as it is for any web server.
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
    "_ext.navigation",
    "_ext.repository",
]
include_patterns = ["*.md", "api/*.rst", "notebooks/*.ipynb"]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}

# The pages contain the committed notebooks with their outputs; no notebook runs.
nb_execution_mode = "off"
nb_ipywidgets_js = {}
nb_merge_streams = True
myst_enable_extensions = ["dollarmath"]
myst_dmath_double_inline = True  # $$ within a paragraph, as in Jupyter
myst_heading_anchors = 3
html_math_renderer = "mathml"

autodoc_mock_imports = ["pytest", "torch"]  # the pages of two modules need neither
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
add_module_names = False
toc_object_entries_show_parents = "hide"

# Every name of the two packages in a signature must be a link; names of other projects not.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!minigrad\.|flashlm_np\.).*")]

html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = "flashlm-np"
smartquotes = False
html_favicon = "_static/icon.svg"
html_static_path = ["_static"]
html_extra_path = ["steps"]  # the page of step_through in its guide, and the playground
html_css_files = ["site.css"]
html_domain_indices = False  # the sidebar lists the pages of the modules
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False


def setup(app):
    """Write the pages that git ignores; apidoc writes a file only if it changes."""
    os.environ["SPHINX_APIDOC_OPTIONS"] = "members,ignore-module-all"
    from frame import first_steps
    from playground.build import build as build_playground
    from sphinx.ext.apidoc import main as apidoc

    options = "-q --force --remove-old --no-toc --separate --module-first --maxdepth=1"
    others = [str(path) for path in DOCS.parent.iterdir() if path.name not in PACKAGES]
    apidoc([*options.split(), f"--output-dir={DOCS / 'api'}", str(DOCS.parent), *others])
    (DOCS / "steps").mkdir(exist_ok=True)
    page = first_steps().html
    (DOCS / "steps" / "two_ways_to_w.html").write_text(page, encoding="utf-8")
    build_playground(DOCS / "steps" / "playground", documentation="../index.html")
