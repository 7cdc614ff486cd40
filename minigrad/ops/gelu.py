"""GELU and SiLU: x times a smooth step from 0 to 1.

    forward    y = x s                                                          x's shape
               gelu, approximate="none"    s = Φ(x), the probability that a standard normal
                                           number is less than x
               gelu, approximate="tanh"    s = (1 + tanh u) / 2, u = √(2/π) (x + 0.044715 x³)
               silu                        s = σ(x) = 1 / (1 + e⁻ˣ)
    backward   the product rule, with s' = ∂s/∂x:  dx = dy (s + x s')
               "none"   s' = e^(-x²/2) / √(2π), the density of the normal distribution
               "tanh"   tanh' = 1 - tanh² and tanh u = 2s - 1 give s' = 2 s (1 - s) ∂u/∂x,
                        ∂u/∂x = √(2/π) (1 + 3 · 0.044715 x²)
               silu     s' = s (1 - s)
    saved      x, s      8 bytes per element in float32
    source     Hendrycks & Gimpel 2016, arXiv:1606.08415; SiLU: Elfwing et al. 2017,
               arXiv:1702.03118

The exact form is the default, as in PyTorch. GPT-2 was trained with the tanh form. The two
differ by less than 0.0005. In NumPy, the exact form takes about fifteen times as long.
"""

import math

import numpy as np

from .activations import sigmoid
from .normal_cdf import normal_cdf

SCALE, CUBIC = math.sqrt(2 / math.pi), 0.044715


def gelu_forward(x, *, approximate="none"):
    if approximate not in ("none", "tanh"):
        raise ValueError(
            f"gelu: approximate is {approximate!r}, expected 'none' (the exact form) or 'tanh'"
        )
    if approximate == "none":
        s = normal_cdf(x)
    else:
        # Not x**3, which NumPy computes as a general power, much slower.
        s = (1 + np.tanh(SCALE * x * (1 + CUBIC * x * x))) / 2
    return x * s, (x, s, approximate)


def gelu_backward(dy, saved):
    x, s, approximate = saved
    if approximate == "none":
        slope = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    else:
        slope = 2 * s * (1 - s) * SCALE * (1 + 3 * CUBIC * x * x)
    return (dy * (s + x * slope),)


def silu_forward(x):
    s = sigmoid(x)
    return x * s, (x, s)


def silu_backward(dy, saved):
    x, s = saved
    return (dy * (s + x * s * (1 - s)),)
