"""step_through: a page that shows a computation step by step, forward and backward.

The page is one file. It needs no server, no network and no library. A picture of the graph
stands beside it, for places where no script runs.
"""

import base64
import html
import json
import os
import re
import zlib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from ..module import Module
from ..tensor import Tensor
from .labels import printable
from .page_data import page_data
from .svg import svg

SCRIPTS = ("state", "folding", "graph", "tables", "details", "kept", "predict", "navigation")
PLAIN = 1_000_000  # characters; longer data are packed, and the page unpacks them


class StepThrough:
    """The page of a computation. A notebook shows it below the cell.

    data: the content of the page; html: the page; svg: the picture of the graph.
    """

    def __init__(self, data: dict, title: str):
        self.data = data
        self.html = _html(data, printable(title))
        self.svg = svg(data, printable(title))

    def __repr__(self):
        forward = len(self.data["operations"])
        backward = len(self.data["steps"]) - forward
        return f"Steps: {forward} forward, {backward} backward, {len(self.html):,} characters"

    def _repr_html_(self):
        """The page in a frame, and the picture for viewers that show no frames."""
        picture = base64.b64encode(self.svg.encode()).decode()
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" width="100%" height="760" '
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
) -> StepThrough:
    """Write a page that shows each operation of a loss and each edge of its backward pass.

    Args:
        loss: a function without arguments that computes the loss, one number; or the loss
            itself, computed inside `with record():` and before its backward. Its graph and all
            gradients stay as they were, so `loss.backward()` can follow.
        path: the file of the page, such as "out.html"; the picture is "out.svg" beside it.
            Without a path nothing is written.
        model: gives parameters and modules their paths within it as names.
        title: the title of the page.
        check: also compute gradients by differences: of each number in a small graph, of the
            largest gradient of each value in a large one; the page says how.

    Raises:
        GraphError: the loss has no graph, was not recorded, or its backward has run.
        ShapeError: the loss is not one number.
        TypeError: the loss is no Tensor, or the model is no Module.
        ValueError: the path does not end in .html.
        OSError: the files cannot be written.

    Example:
        >>> x = Tensor([3.0], requires_grad=True, name="x")
        >>> steps = step_through(lambda: (x * x).sum())
        >>> [step["kind"] for step in steps.data["steps"]]
        ['forward', 'forward', 'start', 'backward', 'backward', 'backward']
        >>> steps.data["steps"][-1]["rule"]
        'db = dy a'
    """
    if not (model is None or isinstance(model, Module)):
        raise TypeError(f"step_through: model is {model!r}, expected a Module, or None")
    if path is not None:
        _expect_writable(Path(path))
    steps = StepThrough(page_data(loss, model, check), title)
    if path is not None:
        Path(path).write_text(steps.html, encoding="utf-8", newline="\n")
        Path(path).with_suffix(".svg").write_text(steps.svg, encoding="utf-8", newline="\n")
    return steps


def _expect_writable(path):
    """Raise before the computation, which may take long, if the path is of no use."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(
            f"step_through: path is {str(path)!r}, expected the name of a page, which ends in "
            ".html, such as 'steps.html'"
        )
    for file in (path, path.with_suffix(".svg")):
        if file.is_dir():
            raise IsADirectoryError(f"step_through: {file} is a folder; choose another name")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"step_through: there is no folder {path.parent} for {path.name}; create it first"
        )


def _html(data, title):
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    # Half of a character becomes an escape, which is valid in JSON. No text can end the element
    # that holds the data.
    plain = text.replace("<", "\\u003c").encode("utf-8", "backslashreplace")
    packed = len(plain) > PLAIN
    parts = {
        "TITLE": html.escape(title),
        "STYLE": _read("page.css"),
        "SCRIPT": "\n".join(_read(f"{name}.js") for name in SCRIPTS),
        "TYPE": "application/zlib" if packed else "application/json",
        "DATA": (base64.b64encode(zlib.compress(plain)) if packed else plain).decode(),
    }
    # All at once: a title may look like one of these names.
    return re.sub(f"@({'|'.join(parts)})@", lambda name: parts[name[1]], _read("page.html"))


def _read(name):
    return (files(__package__) / "page" / name).read_text(encoding="utf-8")
