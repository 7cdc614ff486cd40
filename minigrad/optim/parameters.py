"""Parameters in every form that a user has them: as a model, a dict, a list, a generator, one.

`named` gives each a name, under which an optimizer saves its state: the name that it comes
with, else the tensor's own, else its place in the list ("0", "1", ...).
"""

from collections.abc import Iterable
from inspect import ismethod
from itertools import pairwise

import numpy as np
from numpy.lib.array_utils import byte_bounds

from ..errors import named_kind
from ..module import Module
from ..tensor import Tensor
from .lost_parameters import expect_none_lost

Parameters = Module | Tensor | dict[str, Tensor] | Iterable[Tensor | tuple[str, Tensor]]


def named(where: str, parameters: Parameters) -> dict[str, Tensor]:
    """The parameters by name.

    Raises:
        TypeError: something else than tensors and their names was given.
        ValueError: there is nothing to train, or a tensor or a name occurs twice.
    """
    if isinstance(parameters, Module):
        expect_none_lost(where, parameters)
    found: dict[str, Tensor] = {}
    for place, (name, tensor) in enumerate(_pairs(where, parameters)):
        name = name or tensor.name or str(place)
        if name in found:
            raise ValueError(
                f"{where}: two parameters have the name {name!r}; give each its own, as "
                "model.named_parameters() does"
            )
        found[name] = tensor
    _expect_own_memory(where, found)
    return found


def tensors(where: str, parameters: Parameters) -> list[Tensor]:
    """The parameters without names. It raises as `named`, but names may occur twice."""
    return [tensor for _, tensor in _pairs(where, parameters)]


def _pairs(where, parameters):
    """A list of (name or None, tensor), all of them leaves and different."""
    pairs = [_pair(where, *item) for item in enumerate(_items(where, parameters))]
    if not pairs:
        raise ValueError(
            f"{where}: there are no parameters; pass a model, or a list, because an iterator "
            "is empty after its first use"
        )
    if not any(tensor.requires_grad for _, tensor in pairs):
        raise ValueError(
            f"{where}: all parameters are frozen; set requires_grad to True on what is to learn"
        )
    _expect_different(where, pairs)
    return pairs


def _items(where, parameters):
    if isinstance(parameters, Module):
        return parameters.named_parameters()
    if isinstance(parameters, dict):
        return parameters.items()
    if isinstance(parameters, Tensor):
        return [parameters]
    if isinstance(parameters, (set, frozenset)):
        raise TypeError(f"{where}: parameters is a set, which has no order; use a list")
    if isinstance(parameters, Iterable) and not isinstance(parameters, (str, np.ndarray)):
        return parameters
    kind = "a method; call it" if ismethod(parameters) else named_kind(parameters)
    raise TypeError(
        f"{where}: parameters is {kind}, expected a model, a tensor, or an iterable of "
        "tensors or of pairs (name, tensor)"
    )


def _pair(where, place, item):
    name, tensor = item if isinstance(item, tuple) and len(item) == 2 else (None, item)
    label = name if isinstance(name, str) else f"parameter {place}"
    if not (name is None or isinstance(name, str)):
        raise TypeError(
            f"{where}: the name of parameter {place} is {named_kind(name)}, expected a string"
        )
    if not isinstance(tensor, Tensor):
        kind = named_kind(tensor)
        raise TypeError(f"{where}: {label} is {kind}, expected a Tensor or (name, Tensor)")
    if tensor.node is not None:
        raise ValueError(
            f"{where}: {label} was computed by {tensor.node.operation.name}; pass the tensors "
            "that it was computed from, because only these keep a gradient"
        )
    if tensor.dtype.kind == "c":
        raise TypeError(f"{where}: {label} is {tensor.dtype}, expected real numbers")
    # A Parameter was frozen on purpose. On another tensor, requires_grad was forgotten.
    if not tensor.requires_grad and type(tensor) is Tensor:
        raise ValueError(
            f"{where}: {label} is a constant without a gradient; make it a Parameter, or "
            "create it with requires_grad=True"
        )
    return name, tensor


def _expect_different(where, pairs):
    first: dict[int, str] = {}  # by identity: tied parameters are one object
    for place, (name, tensor) in enumerate(pairs):
        label = name or f"parameter {place}"
        other = first.setdefault(id(tensor), label)
        if other is not label:
            raise ValueError(f"{where}: {other} and {label} are one tensor; pass it once")


def _expect_own_memory(where, found):
    """Two tensors on one array would move it twice, each by a part of its gradient."""
    labels, arrays = list(found), [tensor.data for tensor in found.values()]
    bounds = [(*byte_bounds(a), i) for i, a in enumerate(arrays) if a.size]
    for (_, end, i), (start, _, j) in pairwise(sorted(bounds)):
        if start < end and np.shares_memory(arrays[i], arrays[j]):
            raise ValueError(
                f"{where}: {labels[min(i, j)]} and {labels[max(i, j)]} share memory; use one "
                "tensor for both, or make one from a copy"
            )
