"""The sidebar's list of pages, made once for each folder.

Furo asks Sphinx for the list anew for each of 700 pages, and then rewrites it, which took more
than half of a build. The lists of the pages of a folder differ only in their mark: that of the
open page, and of the pages above it. So Furo gets one list without a mark for all of them, and
rewrites it once. The mark comes afterwards. A page of source code is in no list.

Only the pages of the modules list all modules. Elsewhere the list ends with the packages and
the modules directly in them, which makes most pages half as large.
"""

import re

ITEM = re.compile(
    r'<li class="(?P<kind>[^"]*)"><a class="reference internal" href="(?P<address>[^"]*)">'
    r"(?P<title>.*?)</a>(?P<box><input)?|</li>"
)


def share_lists(app, pagename, templatename, context, doctree):
    """Replace the function `toctree` of a page, before Furo calls it."""
    folder, _, _ = pagename.rpartition("/")
    lists = app.env.__dict__.setdefault("shared_lists", {})

    def toctree(**options):
        if folder != "api":
            options["maxdepth"] = 2
        # The links of a list depend on the folder of the page; for source code, on its depth.
        place = pagename.count("/") if pagename.startswith("_modules") else folder
        key = place, *sorted(options.items())
        if key not in lists:
            no_page = f"{folder}/no page" if folder else "no page"  # so nothing is marked
            lists[key] = app.builder._get_local_toctree(no_page, **options)
        return lists[key]

    context["toctree"] = toctree


def mark(app, pagename, templatename, context, doctree):
    """Mark the open page in the list that Furo has made."""
    address = f"{pagename.rpartition('/')[2]}.html"
    context["furo_navigation_tree"] = with_mark(context["furo_navigation_tree"], address)


def with_mark(navigation: str, address: str) -> str:
    """The list with the page `address` and those around it marked and unfolded, as by Furo.

    >>> item = '<li class="toctree-l2"><a class="reference internal" href="a.html">A</a></li>'
    >>> print(with_mark(item, "a.html").replace("<a", "\\n<a"))
    <li class="toctree-l2 current current-page">
    <a class="current reference internal" href="#">A</a></li>
    """
    around, current, last = [], set(), None
    for item in ITEM.finditer(navigation):
        if item["kind"] is None:
            around.pop()
            continue
        around.append(item.start())
        if item["address"] == address:
            current.update(around)
            last = item.start()

    def marked(item):
        if item.start() not in current:
            return item[0]
        is_page = item["address"] == address
        kind = item["kind"] + " current" + " current-page" * (item.start() == last)
        link = "current reference internal" if is_page else "reference internal"
        href = "#" if is_page else item["address"]
        box = '<input checked=""' if item["box"] else ""
        return f'<li class="{kind}"><a class="{link}" href="{href}">{item["title"]}</a>{box}'

    return ITEM.sub(marked, navigation)


def setup(app):
    app.connect("html-page-context", share_lists, priority=400)  # Furo's own has 500
    app.connect("html-page-context", mark, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
