"""Probes of functions that are no operations: they return results, or leave them in arrays."""

from __future__ import annotations

from ..verdict import Trouble
from .probe import several, split


class Plain:
    """Calls of a function that returns its results."""

    def __init__(self, name, reference, results):
        self.name, self.reference, self.results = name, reference, results

    def __call__(self, functions, case, guard):
        arguments, options = split(self.reference, case)
        result = functions[self.name](*arguments.values(), **options)
        if len(self.results) == 1 and result is not None:
            return {self.results[0]: result}
        return dict(zip(self.results, several(self.name, result, self.results), strict=True))


class Update:
    """Calls of an optimizer's update, which leaves its results in p and in its state."""

    changes = ("m", "v", "p")  # in this order: p is wrong when m is

    def __init__(self, name, reference):
        self.name, self.reference = name, reference

    def __call__(self, functions, case, guard):
        arguments, options = split(self.reference, case)
        functions[self.name](*arguments.values(), **options)
        return {name: case[name] for name in self.changes}


def packed(functions, case, guard):
    packed = functions["pack"](case["T"], case["scale"], case["encoding"])
    fields = ("encoding", "shape", "scale", "codes")
    if not all(hasattr(packed, field) for field in fields):
        kind = "None" if packed is None else f"a {type(packed).__name__}"
        raise Trouble(f"pack: returns {kind}, expected a PackedTernary")
    return {field: getattr(packed, field) for field in fields}
