"""Linear: each position's vector times a weight matrix, plus a bias.

    forward    y = x @ wᵀ + b                          (..., D) (O, D) (O,) -> (..., O)
    backward   y_no = Σ_d x_nd w_od + b_o for each of the N positions n, so
               dx_nd = Σ_o dy_no w_od :  dx = dy @ w   (..., D)
               dw_od = Σ_n dy_no x_nd :  dw = dyᵀ @ x  (O, D)
               db_o = Σ_n dy_no :  db = Σ_n dy_n       (O,)
    saved      x, w        4·(N·D + O·D) bytes in float32
    source     the chain rule; weights are stored (out, in), as in PyTorch

The bias may be left out: the operation then has two inputs and returns two gradients. In all
formulas @ is the matrix product. Any other product of arrays, a b, is element by element.
"""

from ..errors import expect_shape


def linear_forward(x, w, b=None):
    D, O = x.shape[-1], w.shape[0]
    expect_shape("linear", "w", w, f"x {x.shape}", O=None, D=D)
    # All positions form one matrix: one large product is faster than one per sequence.
    y = (x.reshape(-1, D) @ w.T).reshape(*x.shape[:-1], O)  # (..., O)
    if b is None:
        return y, (x, w)
    expect_shape("linear", "b", b, f"w {w.shape}", O=O)
    return y + b, (x, w, True)  # True: there is a bias; no gradient depends on its values


def linear_backward(dy, saved):
    x, w, *has_bias = saved
    O, D = w.shape
    dy_rows, x_rows = dy.reshape(-1, O), x.reshape(-1, D)  # (N, O), (N, D)
    dx = (dy_rows @ w).reshape(x.shape)  # (..., D)
    dw = dy_rows.T @ x_rows  # (O, D); every position used w, so this is a sum over positions
    return (dx, dw, dy_rows.sum(axis=0)) if has_bias else (dx, dw)
