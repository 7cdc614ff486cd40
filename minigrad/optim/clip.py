"""Clipping: when the gradients together are too long, shorten them all alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from ..tensor import Tensor
from .blocks import flat_blocks

BLOCK = 1 << 20  # numbers whose squares are summed at once


def clip_grad_norm(parameters: Iterable[Tensor], max_norm: float) -> float:
    """Scale all gradients in place so that their joint Euclidean norm is at most max_norm.

    Returns the norm before clipping. Parameters without a gradient do not count; the direction
    is kept. The divisor has 1e-6 added, as in PyTorch. A norm that is not finite clips nothing,
    and is returned for the caller to see.

    Source: Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, algorithm 1.
    """
    parameters = list(parameters)
    norm = grad_norm(parameters)
    scale = clip_scale(norm, max_norm)
    if scale != 1.0:
        for p in parameters:
            if p.grad is not None:
                p.grad *= scale
    return norm


def grad_norm(parameters: Iterable[Tensor], *, each: Callable = map) -> float:
    """The joint Euclidean norm of the gradients; `each` is `map` or works like it."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    parts = [part for g in gradients for (part,) in flat_blocks(g, size=BLOCK)]
    return math.sqrt(sum(each(lambda part: float(np.vdot(part, part)), parts)))


def clip_scale(norm: float, max_norm: float) -> float:
    """What gradients of that joint norm are multiplied by, so that it is at most max_norm."""
    if math.isfinite(norm) and norm + 1e-6 > max_norm:
        return max_norm / (norm + 1e-6)
    return 1.0
