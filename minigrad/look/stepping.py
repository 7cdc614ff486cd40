"""step_through: a page on which a whole computation can be walked, forward and back.

One file that needs nothing else: no server, no network, no library. All that it shows was
computed here; beside it stands a picture of the graph, for where no script runs.
"""

from __future__ import annotations

import base64
import contextlib
import html
import json
import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from ..module import Module
from ..tensor import Tensor
from .drawing import drawing
from .layout import layout
from .recording import Recording

SCRIPTS = ("state", "graph", "details", "predict", "walk")
MANY = 30  # operations from which on a graph's modules are folded at first


class Steps:
    """The page of a computation; a notebook shows it where it stands.

    page: the text of the page, HTML; picture: the graph alone, SVG.
    """

    def __init__(self, data: dict, title: str):
        self.data = data
        self.page = _page(data, title)
        self.picture = drawing(data, title)

    def __repr__(self):
        forward = len(self.data["operations"])
        backward = len(self.data["steps"]) - forward
        return f"Steps: {forward} forward, {backward} backward, {len(self.page):,} characters"

    def _repr_html_(self):
        """The page in a frame; folded below it the picture, for where no frame is shown."""
        picture = base64.b64encode(self.picture.encode()).decode()
        return (
            f'<iframe srcdoc="{html.escape(self.page)}" width="100%" height="760" '
            'frameborder="0"></iframe><details><summary>The graph as a picture</summary>'
            f'<img alt="the graph" src="data:image/svg+xml;base64,{picture}"></details>'
        )


def step_through(
    loss: Tensor | Callable[[], Tensor],
    path: str | os.PathLike | None = None,
    *,
    model: Module | None = None,
    title: str = "Step by step",
    check: bool = True,
) -> Steps:
    """Write a page that walks through all that led to `loss`, and through its backward pass.

    Args:
        loss: a function without arguments that computes the loss, one number; or the loss
            itself, computed inside `with record():` and not yet walked back. Its graph and all
            gradients stay as they were, so `loss.backward()` can follow.
        path: of the page, such as "out.html"; the picture goes beside it, as "out.svg". Without
            one nothing is written; what is returned shows itself in a notebook.
        model: gives parameters and modules the names that they have within it.
        title: of the page.
        check: also find each gradient by differences: all numbers of a small graph, the
            largest of each value in a large one. It takes two partial forwards per number.

    Raises:
        GraphError: the loss has no graph, was not recorded, or its backward has run.
        ShapeError: the loss is not one number.
        TypeError: the loss is no Tensor, or the model no Module.
        ValueError: the path is the picture's.
        OSError: nothing can be written there.

    Example:
        >>> x = Tensor([3.0], requires_grad=True, name="x")
        >>> steps = step_through(lambda: (x * x + x).sum())
        >>> [step["kind"] for step in steps.data["steps"]]
        ['forward', 'forward', 'forward', 'start', 'backward', 'backward', 'backward', \
'backward', 'backward']
        >>> steps.data["steps"][-1]["rule"]
        'db = dy a'
    """
    if not (model is None or isinstance(model, Module)):
        raise TypeError(f"step_through: model is {model!r}, expected a Module, or None")
    if path is not None:
        _expect_place(Path(path))
    data = Recording(loss, model, check).data
    data["layout"] = layout(data)
    steps = Steps(data, title)
    if path is not None:
        page = Path(path)
        _write(page, steps.page)
        _write(page.with_suffix(".svg"), steps.picture)
    return steps


def _page(data, title):
    folded = _first_folded(data)
    plain = json.dumps(data | {"folded": folded}, ensure_ascii=False, separators=(",", ":"))
    parts = {
        "TITLE": html.escape(title),
        "STYLE": _read("page.css"),
        "SCRIPT": "\n".join(_read(f"{name}.js") for name in SCRIPTS),
        "DATA": plain.replace("<", "\\u003c"),  # no tag can end the element that holds it
    }
    page = _read("page.html")
    for name, text in parts.items():
        page = page.replace(f"@{name}@", text)
    return page


def _first_folded(data):
    """In a large graph, the calls within calls; the outermost stay open."""
    if len(data["operations"]) <= MANY:
        return []
    return [i for i, call in enumerate(data["calls"]) if call["within"] is not None]


def _read(name):
    return (files(__package__) / "page" / name).read_text(encoding="utf-8")


def _expect_place(path):
    """Before anything is computed: the page can stand at `path`, and the picture beside it."""
    if path.suffix == ".svg":
        raise ValueError(
            f"step_through: the picture would overwrite the page {path}; give the page a "
            "name that ends in .html"
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"step_through: there is no folder {path.parent} for {path.name}; make it first"
        )


def _write(path, text):
    """All of a file or nothing: it is written under another name, synced and renamed."""
    unfinished = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    try:
        with open(unfinished, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
