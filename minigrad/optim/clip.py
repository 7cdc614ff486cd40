"""Clipping: scale all gradients down by one factor when their joint norm is too large."""

import math
from collections.abc import Iterable

import numpy as np

from ..tensor import Tensor


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
    for p in parameters:
        if p.grad is not None and scale != 1:
            p.grad *= scale
    return norm


def grad_norm(parameters: Iterable[Tensor]) -> float:
    """The Euclidean norm of all gradients together, as if they were one long vector."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    return math.sqrt(sum(float(np.vdot(g, g)) for g in gradients))


def clip_scale(norm: float, max_norm: float) -> float:
    """The factor that shortens gradients of this joint norm to max_norm; 1 if they fit."""
    if math.isfinite(norm) and norm + 1e-6 > max_norm:
        return max_norm / (norm + 1e-6)
    return 1.0
