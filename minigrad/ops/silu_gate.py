"""The gate of SwiGLU: the SiLU of one array decides how much of another passes.

    forward    s = σ(g) = 1 / (1 + e⁻ᵍ) ;  y = g s v    near 0 for g < -4, near g v for g > 4
    backward   given dy:  dv = dy g s ;  dg = dy v (s + g s (1 - s)) = dy v s (1 + g (1 - s))
    saved      g, s and v      12 bytes per element in float32
    source     Shazeer 2020, arXiv:2002.05202, SwiGLU; SiLU: Elfwing et al. 2017,
               arXiv:1702.03118

Fused from two operations that the table has too, silu and multiply, which would keep four
arrays. The tests hold the fused and the composed form equal.
"""

from ..errors import expect_shape
from .activations import sigmoid


def silu_gate_forward(g, v):
    sizes = {f"n{axis}": size for axis, size in enumerate(g.shape)}
    expect_shape("silu_gate", "v", v, "g", **sizes)
    s = sigmoid(g)
    return g * s * v, (g, s, v)


def silu_gate_backward(dy, saved):
    g, s, v = saved
    dys = dy * s
    # The slope s (1 + g (1 - s)) is 1/2 at g = 0, and negative for g < -1.28.
    dg, dv = dys * v * (1 + g * (1 - s)), dys * g
    return dg, dv
