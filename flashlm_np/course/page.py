"""A page of the package: the source of a module, and what its syntax tree says where."""

from __future__ import annotations

import ast
import importlib.util
import textwrap
from pathlib import Path


class Page:
    """The source of `module`, which is not run for it."""

    def __init__(self, module: str):
        spec = importlib.util.find_spec(module)
        self.module, self.package = module, spec.parent
        self.source = Path(spec.origin).read_text(encoding="utf-8")
        self.lines = self.source.splitlines()
        self.tree = ast.parse(self.source)

    def docstring(self) -> str:
        return ast.get_source_segment(self.source, self.tree.body[0])

    def function(self, path: str) -> ast.FunctionDef:
        """The function of that name; with a dot, a class and its method."""
        nodes = self.tree.body
        for name in path.split("."):
            (node,) = (n for n in nodes if getattr(n, "name", None) == name)
            nodes = node.body
        return node

    def text(self, first: int, last: int) -> str:
        """Lines `first` to `last`, counted from 1, without their common indentation."""
        return textwrap.dedent("\n".join(self.lines[first - 1 : last]))

    def constant(self, name: str) -> str | None:
        """The statement that assigns `name`, or None if it is no constant of this page."""
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and name in names_in(*node.targets):
                return self.text(node.lineno, node.end_lineno)
        return None

    def origin(self, name: str) -> tuple[str, str]:
        """The module, absolute, and the name to import, for a name as this page has it."""
        if "." in name:
            module, _, name = name.rpartition(".")
            return module, name
        for node in self.tree.body:
            if isinstance(node, ast.ImportFrom) and name in {
                alias.name for alias in node.names
            }:
                relative = "." * node.level + (node.module or "")
                return importlib.util.resolve_name(relative, self.package), name
        return self.module, name


def names_in(*nodes: ast.AST) -> set[str]:
    """The names that are used in parts of a syntax tree."""
    return {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)}
