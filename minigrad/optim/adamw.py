"""AdamW: a step of nearly constant size per weight, in the direction of the recent gradient.

    m ← β₁ m + (1-β₁) g              the recent mean of the gradient
    v ← β₂ v + (1-β₂) g²             the recent mean of its square
    m̂ = m / (1 - β₁ᵗ),  v̂ = v / (1 - β₂ᵗ)     both started at 0, which this undoes
    p ← p - lr·λ p - lr · m̂ / (√v̂ + ε)         λ, the weight decay, bypasses m and v

source   Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2, with PyTorch's order
"""

from __future__ import annotations

import numpy as np

from .optimizer import Optimizer


def adamw_update(p, g, m, v, t, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    """Step number t (from 1) on p, m and v, in place."""
    beta1, beta2 = betas
    m += (1 - beta1) * (g - m)
    v += (1 - beta2) * (g * g - v)
    denominator = np.sqrt(v) / (1 - beta2**t) ** 0.5 + eps
    p *= 1 - lr * weight_decay
    p -= lr / (1 - beta1**t) * (m / denominator)


class AdamW(Optimizer):
    """AdamW on named parameters; a parameter without a gradient is passed over, its t too.

    Args:
        lr: step size; `step(factor)` multiplies it by a schedule's factor.
        betas, eps, weight_decay: as on this page.
    """

    elementwise = True

    def __init__(self, parameters, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(parameters, lr)
        self.options = {"betas": betas, "eps": eps, "weight_decay": weight_decay}

    def new_state(self, p):
        return {"m": np.zeros_like(p), "v": np.zeros_like(p)}

    def update(self, p, g, state, t, lr):
        adamw_update(p, g, state["m"], state["v"], t, lr=lr, **self.options)
