"""Parameters that a model uses and that its named_parameters() does not find.

They would never be trained, and no message would say so. An optimizer that gets a model asks
once. members.py refuses the usual wrong places at every walk; this search is slower and finds
the others: a weight that was computed, an object, a function's closure, a list of the class.
"""

from collections.abc import Iterator

from ..guards.inside import inside
from ..module import Module, Parameter
from ..tensor import Tensor


def expect_none_lost(where: str, model: Module) -> None:
    """Raise a ValueError if a Parameter that is not frozen is used, but not found."""
    known = {id(p) for p in model.parameters()}
    for path, module in model.named_modules():
        for name, value in _attributes(module):
            for part in inside(value, Parameter):
                if part.requires_grad and id(part) not in known:
                    place = f"{path}.{name}" if path else name
                    raise ValueError(f"{where}: {_sentence(place, value, part)}")


def _attributes(module) -> Iterator[tuple[str, object]]:
    yield from vars(module).items()
    for cls in type(module).__mro__:
        for name, value in vars(cls).items():
            if isinstance(value, (list, tuple, dict)):
                yield name, value
            elif name in getattr(cls, "__slots__", ()) and hasattr(module, name):
                yield name, getattr(module, name)


def _sentence(place, value, part):
    if isinstance(value, Tensor) and value.node is not None:
        return (
            f"{place} was computed by {value.node.operation.name} from a Parameter "
            f"{part.shape} that is not in the model, so it would not be trained; "
            "compute with arrays first, as in Parameter(0.1 * array)"
        )
    return (
        f"{place} holds a Parameter {part.shape} that named_parameters() does not find there, "
        "so it would not be trained; keep it in an attribute, a list, a tuple or a dict"
    )
