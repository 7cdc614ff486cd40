"""A line about an array, a tensor, or each parameter of a module."""

from __future__ import annotations

import numpy as np

from ..module import Module
from ..tensor import Tensor, summary


def describe(thing: Tensor | Module | np.ndarray) -> str:
    """What a tensor, an array or a module's parameters look like, a line each.

    Example:
        >>> print(describe(Tensor(np.linspace(-1, 1, 9), requires_grad=True, name="x")))
        x: (9,) float64 -1 to 1, mean 0, std 0.645; gradient none
    """
    if isinstance(thing, Module):
        return "\n".join(_describe_tensor(p, name) for name, p in thing.named_parameters())
    if isinstance(thing, Tensor):
        return _describe_tensor(thing, thing.name)
    return summary(np.asarray(thing))


def _describe_tensor(tensor, name):
    gradient = "none" if tensor.grad is None else summary(tensor.grad)
    return f"{name or 'tensor'}: {summary(tensor.data)}; gradient {gradient}"
