"""Rotary positions: each pair of numbers turns by an angle that grows with its position.

    forward    x (B, T, D) has G heads of C = D/G numbers. In each head, the numbers i and
               i + C/2 are a pair (a, b), a point in the plane. At row t it turns by
               θ = p ω_i, with the position p = first + t and ω_i = base^(-2i/C):
               y_a = a cos θ - b sin θ ;  y_b = a sin θ + b cos θ                 (B, T, D)
    backward   given dy: the transpose of a rotation is the rotation back, so
               dx = dy, each of its pairs turned by -θ                            (B, T, D)
    saved      cos θ and sin θ, not x      4·T·C bytes in float32
    source     Su et al. 2021, "RoFormer", arXiv:2104.09864, section 3.2; there a pair is two
               neighbours. The halves, as in GPT-NeoX, are the same with another order of D

The product of two rows that turned is that of the rows, one of them turned by (p - p') ω. So
the scores of attention depend on the distance of two positions, and not on the positions. The
first pair turns by one radian per position, the last one by about 1/base.
"""

import numpy as np

from ..errors import ShapeError, expect_number, expect_shape


def rotary_forward(x, *, heads=1, first=0, base=10000.0):
    expect_shape("rotary", "x", x, B=None, T=None, D=None)
    _expect_pairs(x.shape[-1], heads)
    expect_number("rotary", "first", first, least=0)
    expect_number("rotary", "base", base, above=0)
    T, C = x.shape[1], x.shape[2] // heads
    # In float64: in float32 the angle of a far position has an error of its own.
    p = first + np.arange(T)
    theta = p[:, None] * base ** (-2 * np.arange(C // 2) / C)  # (T, C/2)
    cos, sin = (f(theta)[:, None].astype(x.real.dtype) for f in (np.cos, np.sin))  # (T, 1, C/2)
    return _turn(x, cos, sin), (cos, sin)


def rotary_backward(dy, saved):
    cos, sin = saved
    return (_turn(dy, cos, -sin),)  # sin(-θ) = -sin θ


def _turn(x, cos, sin):
    """Each pair (a, b) of x (B, T, D) turned: cos and sin of the angles (T, 1, C/2)."""
    (B, T, D), half = x.shape, cos.shape[-1]
    pairs = x.reshape(B, T, D // (2 * half), 2, half)
    a, b = pairs[..., 0, :], pairs[..., 1, :]  # (B, T, G, C/2) each
    return np.stack([a * cos - b * sin, a * sin + b * cos], axis=-2).reshape(x.shape)


def _expect_pairs(D, heads):
    if not isinstance(heads, (int, np.integer)):
        raise TypeError(f"rotary: heads is {heads!r}, expected a whole number")
    if heads < 1 or D % (2 * heads):
        raise ShapeError(
            f"rotary: heads is {heads} and D is {D}, expected a D that heads divides, with an "
            "even number in each head, because numbers turn in pairs"
        )
