"""The sidebar's list of pages, made once for each folder.

Furo asks Sphinx for the list anew for each of 600 pages, which took most of a build. The lists
of the pages of a folder differ only in their mark: that of the open page, and of the pages
above it. So the pages of the modules share one list, which then gets its mark. A page of source
code is in no list, and needs none.
"""

import re


def share_lists(app, pagename, templatename, context, doctree):
    """Replace the function `toctree` of a page of a module or of source code."""
    folder, _, name = pagename.rpartition("/")
    if folder != "api" and not pagename.startswith("_modules"):
        return
    lists = app.env.__dict__.setdefault("shared_lists", {})

    def toctree(**options):
        # The links of a list depend on the folder of the page; for source code, on its depth.
        place = folder if folder == "api" else pagename.count("/")
        key = place, *sorted(options.items())
        if key not in lists:  # a page that does not exist has no mark
            lists[key] = app.builder._get_local_toctree(f"{folder}/no page", **options)
        return with_mark(lists[key], name) if folder == "api" else lists[key]

    context["toctree"] = toctree


def with_mark(toctree: str, module: str) -> str:
    """The list with `module` and the packages around it marked as Sphinx marks them.

    >>> link = '<li class="toctree-l2"><a class="reference internal" href="{}.html">'
    >>> print(with_mark(link.format("minigrad.ops"), "minigrad.ops.rms_norm"))
    <li class="toctree-l2 current"><a class="reference internal" href="minigrad.ops.html">
    >>> print(with_mark(link.format("minigrad.ops"), "minigrad.ops"))
    <li class="toctree-l2 current"><a class="current reference internal" href="#">
    """
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        name = ".".join(parts[:length])
        link = f'<a class="reference internal" href="{name}.html"'
        marked = '<a class="current reference internal" href="#"' if name == module else link
        item = rf'<li class="(toctree-l\d)">{re.escape(link)}'
        toctree = re.sub(item, rf'<li class="\1 current">{marked}', toctree)
    return toctree


def setup(app):
    app.connect("html-page-context", share_lists, priority=400)  # Furo's own has 500
    return {"parallel_read_safe": True, "parallel_write_safe": True}
