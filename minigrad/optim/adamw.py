"""AdamW: a step against the recent gradient, whose size does not depend on the gradient's.

    p is a weight, g its gradient, t the number of the step, from 1
    m ← β₁ m + (1-β₁) g              the recent mean of the gradient
    v ← β₂ v + (1-β₂) g²             the recent mean of its square
    m and v start at 0, and at first are too small by the factors c₁ = 1 - β₁ᵗ, c₂ = 1 - β₂ᵗ
    (β to the power t):
    p ← p - lr·λ p - (lr/c₁) · m / (√v/√c₂ + ε)           λ is the weight decay

source   Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2, with PyTorch's order
"""

import numpy as np

from .norms import with_finite_squares
from .optimizer import Optimizer


def adamw_update(p, g, m, v, t, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    """Step number t (from 1) on p, m and v, in place."""
    beta1, beta2 = betas
    c1, c2 = 1 - beta1**t, 1 - beta2**t  # at t = 1 they make m/c₁ = g and v/c₂ = g²
    m += (1 - beta1) * (g - m)  # the same as β₁ m + (1-β₁) g
    v += (1 - beta2) * (g * g - v)  # over more steps than m: squares vary more
    p *= 1 - lr * weight_decay  # bypasses m and v, so all weights decay alike
    # m/√v is near ±1 for a steady gradient of any size, and near 0 for one that changes sign.
    p -= lr / c1 * (m / (np.sqrt(v) / c2**0.5 + eps))  # ε, because v may be 0


class AdamW(Optimizer):
    """AdamW. A parameter without a gradient keeps its value and its t.

    Args:
        parameters: a model, or its parameters in any form.
        lr: step size; `step(factor)` multiplies it by a schedule's factor.
        betas, eps, weight_decay: β₁ and β₂, ε and λ above.
    """

    elementwise = True  # each number by itself: blocks.py may cut the arrays
    squares = ("v",)  # never below 0, in a state that is loaded as well

    def __init__(self, parameters, *, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(parameters, lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def new_state(self, p):
        return {"m": np.zeros_like(p), "v": np.zeros_like(p)}

    def update(self, p, g, state, t, lr):
        g = with_finite_squares(g)  # matters only beyond 1.8e19 in float32
        adamw_update(p, g, state["m"], state["v"], t, lr=lr, **self.options)
