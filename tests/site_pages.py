"""Read the pages of the built site with the standard library: links, resources, texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

RESOURCES = {"img": "src", "script": "src", "iframe": "src", "source": "src", "object": "data"}
INLINE = {"span", "code", "a", "em", "strong", "cite"}  # these tags do not end a word
LOADED_LINKS = {"stylesheet", "icon", "shortcut", "preload", "manifest", "modulepreload"}


@dataclass
class Page:
    """The links, resources, identifiers and texts of a page of HTML."""

    path: Path
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    resources: list[str] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)  # the text of each <pre>
    title: str = ""
    words: set[str] = field(default_factory=set)


class _Reader(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.page, self.inside, self.text = page, [], []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.page.ids.update(filter(None, (values.get("id"), values.get("name"))))
        self._end_word(tag)
        if tag == "a" and values.get("href"):
            self.page.links.append(values["href"])
        if tag in RESOURCES and values.get(RESOURCES[tag]):
            self.page.resources.append(values[RESOURCES[tag]])
        if tag == "link" and LOADED_LINKS & set((values.get("rel") or "").split()):
            self.page.resources.append(values["href"])
        if tag in ("pre", "title"):
            self.inside.append(tag)
        if tag == "pre":
            self.page.blocks.append("")

    def handle_endtag(self, tag):
        self._end_word(tag)
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def _end_word(self, tag):
        if tag not in INLINE:
            self.text.append(" ")

    def close(self):
        super().close()
        self.page.words.update("".join(self.text).split())

    def handle_data(self, data):
        self.text.append(data)
        if "pre" in self.inside:
            self.page.blocks[-1] += data
        elif "title" in self.inside:
            self.page.title += data


def read(path: Path) -> Page:
    page = Page(path.resolve())
    reader = _Reader(page)
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    return page


# The answers are kept, because each of 700 pages repeats the links of the sidebar.
@cache
def is_external(address: str) -> bool:
    """Whether an address leads to another machine."""
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme not in ("", "data")


def target(page: Page, link: str) -> tuple[Path, str]:
    """The file that an internal link leads to, and the anchor in it."""
    path, anchor = _target(page.path.parent, link)
    return path or page.path, anchor


@cache
def _target(folder, link):
    parts = urlsplit(link)
    path = (folder / unquote(parts.path)).resolve() if parts.path else None
    return path, unquote(parts.fragment)


@cache
def is_there(path: Path) -> bool:
    """Whether a file of the built site exists."""
    return path.exists()
