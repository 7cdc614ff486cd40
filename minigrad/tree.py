"""A module as a tree: a line per module, with its number of weights and its own parameters.

A module with a method `details` adds its text to its line.
"""

from collections import Counter

from .tensor import Tensor


def tree(module) -> str:
    """The text of print(module). A tied parameter counts once, in the first of its modules."""
    first: dict[int, str] = {}  # of each parameter, its first name
    counts: Counter[str] = Counter()  # of the weights in each module, by path
    for name, parameter in module.named_parameters():
        first[id(parameter)] = name
        parts = name.split(".")
        for depth in range(len(parts)):  # all modules that it is in, from the root on
            counts[".".join(parts[:depth])] += parameter.size
    rows = list(_rows(module, "", "", first))
    left = max(len(text) for text, _, _ in rows)
    right = max(len(f"{counts[path]:,}") for _, path, _ in rows)
    lines = [f"{text:{left}}  {counts[path]:{right},}  {own}" for text, path, own in rows]
    return "\n".join(line.rstrip() for line in lines)


def _rows(module, name, path, first, indent=""):
    """(name and type, path, own parameters) of a module and of all modules in it."""
    own = ", ".join(
        _parameter(part_name, _joined(path, part_name), part, first)
        for part_name, part in module.named_members()
        if isinstance(part, Tensor)
    )
    kind = type(module).__name__
    if not name:
        own = f"parameters: {own}" if own else "parameters"
    details = module.details() if hasattr(module, "details") else ""
    label = f"{indent}{name}: {kind}" if name else kind
    yield label, path, "; ".join(text for text in (own, details) if text)
    for child_name, child in module.named_children():
        child_path = _joined(path, child_name)
        yield from _rows(child, child_name, child_path, first, indent + "  ")


def _parameter(name, path, parameter, first):
    tied = first[id(parameter)] != path
    text = f"{name} {parameter.shape}" + (f" = {first[id(parameter)]}" if tied else "")
    return text if parameter.requires_grad else f"{text} frozen"


def _joined(path, name):
    return f"{path}.{name}" if path else name
