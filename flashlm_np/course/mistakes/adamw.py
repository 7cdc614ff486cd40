"""adamw."""

from __future__ import annotations

import numpy as np

from .registry import mistake


def _adamw(
    p,
    g,
    m,
    v,
    t,
    lr,
    betas=(0.9, 0.999),
    eps=1e-8,
    weight_decay=0.0,
    *,
    corrected=True,
    inside=False,
):
    """p after a step of AdamW, or of a form that is wrong in one thing."""
    m = betas[0] * m + (1 - betas[0]) * g
    v = betas[1] * v + (1 - betas[1]) * g * g
    if corrected:
        m, v = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
    root = np.sqrt(v + eps) if inside else np.sqrt(v) + eps
    return p - lr * weight_decay * p - lr * m / root


@mistake("adamw_update", "m", "β₁ and 1 - β₁ are exchanged.")
def _(p, g, m, v, t, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    return (1 - betas[0]) * m + betas[0] * g


@mistake(
    "adamw_update",
    "m",
    "weight decay went into the gradient, as in Adam with L2; in AdamW it bypasses m and v.",
)
def _(p, g, m, v, t, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    return betas[0] * m + (1 - betas[0]) * (g + weight_decay * p)


@mistake("adamw_update", "v", "β₂ and 1 - β₂ are exchanged.")
def _(p, g, m, v, t, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    return (1 - betas[1]) * v + betas[1] * g * g


@mistake("adamw_update", "v", "v has the mean of g; it is of g².")
def _(p, g, m, v, t, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    return betas[1] * v + (1 - betas[1]) * g


@mistake(
    "adamw_update", "p", "m and v are not corrected: m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ)."
)
def _(**case):
    return _adamw(**case, corrected=False)


@mistake("adamw_update", "p", "ε stands under the root; it is added to √v̂.")
def _(**case):
    return _adamw(**case, inside=True)


@mistake("adamw_update", "p", "t counts from 1 already; 1 - βᵗ, not 1 - βᵗ⁺¹.")
def _(t, **case):
    return _adamw(t=t + 1, **case)


@mistake("adamw_update", "p", "the weight decay lacks its factor lr.")
def _(lr, weight_decay=0.0, **case):
    return _adamw(lr=lr, weight_decay=weight_decay / lr, **case)


@mistake("adamw_update", "p", "the weight decay takes from p after the step, not before.")
def _(lr, weight_decay=0.0, **case):
    return _adamw(lr=lr, **case) * (1 - lr * weight_decay)
