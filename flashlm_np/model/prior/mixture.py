"""Mixture: a gate decides, at each position, how much the counts and how much the network say.

    forward    p_g is the probability of the target by the counts, p = e^(-nll) by the network,
               and s a number per position. λ = σ(s) is the share of the counts:
               L = -ln( λ p_g + (1-λ) p )                                            (N,)
               With ln λ = -softplus(-s) and ln(1-λ) = -softplus(s), all stays in logarithms:
               a = ln λ + ln p_g ;  b = ln(1-λ) - nll ;  L = -ln(e^a + e^b)
    backward   r = e^b / (e^a + e^b) = e^(b + L)  is the share of the network when the target is
               known: Bayes' rule, with the prior 1-λ. Given dy = ∂loss/∂L:
               ∂L/∂a = -(1-r) ;  ∂L/∂b = -r ;  da/ds = 1-λ ;  db/ds = -λ
               dnll = dy r
               ds = -dy ((1-r)(1-λ) - r λ) = dy (λ - (1-r))
               dlog_p = -dy (1-r), where log_p = ln p_g
    saved      λ and r      8·N bytes in float32
    source     Jacobs et al. 1991, "Adaptive mixtures of local experts", equation 1.3

The gradients say how it learns. The gate moves to the share that the counts turned out to
deserve. The network learns with the weight r: little from a word that the counts foretold, all
from a word that only it could know.

Where no counts exist, log_p is -∞. There λ is 0 whatever s is, and L = nll.
"""

import numpy as np

from minigrad import Operation
from minigrad.errors import expect_shape
from minigrad.ops.activations import sigmoid

from ..heads.tree import softplus


def mixture_forward(nll, s, log_p):
    expect_shape("mixture", "nll", nll, N=None)
    expect_shape("mixture", "s", s, "nll", N=len(nll))
    expect_shape("mixture", "log_p", log_p, "nll", N=len(nll))
    L, b = mixture_nll(nll, s, log_p)
    share = np.where(log_p.real > -np.inf, sigmoid(s), 0)  # λ
    return L, (share, np.exp(b + L))


def mixture_backward(dy, saved):
    share, r = saved
    return dy * r, dy * (share - (1 - r)), -dy * (1 - r)


def mixture_nll(nll, s, log_p):
    """L, and b: -ln p of the mixture, and ln of the network's part of p. All are broadcast."""
    a = log_p - softplus(-s)
    # real: the complex step's arrays are complex
    b = np.where(log_p.real > -np.inf, -softplus(s), 0) - nll
    top = np.where(a.real > b.real, a, b)  # out of the sum, so that nothing overflows
    return -top - np.log(np.exp(a - top) + np.exp(b - top)), b


MIXTURE = Operation("mixture", mixture_forward, mixture_backward)
