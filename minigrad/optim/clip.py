"""Clipping: scale all gradients down by one factor when their joint norm is too large."""

import math

from ..errors import expect_number
from ..guards.writes import gradient_written, label
from ..ops import RowGradient
from .gradients import is_real, kind_of_gradient
from .norms import norm, scaled
from .parameters import Parameters, tensors


def clip_grad_norm(parameters: Parameters, max_norm: float) -> float:
    """Scale all gradients in place so that their joint Euclidean norm is at most max_norm.

    Returns the norm before clipping. Parameters without a gradient do not count; the direction
    is kept. The divisor has 1e-6 added, as in PyTorch. A norm that is not finite clips nothing,
    and is returned for the caller to see. A max_norm of math.inf only measures. A RowGradient
    is replaced, because a graph may hold its rows.

    Source: Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, algorithm 1.
    """
    parameters = _with_gradient("clip_grad_norm", parameters)
    length = norm([p.grad for p in parameters])
    scale = clip_scale(length, max_norm)
    if scale != 1:
        for p in parameters:
            gradient_written(p)  # a graph that still needs the old gradient is told
            _scale_gradient(p, scale)
    return length


def grad_norm(parameters: Parameters) -> float:
    """The Euclidean norm of all gradients together, as if they were one long vector."""
    return norm([p.grad for p in _with_gradient("grad_norm", parameters)])


def _with_gradient(where, parameters):
    parameters = [p for p in tensors(where, parameters) if p.grad is not None]
    for p in parameters:
        if not is_real(p.grad):
            raise TypeError(
                f"{where}: the gradient of {label(p)} is {kind_of_gradient(p.grad)}, expected "
                "an array of real numbers"
            )
    return parameters


def _scale_gradient(p, scale):
    if isinstance(p.grad, RowGradient):
        p.grad = scaled(p.grad, scale)
    elif p.grad.dtype.kind == "f" and p.grad.flags.writeable:
        p.grad[...] = scaled(p.grad, scale)
    else:  # read-only or integers, set by the user
        p.grad = scaled(p.grad.astype(p.dtype), scale)


def clip_scale(norm: float, max_norm: float) -> float:
    """The factor that shortens gradients of this joint norm to max_norm; 1 if they fit."""
    if max_norm != math.inf:
        max_norm = expect_number("clip_grad_norm", "max_norm", max_norm, above=0)
    if math.isfinite(norm) and norm + 1e-6 > max_norm:
        return max_norm / (norm + 1e-6)
    return 1.0
