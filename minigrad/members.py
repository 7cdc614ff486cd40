"""The parts of a module: the parameters and modules among its attributes, with their names.

Lists, tuples and dicts are searched, however nested: `blocks.0.gain`, `heads.left.weight`. A
part in another container is an error, because it would never be trained. The rarer places,
such as objects and closures, are searched when an optimizer is made: optim/lost_parameters.py.
"""

from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import chain
from types import GeneratorType, MappingProxyType, SimpleNamespace

import numpy as np

from .tensor import Tensor

CONTAINERS = (set, frozenset, deque, UserList, *map(type, ({}.keys(), {}.values(), {}.items())))
SIMPLE = (type(None), bool, int, float, str, np.dtype)  # most attributes; they hold nothing
LIST_ITERATORS = (type(iter([])), type(reversed([])))
USED_ONCE = (GeneratorType, map, filter, zip, enumerate, chain, *LIST_ITERATORS)


def members(module, kinds: tuple[type, ...]) -> Iterator[tuple[str, object]]:
    """(name, part) for each attribute that is, or holds, one of the kinds or a leaf tensor."""
    where = type(module).__name__
    _expect_no_class_attributes(module, kinds)
    # vars() keeps the order in which __init__ set the attributes.
    for name, value in vars(module).items():
        if isinstance(value, SIMPLE):
            continue
        for path, part in _parts(where, (name,), value, kinds):
            yield ".".join(path), part


def walk(module, path: str = "", above: dict | None = None) -> Iterator[tuple]:
    """(path, module, its members) of a module and of all modules in it, in their order."""
    above = above or {}  # the modules that hold this one, by id, from the root on
    if id(module) in above:
        root = next(iter(above.values()))
        raise ValueError(
            f"{type(root).__name__}: {path} is a module that holds it; keep no link from a "
            "module to the one that it is in"
        )
    parts = list(module.named_members())
    yield path, module, parts
    for name, part in parts:
        if not isinstance(part, Tensor):
            inner = f"{path}.{name}" if path else name
            yield from walk(part, inner, above | {id(module): module})


def expect_trainable(module, name: str, value, kinds: tuple[type, ...]) -> None:
    """Raise if a parameter is to be replaced by something that would not be trained."""
    old = vars(module).get(name)
    is_parameter = isinstance(old, Tensor) and _is_part(old, kinds)
    if is_parameter and isinstance(value, (Tensor, np.ndarray)) and not _is_part(value, kinds):
        raise TypeError(
            f"{type(module).__name__}: {name} is a parameter, and the new value is none, so it "
            f"would not be trained; write {name}.data[...] = array to change its numbers, or "
            "use Parameter(array)"
        )


def set_training(module, mode: bool) -> None:
    """Set `training` of a module and of all modules in it."""
    if not isinstance(mode, bool):
        raise TypeError(f"train: mode is {mode!r}, expected True or False")
    for _, part in module.named_modules():
        part.training = mode


def _parts(where, path, value, kinds):
    """(path, part) of everything in `value` that is a part, with the path as a tuple."""
    if _is_part(value, kinds):
        _expect_names(where, path)
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _parts(where, (*path, _key(key, value)), item, kinds)
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _parts(where, (*path, str(i)), item, kinds)
    else:
        _expect_no_parts(where, path, value, kinds)


def _is_part(value, kinds):
    """One of the kinds, or a leaf that requires a gradient. Other tensors are constants."""
    is_leaf = isinstance(value, Tensor) and value.requires_grad and value.node is None
    return is_leaf or isinstance(value, kinds)


def _key(key, value):
    """The key as a part of a name: 0 becomes "0", unless the dict has that key, too."""
    return str(key) if type(key) is int and str(key) not in value else key


def _expect_names(where, path):
    for name in path:
        if not isinstance(name, str) or not name or "." in name:
            raise ValueError(
                f"{where}: {name!r} cannot be a part of a parameter's name; use strings "
                "without a dot, or integers, all different"
            )


def _expect_no_parts(where, path, value, kinds):
    label, kind = ".".join(map(str, path)), type(value).__name__
    if isinstance(value, USED_ONCE):
        raise TypeError(
            f"{where}: {label} is a {kind}, which gives its items only once; make it a list, "
            "so that the parameters in it are found"
        )
    for item in _items(value):
        for _ in _parts(where, path, item, kinds):
            raise TypeError(
                f"{where}: {label} is a {kind} that holds parameters, which are not found "
                "there; keep them in an attribute, a list, a tuple or a dict"
            )


def _items(value):
    """The items of a container that is not searched."""
    if isinstance(value, (ChainMap, UserDict, MappingProxyType)):
        return list(value.values())
    if isinstance(value, CONTAINERS):
        return list(value)
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value.ravel().tolist()
    if isinstance(value, SimpleNamespace):
        return list(vars(value).values())
    if is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name, None) for field in fields(value)]
    return []


def _expect_no_class_attributes(module, kinds):
    """`weight = Parameter(...)` in the body of a class is one tensor for all its modules."""
    for name in _class_attributes(type(module), kinds):
        if name not in vars(module):
            raise TypeError(
                f"{type(module).__name__}: {name} is an attribute of the class; set "
                f"self.{name} in __init__, so that each module has its own"
            )


@cache
def _class_attributes(cls, kinds):
    owners = map(vars, cls.__mro__)
    return [name for owner in owners for name, value in owner.items() if _is_part(value, kinds)]
