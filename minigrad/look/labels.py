"""Names for the values and the modules of a graph.

A name may hold anything: a control character, half of a character, or it may be a number. The
page and the picture show it as text that is valid in both.
"""

from collections import Counter

from ..module import Module
from .array_tables import number_text
from .graph import Graph


def printable(name: object) -> str:
    """A name as text, with escapes for what no page or picture can show.

    Example:
        >>> printable("tab\\tand \\ud800"), printable(3), printable("größe <x>")
        ('tab\\\\tand \\\\ud800', '3', 'größe <x>')
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(name)
    )


def value_labels(graph: Graph, paths: dict[int, str]) -> list[str]:
    """A name per value: a tensor's name, a parameter's path, an operation and its number."""
    arguments: dict[int, str] = {}  # of each value, at its first use
    labels = {}
    for i, a in enumerate(graph.applications):
        labels[a.output] = f"{a.operation.name} {i + 1}"
        for argument, index in zip(a.arguments, a.inputs, strict=True):
            arguments.setdefault(index, argument)
    for index, value in enumerate(graph.values):
        if value.kind == "constant":
            number = number_text(value.array[()]) if value.array.ndim == 0 else None
            labels[index] = number or paths.get(id(value.array)) or arguments[index]
        elif value.kind == "leaf":
            name = value.leaf.name
            own = paths.get(id(value.leaf)) if name is None or name == "" else str(name)
            labels[index] = own or f"{arguments[index]} {value.array.shape}"
    return [printable(labels[index]) for index in range(len(graph.values))]


def module_paths(graph: Graph, model: Module | None) -> dict[int, str]:
    """The paths of modules and parameters by id, from `model` or from the outermost called."""
    roots = {} if model is None else {id(model): (model, "")}
    kinds: Counter = Counter()
    for call in filter(None, (a.call for a in graph.applications)):
        module = call.outermost().module
        if id(module) not in roots:
            kind = type(module).__name__
            kinds[kind] += 1
            number = f" {kinds[kind]}" if kinds[kind] > 1 else ""
            roots[id(module)] = module, f"{kind}{number}."
    paths: dict[int, str] = {}
    for root, prefix in roots.values():
        for name, parameter in root.named_parameters():
            paths.setdefault(id(parameter), prefix + name)
            paths.setdefault(id(parameter.data), prefix + name)  # frozen: a constant
        _add_modules(root, prefix, paths)
    return {key: printable(path) for key, path in paths.items()}


def _add_modules(module, prefix, paths):
    paths.setdefault(id(module), prefix[:-1] or type(module).__name__)
    for name, child in module.named_children():
        _add_modules(child, f"{prefix}{name}.", paths)
