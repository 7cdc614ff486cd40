"""The site: guides, the notebooks as they were committed, and pages made from the code.

Built by `python3 run.py docs`, without a kernel and without a network. In _ext, repository.py
makes pages from the code and the notebooks, links.py leads from one to the other, docstrings.py
turns docstrings into text with headings, source_lines.py finds the lines of what is described,
and mathml.py writes formulas so that a browser draws them by itself.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from _ext.source_lines import line_of

project = "flashlm-np"
author = "the authors of flashlm-np"
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.linkcode",
    "myst_nb",
    "_ext.docstrings",
    "_ext.mathml",
    "_ext.repository",
    "_ext.links",
    "_ext.source_lines",
]
exclude_patterns = ["_build", "_ext", "steps"]
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
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
linkcode_resolve = line_of
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
html_extra_path = ["steps"]  # a page of step_through, made by repository.py
html_css_files = ["site.css"]
html_domain_indices = False  # api/index.rst lists the modules
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
