"""Two gates: one array decides, element by element, how much of another passes.

    forward    sigmoid_gate        y = σ(g) v              a soft switch between 0 and 1
               relu_squared_gate   y = max(g, 0)² v        closed below 0, unbounded above
    backward   given dy:
               sigmoid_gate        dv = dy σ(g)            dg = dy v σ(g) (1 - σ(g))
               relu_squared_gate   dv = dy max(g, 0)²      dg = 2 dy v max(g, 0)
    saved      σ(g) or max(g, 0), and v     8 bytes per element in float32
    source     gated linear units: Dauphin et al. 2017, arXiv:1612.08083; Shazeer 2020,
               arXiv:2002.05202; relu²: So et al. 2021, arXiv:2109.08668

Each is fused from two operations that the table has too, an activation and multiply. For relu²
these would keep one array more; for σ the same two, and pass over memory more often. The tests
hold the fused and the composed form equal.
"""

from __future__ import annotations

from ..errors import expect_shape
from .activations import relu, sigmoid


def sigmoid_gate_forward(g, v):
    _expect_same("sigmoid_gate", g, v)
    s = sigmoid(g)
    return s * v, (s, v)


def sigmoid_gate_backward(dy, saved):
    s, v = saved
    dv = dy * s
    dg = 1 - s
    dg *= dv
    dg *= v
    return dg, dv


def relu_squared_gate_forward(g, v):
    _expect_same("relu_squared_gate", g, v)
    r = relu(g)
    return r * r * v, (r, v)


def relu_squared_gate_backward(dy, saved):
    r, v = saved
    dr = dy * r
    dg = dr * v
    dg *= 2
    dr *= r
    return dg, dr


def _expect_same(where, g, v):
    expect_shape(where, "v", v, "g", **{f"n{axis}": size for axis, size in enumerate(g.shape)})
