"""Stochastic gradient descent, with momentum.

    m ← μ m + g
    p ← p - lr m

source   Polyak 1964; the form of Sutskever et al. 2013, as in PyTorch
"""

import numpy as np

from .optimizer import Optimizer


def sgd_update(p, g, m, *, lr, momentum=0.0):
    """One step on p and m, in place."""
    m *= momentum
    m += g
    p -= lr * m


class SGD(Optimizer):
    """Stochastic gradient descent on named parameters; momentum 0 is the plain form."""

    def __init__(self, parameters, *, lr, momentum=0.0):
        super().__init__(parameters, lr)
        self.momentum = momentum

    def new_state(self, p):
        return {"m": np.zeros_like(p)}

    def update(self, p, g, state, t, lr):
        sgd_update(p, g, state["m"], lr=lr, momentum=self.momentum)
