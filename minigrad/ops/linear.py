"""Linear: each position's vector times a weight matrix, plus a bias.

    forward    y = x wᵀ + b                            (..., D) (O, D) (O,) -> (..., O)
    backward   y_no = Σ_d x_nd w_od + b_o, over all positions n, so
               dx = dy w                               (..., D)
               dw = Σ_n dy_n x_nᵀ = dyᵀ x              (O, D)
               db = Σ_n dy_n                           (O,)
    saved      x, w        4·(N·D + O·D) bytes in float32, for N positions
    source     the chain rule; weights are stored (out, in), as in PyTorch

The bias may be left out: the operation then has two inputs and returns two gradients.
"""

from __future__ import annotations

from ..errors import expect_shape


def linear_forward(x, w, b=None):
    D = x.shape[-1]
    expect_shape("linear", "w", w, f"x {x.shape}", O=None, D=D)
    y = times(x, w.T)  # (..., D) -> (..., O)
    if b is None:
        return y, (x, w)
    expect_shape("linear", "b", b, f"w {w.shape}", O=w.shape[0])
    return y + b, (x, w, b.shape)


def linear_backward(dy, saved):
    x, w, *bias = saved
    O, D = w.shape
    dx = times(dy, w)  # (..., O) -> (..., D)
    dy_rows, x_rows = dy.reshape(-1, O), x.reshape(-1, D)
    dw = dy_rows.T @ x_rows  # (O, D)
    return (dx, dw, dy_rows.sum(axis=0)) if bias else (dx, dw)


def times(x, m):
    """x @ m for vectors x (..., D), as one product of two matrices and not one per sequence."""
    y = x.reshape(-1, len(m)) @ m
    return y.reshape(*x.shape[:-1], m.shape[1])
