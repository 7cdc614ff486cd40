"""The site builds without a warning; its links and pages are complete and work in Chromium."""

import contextlib
import doctest
import functools
import http.server
import importlib.util
import inspect
import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from browser import opened
from site_pages import is_external, is_there, read, target

from minigrad import TABLE

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NEEDED = ("sphinx", "furo", "myst_nb", "latex2mathml")


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Build the site once; return its folder and the finished process of Sphinx."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(
            f"no {', '.join(missing)}: run.py test --site installs what builds the site"
        )
    folder = tmp_path_factory.mktemp("site") / "html"
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    sphinx = subprocess.run(
        [*command, ROOT / "docs", folder], capture_output=True, text=True, timeout=600
    )
    return folder, sphinx


@pytest.fixture(scope="session")
def site(built):
    folder, sphinx = built
    assert (folder / "index.html").exists(), sphinx.stderr
    return folder


@pytest.fixture(scope="session")
def pages(site):
    """Every page of the site by its path."""
    found = [read(path) for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]
    return {page.path.relative_to(site.resolve()).as_posix(): page for page in found}


# -- the files ------------------------------------------------------------------------------


def test_the_site_is_built_without_a_warning(built):
    _, sphinx = built
    assert (sphinx.stderr, sphinx.returncode) == ("", 0)


def test_every_guide_notebook_and_module_has_its_page(pages):
    guides = {f"{path.stem}.html" for path in (ROOT / "docs").glob("*.md")}
    notebooks = {f"notebooks/{path.stem}.html" for path in NOTEBOOKS}
    sources = [p for name in ("minigrad", "flashlm_np") for p in ROOT.glob(f"{name}/**/*.py")]
    names = {p.relative_to(ROOT).as_posix() for p in sources} - {"flashlm_np/__main__.py"}
    modules = {re.sub(r"(/__init__)?\.py$", "", n).replace("/", ".") for n in names}
    assert guides | notebooks | {f"api/{module}.html" for module in modules} <= set(pages)


def test_the_sidebar_of_a_module_marks_it_and_its_packages(site):
    link = r'<li class="[^"]*\bcurrent\b[^"]*"><a class="[^"]*" href="([^"]*)"'
    page_of_a_module = (site / "api/minigrad.ops.rms_norm.html").read_text(encoding="utf-8")
    assert set(re.findall(link, page_of_a_module)) == {
        "minigrad.html",
        "minigrad.ops.html",
        "#",
    }
    guide = (site / "heads.html").read_text(encoding="utf-8")
    assert re.findall(link, guide) == ["#"]
    source = (site / "_modules/flashlm_np/model/flashlm.html").read_text(encoding="utf-8")
    assert re.findall(link, source) == []
    assert 'href="../../../api/flashlm_np.model.html">' in source
    # Only the pages of modules list the modules of packages.
    assert 'href="flashlm_np.model.flashlm.html">' in page_of_a_module
    assert 'href="api/flashlm_np.model.flashlm.html">' not in guide


def test_the_target_of_every_link_and_anchor_exists(pages):
    by_path = {page.path: page for page in pages.values()}
    broken = []
    for name, page in pages.items():
        for link in page.links:
            if is_external(link):
                continue
            path, anchor = target(page, link)
            there = by_path.get(path)
            if not is_there(path) or (anchor and there and anchor not in there.ids):
                broken.append(f"{name}: {link}")
    assert broken == []


def test_no_page_loads_anything_from_another_machine(pages, site):
    external = [
        f"{n}: {r}" for n, page in pages.items() for r in page.resources if is_external(r)
    ]
    assert external == []
    missing = [
        f"{n}: {r}"
        for n, page in pages.items()
        for r in page.resources
        if not r.startswith("data:") and not is_there(target(page, r)[0])
    ]
    assert missing == []
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"(?:url\(|@import )\s*[\"']?(?:https?:)?//[^)\s]*", styles) == []


@pytest.mark.parametrize("name", TABLE)
def test_the_page_of_an_operation_has_its_docstring_and_its_code(name, pages):
    module = sys.modules[TABLE[name].forward.__module__]
    page = pages[f"api/{module.__name__}.html"]
    text = "\n".join(page.blocks)
    formulas = [line for line in module.__doc__.split("\n") if re.match(r"\w+  +\S", line)]
    assert [line for line in formulas if line not in text] == []
    assert plain(module.__doc__.split()) - plain(page.words) == set()
    assert inspect.getsource(TABLE[name].forward) in text
    assert inspect.getsource(TABLE[name].backward) in text


def plain(words):
    """Return the words without the characters that the layout may change."""
    return {word.replace("`", "").rstrip(".:") for word in words} - {""}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_the_page_of_a_notebook_has_all_its_cells(path, pages):
    page = pages[f"notebooks/{path.stem}.html"]
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = ["".join(c["source"]).strip() for c in cells if c["cell_type"] == "code"]
    blocks = [block.strip() for block in page.blocks]
    assert [text for text in code if text not in blocks] == []
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    figures = sum("image/png" in output.get("data", {}) for output in outputs)
    assert sum(r.startswith("../_images/") for r in page.resources) >= figures


def test_the_examples_of_the_extensions_are_right(extensions):
    for name in ("docstrings", "navigation", "repository"):
        failed, tried = doctest.testmod(extensions(name))
        assert failed == 0
        assert tried


def test_the_error_for_a_wrong_formula_names_it(extensions):
    mathml = extensions("mathml").mathml
    assert "<mfrac>" in mathml(r"\frac{a}{b}", "inline")
    for latex in (r"\unknown x", r"\frac{a", r"\frac{a}", r"\left( x", "x_{"):
        with pytest.raises(ValueError, match=f"^the formula {re.escape(repr(latex))} "):
            mathml(latex, "inline")


@pytest.fixture
def extensions(site, monkeypatch):
    """Return a function that imports an extension by its name."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    return lambda name: importlib.import_module(f"_ext.{name}")


# -- in a browser ---------------------------------------------------------------------------


# A description of each fault of the open page.
PROBLEMS = """() => {
    const problems = [], article = document.querySelector("article") ?? document.body;
    for (const math of document.querySelectorAll("math")) {
        const box = math.getBoundingClientRect();
        if (!box.width || !box.height) problems.push("no size: " + math.textContent);
    }
    if (document.querySelector("merror")) problems.push("a formula that is an error");
    const words = article.cloneNode(true);
    const other = "pre, code, math, iframe, svg, script, style";
    words.querySelectorAll(other).forEach(node => node.remove());
    if (/[$]/.test(words.textContent)) problems.push("a raw $");
    for (const image of document.images)
        if (!image.complete || !image.naturalWidth) problems.push("no image: " + image.src);
    if (!document.title.trim()) problems.push("no title");
    if (!article.querySelector("h1, noscript")) problems.push("no heading");
    return problems;
}"""
TOO_WIDE = """() => [document.documentElement, document.querySelector(".content")]
    .filter(element => element && element.scrollWidth > element.clientWidth + 1)
    .map(element => "wider than a screen of " + innerWidth)"""


def written_by_hand_and_some_of_the_rest(pages):
    """Return the pages to open. The generated ones are alike: one in sixty of them is enough.

    The playground needs a server, and has tests of its own.
    """
    pages = {name: page for name, page in pages.items() if not name.startswith("playground/")}
    generated = [name for name in pages if name.startswith(("api/", "_modules/"))]
    operations = [name for name in generated if name.startswith("api/minigrad.ops.")]
    return sorted(pages.keys() - set(generated) | set(generated[::60]) | set(operations[::12]))


def test_the_pages_open_in_a_browser(site, pages, browser):
    problems, found = {}, []
    with contextlib.closing(browser.new_context()) as context:
        page = context.new_page()
        page.on("console", lambda m: found.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: found.append(str(error)))
        page.on("requestfailed", lambda request: found.extend(not_loaded(request)))
        for name in written_by_hand_and_some_of_the_rest(pages):
            page.set_viewport_size({"width": 1280, "height": 900})
            page.goto((site / name).as_uri())
            found += page.evaluate(PROBLEMS) + page.evaluate(TOO_WIDE)
            page.set_viewport_size({"width": 390, "height": 900})
            found += page.evaluate(TOO_WIDE)
            if found:
                problems[name] = list(found)
            found.clear()
    assert problems == {}


def not_loaded(request):
    """Return a failed request, except one that the next page aborted."""
    return [] if "ABORTED" in (request.failure or "") else [f"not loaded: {request.url}"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast_in_the_light_and_the_dark_scheme(scheme, site, browser):
    with opened(browser, (site / "notation.html").as_uri(), color_scheme=scheme) as page:
        for what in ("article p", "article code", "article math", "article a"):
            assert page.evaluate(CONTRAST, what) >= 4.5, what


# The contrast ratio of WCAG between the first selected element and its background.
CONTRAST = """selector => {
    const numbers = text => text.match(/[\\d.]+/g).map(Number);
    const light = rgb => rgb.slice(0, 3).map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    let element = document.querySelector(selector);
    const front = light(numbers(getComputedStyle(element).color));
    let back = numbers(getComputedStyle(element).backgroundColor);
    while (back[3] === 0 && (element = element.parentElement))
        back = numbers(getComputedStyle(element).backgroundColor);
    const [dim, bright] = [front, light(back)].sort((a, b) => a - b);
    return (bright + 0.05) / (dim + 0.05);
}"""


def test_the_search_finds_an_operation(site, browser):
    quiet = type(
        "Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None}
    )
    handler = functools.partial(quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/search.html?q=rms_norm"
        with opened(browser, address) as page:
            page.wait_for_selector(
                "#search-results li a[href*='api/minigrad.ops.rms_norm.html']"
            )
        server.shutdown()
