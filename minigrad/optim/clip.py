"""Clipping: when the gradients together are too long, shorten them all alike."""

from __future__ import annotations

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
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = math.sqrt(sum(float(np.vdot(g, g)) for g in gradients))
    if math.isfinite(norm) and norm + 1e-6 > max_norm:
        for g in gradients:
            g *= max_norm / (norm + 1e-6)
    return norm
