"""The boxes of a graph: operations that ran one after the other and fold into one row.

A box holds the operations of a module call. Where one level has many rows, neighbours share a
box, too, and neighbouring boxes another one, until each level has few rows. So a graph of any
size opens in a few rows, and each box that the reader opens shows a few more.
"""

import re
from dataclasses import dataclass, field
from itertools import pairwise

from .graph import Graph

MANY, GROUP = 40, 20  # rows of one level, above which they are grouped; rows of a group
AT_FIRST = 30  # rows that are visible when the page opens


@dataclass(eq=False)
class Box:
    """A module call, or a group of neighbours, whose path is ""; operations are indices."""

    title: str
    path: str
    kind: str
    children: list["Box | int"] = field(default_factory=list)


def boxes(
    graph: Graph, paths: dict[int, str], labels: list[str]
) -> tuple[list[dict], list[int | None]]:
    """All boxes as data for the page, outer ones first, and each operation's innermost box.

    `first` and `last` are the operations of a box, `within` is the box around it, `leaves` are
    the leaves that its operations use.
    """
    data: list[dict] = []
    innermost: list[int | None] = [None] * len(graph.applications)

    def add(children, within):
        for child in children:
            if isinstance(child, int):
                innermost[child] = within
                continue
            names = {"title": child.title, "path": child.path, "kind": child.kind}
            span = {"first": _end(child, 0), "last": _end(child, -1)}
            data.append(names | {"within": within, **span, "leaves": []})
            add(child.children, len(data) - 1)

    results = [labels[a.output] for a in graph.applications]
    add(_grouped(_calls(graph, paths), results), None)
    for box in data:
        used = [i for a in graph.applications[box["first"] : box["last"] + 1] for i in a.inputs]
        leaves = (i for i in used if graph.values[i].kind == "leaf")
        box["leaves"] = list(dict.fromkeys(leaves))
    return data, innermost


def folded_at_first(boxes: list[dict], innermost: list[int | None]) -> list[int]:
    """The boxes that are folded when the page opens: those below a level with few rows."""
    depths: dict[int | None, int] = {None: 0}
    for i, box in enumerate(boxes):
        depths[i] = depths[box["within"]] + 1
    levels = [0] * (max(depths.values()) + 1)  # operations, by the number of boxes around
    for box in innermost:
        levels[depths[box]] += 1
    deepest = 0
    for depth in range(len(levels)):
        rows = sum(levels[: depth + 1]) + sum(d == depth + 1 for d in depths.values())
        if rows <= AT_FIRST:
            deepest = depth
    return [i for i in range(len(boxes)) if depths[i] > deepest]


def _calls(graph, paths):
    """The module calls as boxes in boxes, with the operations in their places."""
    top: list[Box | int] = []
    opened: list[tuple] = []  # the calls around the last operation, and their boxes
    passes: dict[int, list[Box]] = {}  # of each module
    for i, a in enumerate(graph.applications):
        chain = a.call.with_enclosing() if a.call else []
        while [call for call, _ in opened] != chain[: len(opened)]:
            opened.pop()
        for call in chain[len(opened) :]:
            box = _call_box(call, paths)
            (opened[-1][1].children if opened else top).append(box)
            opened.append((call, box))
            passes.setdefault(id(call.module), []).append(box)
        (opened[-1][1].children if opened else top).append(i)
    for same in passes.values():
        for number, box in enumerate(same, 1):
            box.title += f", pass {number} of {len(same)}" if len(same) > 1 else ""
    return top


def _call_box(call, paths):
    path, kind = _path(call, paths), type(call.module).__name__
    title = path.removeprefix(f"{_path(call.enclosing, paths)}." if call.enclosing else "")
    if title.rpartition(".")[2].isdecimal():  # a place in a list tells little
        title += f" ({kind})"
    return Box(title, path, kind)


def _path(call, paths):
    return paths.get(id(call.module), type(call.module).__name__)


def _grouped(children, results):
    """The same tree, with neighbours in groups wherever a level has many rows."""
    for child in children:
        if isinstance(child, Box):
            child.children = _grouped(child.children, results)
    while len(children) > MANY:
        ends = [*range(0, len(children) - 1, GROUP), len(children)]  # no group of one
        parts = [children[a:b] for a, b in pairwise(ends)]
        children = [Box(_group_title(part, results), "", "group", part) for part in parts]
    return children


def _group_title(part, results):
    return f"{_name(part[0], 0, results)} to {_name(part[-1], -1, results)}"


def _name(child, end, results):
    """The name of an operation or a module; of a group, that of its first or last one."""
    while isinstance(child, Box) and not child.path:
        child = child.children[end]
    return re.sub(r" \(\w+\)", "", child.title) if isinstance(child, Box) else results[child]


def _end(child, end):
    while isinstance(child, Box):
        child = child.children[end]
    return child
