"""Softmax cross-entropy: the mean of -ln p, in nats, of the tokens that came.

    forward    z (N, V) are logits, y (N,) the ids of the right tokens
               lse = ln Σ_v e^(z_v)                    one number per row         (N,)
               p_v = e^(z_v - lse), the softmax: ln p_v = z_v - lse
               With ε = label_smoothing the target is q = (1-ε) onehot(y) + ε/V, and
               -Σ_v q_v ln p_v = lse - (1-ε) z_y - ε mean_v z_v. With λ = z_loss:
               loss = mean_n [ lse - (1-ε) z_y - ε mean_v z_v + λ lse² ]
    backward   dy is the gradient of the loss, one number; ids have none. ∂lse/∂z_v = p_v, so
               dz = dy/N · [ p (1 + 2 λ lse) - ε/V - (1-ε) onehot(y) ]            (N, V)
    saved      z, lse, y     4·N·(V+1) + 8·N bytes in float32; p is recomputed
    source     label smoothing: Szegedy et al. 2016, arXiv:1512.00567, section 7;
               z-loss: de Brébisson & Vincent 2016, arXiv:1604.08859; PaLM, arXiv:2204.02311

With ε = λ = 0 a row's loss is lse - z_y = -ln p_y, the true loss. With ε > 0 it is another
quantity: do not compare a smoothed loss with a true one.
"""

import numpy as np

from ..errors import ShapeError, expect_integers, expect_number, expect_shape


def cross_entropy_forward(z, y, *, label_smoothing=0.0, z_loss=0.0):
    expect_shape("cross_entropy", "z", z, N=None, V=None)
    expect_targets("cross_entropy", y, *z.shape)
    expect_loss_options("cross_entropy", label_smoothing, z_loss)
    N, _ = z.shape
    lse = log_sum_exp(z)  # (N,)
    z_y = z[np.arange(N), y]  # (N,)
    smooth = label_smoothing * z.mean(axis=1)  # (N,); pulls p towards uniform
    # A number added to all logits of a row changes lse, but no p. λ lse² keeps lse near 0.
    losses = lse - (1 - label_smoothing) * z_y - smooth + z_loss * lse * lse  # (N,)
    return np.asarray(losses.mean()), (z, lse, y, label_smoothing, z_loss)


def cross_entropy_backward(dy, saved):
    z, lse, y, label_smoothing, z_loss = saved
    N, V = z.shape
    p = np.exp(z - lse[:, None])  # (N, V); p is as large as z and cheap to make again
    dz = p * (1 + 2 * z_loss * lse)[:, None] - label_smoothing / V  # (N, V)
    dz[np.arange(N), y] -= 1 - label_smoothing  # the one-hot matrix without its zeros
    return dy / N * dz, None  # 1/N because the loss is a mean over rows


def log_sum_exp(z):
    """ln Σ_v e^(z_v) of each row: (N, V) -> (N,)."""
    # The largest logit is taken out of the sum. This changes nothing but keeps e^z finite.
    top = z.real.max(axis=1, keepdims=True)  # (N, 1); real: the complex step's z is complex
    return np.log(np.exp(z - top).sum(axis=1)) + top[:, 0]  # (N,)


def expect_targets(where, y, N, V):
    """Raise unless y holds N ids of a vocabulary of V, at least one."""
    expect_shape(where, "y", y, "the rows of z", N=N)
    expect_integers(where, "y", y, below=V, size_name="V")
    if N == 0:
        raise ShapeError(f"{where}: there is no row to average over; score at least one")


def expect_loss_options(where, label_smoothing, z_loss):
    expect_number(where, "label_smoothing", label_smoothing, least=0, most=1)
    expect_number(where, "z_loss", z_loss, least=0)
