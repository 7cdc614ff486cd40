"""Names for the values and the module calls of a graph."""

from ..module import Module
from .array_tables import number_text
from .graph import Graph
from .recorder import ModuleCall


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
            own = value.leaf.name or paths.get(id(value.leaf))
            labels[index] = own or f"{arguments[index]} {value.array.shape}"
    return [labels[index] for index in range(len(graph.values))]


def module_paths(graph: Graph, model: Module | None) -> dict[int, str]:
    """The paths of modules and parameters by id, from `model` or from the outermost called."""
    roots = {} if model is None else {id(model): (model, "")}
    for call in filter(None, (a.call for a in graph.applications)):
        module = call.with_enclosing()[0].module
        kind = type(module).__name__
        count = sum(prefix.startswith((f"{kind}.", f"{kind} ")) for _, prefix in roots.values())
        roots.setdefault(id(module), (module, f"{kind} {count + 1}." if count else f"{kind}."))
    paths: dict[int, str] = {}
    for root, prefix in roots.values():
        for name, parameter in root.named_parameters():
            paths.setdefault(id(parameter), prefix + name)
            paths.setdefault(id(parameter.data), prefix + name)  # frozen: a constant
        _add_modules(root, prefix, paths)
    return paths


def _add_modules(module, prefix, paths):
    paths.setdefault(id(module), prefix[:-1] or type(module).__name__)
    for name, child in module.named_children():
        _add_modules(child, f"{prefix}{name}.", paths)


def module_calls(graph: Graph, paths: dict[int, str]) -> tuple[list[dict], list[int | None]]:
    """The module calls in order, as data for the page, and each operation's innermost call.

    `first` and `last` are the operations of a call, `within` is the call that encloses it.
    """
    spans: dict[ModuleCall, list[int]] = {}
    for i, a in enumerate(graph.applications):
        for call in a.call.with_enclosing() if a.call else []:
            spans.setdefault(call, [i, i])[1] = i
    index = {call: i for i, call in enumerate(spans)}
    data = []
    for call, (first, last) in spans.items():
        path = _path(call, paths)
        title = path.removeprefix(f"{_path(call.enclosing, paths)}." if call.enclosing else "")
        kind = type(call.module).__name__
        if title.rpartition(".")[2].isdecimal():  # a place in a list tells little
            title += f" ({kind})"
        passes = [other for other in spans if other.module is call.module]
        if len(passes) > 1:
            title += f", pass {passes.index(call) + 1} of {len(passes)}"
        names = {"title": title, "path": path, "kind": kind}
        span = {"within": index.get(call.enclosing), "first": first, "last": last}
        data.append(names | span)
    return data, [index.get(a.call) for a in graph.applications]


def _path(call, paths):
    return paths.get(id(call.module), type(call.module).__name__)
