"""What the values and the calls of a graph are called: names that a reader knows."""

from __future__ import annotations

from dataclasses import dataclass

from ..module import Module
from .graph import Graph
from .tables import number, shape_text


@dataclass(eq=False)
class Passed:
    """A call of a module, for display: which call of how many, and what it encloses."""

    path: str
    label: str
    kind: str
    within: int | None
    first: int
    last: int
    number: int = 1
    of: int = 1

    @property
    def title(self) -> str:
        again = f", pass {self.number} of {self.of}" if self.of > 1 else ""
        return f"{self.label}{again}"


def value_names(graph: Graph, names: dict[int, str]) -> list[str]:
    """A name per value: a parameter's path, a tensor's name, an operation and its number."""
    made = {a.output: (i, a) for i, a in enumerate(graph.applications)}
    first_use = {}
    for a in graph.applications:
        for argument, position in zip(a.arguments, a.inputs, strict=True):
            first_use.setdefault(position, argument)
    found = []
    for position, value in enumerate(graph.values):
        if value.kind == "result":
            i, application = made[position]
            found.append(f"{application.operation.name} {i + 1}")
        elif value.kind == "constant":
            array = value.array
            own = number(array[()]) if array.ndim == 0 else names.get(id(array))
            found.append(own or first_use[position])
        else:
            own = value.leaf.name or names.get(id(value.leaf))
            found.append(own or f"{first_use[position]} {shape_text(value.leaf.shape)}")
    return found


def module_names(graph: Graph, model: Module | None) -> dict[int, str]:
    """Paths of modules and parameters by their id: within `model`, or the outermost called."""
    roots = {} if model is None else {id(model): (model, "")}
    for a in graph.applications:
        call = a.call
        while call is not None and call.enclosing is not None:
            call = call.enclosing
        if call is not None and id(call.module) not in roots:
            kind = type(call.module).__name__
            count = sum(name.split()[0] == kind for _, name in roots.values() if name)
            label = f"{kind} {count + 1}" if count else kind
            roots[id(call.module)] = (call.module, label)
    names: dict[int, str] = {}
    for root, label in roots.values():
        for name, parameter in root.named_parameters():
            names.setdefault(id(parameter), _joined(label, name))
            names.setdefault(id(parameter.data), _joined(label, name))  # frozen: a constant
        _name(root, label, names)
    return names


def _name(module, path, names):
    """Give a module and those within it their paths."""
    names.setdefault(id(module), path or type(module).__name__)
    for name, child in module.named_children():
        _name(child, _joined(path, name), names)


def _joined(path, name):
    return f"{path}.{name}" if path else name


def calls_of(graph: Graph, names: dict[int, str]) -> tuple[list[Passed], list[int | None]]:
    """The calls of modules in order, and for each operation the innermost that it is in."""
    found: list[Passed] = []
    position: dict[int, int] = {}
    passes: dict[int, list[Passed]] = {}
    inside: list[int | None] = []
    for i, a in enumerate(graph.applications):
        for call in _chain(a.call):
            if id(call) not in position:
                within = position[id(call.enclosing)] if call.enclosing else None
                outer = "" if within is None else f"{found[within].path}."
                kind = type(call.module).__name__
                path = names.get(id(call.module), kind)
                entry = Passed(path, path.removeprefix(outer), kind, within, i, i)
                position[id(call)] = len(found)
                found.append(entry)
                passes.setdefault(id(call.module), []).append(entry)
            found[position[id(call)]].last = i
        inside.append(position[id(a.call)] if a.call else None)
    for same in passes.values():
        for i, entry in enumerate(same):
            entry.number, entry.of = i + 1, len(same)
    return found, inside


def _chain(call):
    """The calls that enclose an operation, the outermost first."""
    chain = []
    while call is not None:
        chain.append(call)
        call = call.enclosing
    return chain[::-1]
