"""The pages of the modules, and of other files that some page links to."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path

from .operations import OPS, is_operation
from .rst import ROOT, document, file_block, heading, inline, table, toctree

PACKAGES = ("minigrad", "flashlm_np")


def names() -> list[str]:
    """Every module that has a page here: all but operations, and what would run."""
    found = [
        module.name
        for package in PACKAGES
        for module in pkgutil.walk_packages(
            importlib.import_module(package).__path__, f"{package}."
        )
    ]
    wanted = [n for n in found if not n.endswith("__main__") and not is_operation(n)]
    return [*PACKAGES, *wanted]


def module_page(name: str, children: list[str]) -> str:
    """A module: its docstring, what is public in it, the modules under it, and the file."""
    module = importlib.import_module(name)
    path = Path(module.__file__).relative_to(ROOT).as_posix()
    return document(
        [
            heading(name, "="),
            f".. automodule:: {name}\n   :members:\n   :ignore-module-all:",
            _exports(module),
            _children([*children, *([OPS] if OPS.rpartition(".")[0] == name else [])]),
            file_block(path, "The file"),
        ]
    )


def _children(names):
    if not names:
        return ""
    rows = [(_reference(name), _first_sentence(name)) for name in names]
    entries = [f"{name.rpartition('.')[2]} <{name}>" for name in names if name != OPS]
    contents = toctree(entries) if entries else ""
    return document([heading("Modules", "-"), table(("module", "what"), rows), contents])


def _exports(module):
    """The names that a package hands on, and where each is defined."""
    homes = {name: _home(getattr(module, name)) for name in getattr(module, "__all__", ())}
    rows = [
        (f"``{name}``", _reference(home))
        for name, home in homes.items()
        if home and home != module.__name__
    ]
    return document([heading("Names", "-"), table(("name", "from"), rows)]) if rows else ""


def _home(thing):
    """The module that a thing is defined in; None for a constant, which does not know."""
    return thing.__name__ if inspect.ismodule(thing) else getattr(thing, "__module__", None)


def _reference(module):
    if is_operation(module):
        return f":doc:`{module} </ops/{_short(module)}>`"
    return f":doc:`{module} </api/{module}>`"


def _short(module):
    return "index" if module == OPS else module.rpartition(".")[2]


def index_page() -> str:
    """The packages, and the place of their pages in the site."""
    rows = [(f":doc:`{name}`", _first_sentence(name)) for name in PACKAGES]
    contents = toctree([f"{name} <{name}>" for name in PACKAGES])
    names = "Every name, in alphabetical order: :ref:`genindex`."
    return document(
        [heading("The modules", "="), table(("package", "what"), rows), names, contents]
    )


def _first_sentence(name):
    text = inspect.getdoc(importlib.import_module(name)) or ""
    return inline(" ".join(text.partition("\n\n")[0].split()))


def file_page(path: str) -> str:
    """Any other file of the repository."""
    return document([":orphan:", heading(path, "="), file_block(path)])
