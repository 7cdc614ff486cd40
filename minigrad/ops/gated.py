"""Two gates: one array decides, element by element, how much of another passes.

    forward    sigmoid_gate        s = σ(g) = 1 / (1 + e⁻ᵍ) ;  y = s v    s between 0 and 1
               relu_squared_gate   r = max(g, 0) ;  y = r² v    0 for g < 0, else unbounded
    backward   sigmoid_gate        dv = dy s        dg = dy v s (1 - s) = (1 - s) dv v
               relu_squared_gate   dv = dy r²       dg = 2 dy r v
    saved      s or r, and v       8 bytes per element in float32
    source     gated linear units: Dauphin et al. 2017, arXiv:1612.08083; Shazeer 2020,
               arXiv:2002.05202; relu²: So et al. 2021, arXiv:2109.08668

Each is fused from two operations that the table has too, an activation and multiply. For relu²
these would keep one array more. For σ they keep the same two arrays but pass over memory more
often. The tests hold the fused and the composed form equal.
"""

from ..errors import expect_shape
from .activations import relu, sigmoid


def sigmoid_gate_forward(g, v):
    _expect_same("sigmoid_gate", g, v)
    s = sigmoid(g)
    return s * v, (s, v)  # g is not saved: dσ/dg = s (1 - s) needs only s


def sigmoid_gate_backward(dy, saved):
    s, v = saved
    dv = dy * s
    # dσ/dg = s (1 - s) is largest at s = 1/2, and near 0 where the gate is open or closed.
    dg = (1 - s) * dv * v
    return dg, dv


def relu_squared_gate_forward(g, v):
    _expect_same("relu_squared_gate", g, v)
    r = relu(g)  # squared, the gate opens smoothly: r² has no kink at 0
    return r * r * v, (r, v)  # r, not r²: dg needs r


def relu_squared_gate_backward(dy, saved):
    r, v = saved
    dyr = dy * r  # 0 where the gate is closed: neither g nor v gets a gradient there
    dg, dv = 2 * dyr * v, dyr * r
    return dg, dv


def _expect_same(where, g, v):
    expect_shape(where, "v", v, "g", **{f"n{axis}": size for axis, size in enumerate(g.shape)})
