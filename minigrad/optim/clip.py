"""Clipping: scale all gradients down by one factor when their joint norm is too large."""

import math

from .gradients import norm, scaled
from .options import number
from .parameters import Parameters, tensors


def clip_grad_norm(parameters: Parameters, max_norm: float) -> float:
    """Scale all gradients in place so that their joint Euclidean norm is at most max_norm.

    Returns the norm before clipping. Parameters without a gradient do not count; the direction
    is kept. The divisor has 1e-6 added, as in PyTorch. A norm that is not finite clips nothing,
    and is returned for the caller to see. A max_norm of math.inf only measures.

    Source: Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, algorithm 1.
    """
    gradients = [p.grad for p in tensors("clip_grad_norm", parameters) if p.grad is not None]
    length = norm(gradients)
    scale = clip_scale(length, max_norm)
    for g in gradients:
        if scale != 1:
            g[...] = scaled(g, scale)
    return length


def grad_norm(parameters: Parameters) -> float:
    """The Euclidean norm of all gradients together, as if they were one long vector."""
    return norm([p.grad for p in tensors("grad_norm", parameters) if p.grad is not None])


def clip_scale(norm: float, max_norm: float) -> float:
    """The factor that shortens gradients of this joint norm to max_norm; 1 if they fit."""
    if max_norm != math.inf:
        max_norm = number("clip_grad_norm", "max_norm", max_norm, above=0)
    if math.isfinite(norm) and norm + 1e-6 > max_norm:
        return max_norm / (norm + 1e-6)
    return 1.0
