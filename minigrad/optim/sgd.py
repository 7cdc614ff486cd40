"""Stochastic gradient descent, with momentum.

    g ← g + λ p                                    λ is the weight decay
    m ← μ m + g                                    m starts at 0
    p ← p - lr m,  or with Nesterov's momentum  p ← p - lr (g + μ m)

source   Polyak 1964; Nesterov in the form of Sutskever et al. 2013, as in PyTorch
"""

import numpy as np

from .optimizer import Optimizer


def sgd_update(p, g, m, *, lr, momentum=0.0, weight_decay=0.0, nesterov=False):
    """One step on p and m, in place."""
    if weight_decay:
        g = g + weight_decay * p
    m *= momentum
    m += g
    p -= lr * (g + momentum * m if nesterov else m)


class SGD(Optimizer):
    """Stochastic gradient descent; momentum 0 is the plain form.

    Args:
        parameters: a model, or its parameters in any form.
        lr: step size; `step(factor)` multiplies it by a schedule's factor.
        momentum, weight_decay, nesterov: μ and λ above, and the form of the step.
    """

    elementwise = True  # each number by itself: blocks.py may cut the arrays

    def __init__(self, parameters, *, lr=1e-3, momentum=0.0, weight_decay=0.0, nesterov=False):
        options = {"momentum": momentum, "weight_decay": weight_decay, "nesterov": nesterov}
        super().__init__(parameters, lr, **options)
        if nesterov and not momentum:
            raise ValueError("SGD: nesterov needs a momentum, such as momentum=0.9")

    def new_state(self, p):
        return {"m": np.zeros_like(p)}

    def update(self, p, g, state, t, lr):
        sgd_update(p, g, state["m"], lr=lr, **self.options)
