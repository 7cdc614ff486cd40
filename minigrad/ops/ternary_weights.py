"""Ternary weights: an array in {-1, 0, +1}, times one scale, for a product of any kind.

    forward    y = s T(w), the threshold, T and s as on ternary's page           w's shape
    backward   y is a staircase in w; the straight-through estimator returns dw = dy
    surrogate  y = s T(w₀) + (w - w₀), s T held fixed at w₀, the weights of the forward pass
    saved      nothing
    source     as on ternary's page

ternary_linear is this and a linear; here the product is left to another operation, such as a
convolution.
"""

from __future__ import annotations

from .ternary import ternarize


def ternary_weights_forward(w, *, threshold=1.0, scale="none"):
    T, s = ternarize(w, threshold=threshold, scale=scale)
    return T if s == 1.0 else s * T, ()


def ternary_weights_backward(dy, saved):
    return (dy,)


def weights_straight_through(w0, *, threshold=1.0, scale="none"):
    """y = s T(w₀) + (w - w₀), where every change of w passes straight through."""
    T, s = ternarize(w0, threshold=threshold, scale=scale)
    return lambda w: s * T + (w - w0)
