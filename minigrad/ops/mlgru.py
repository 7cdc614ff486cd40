"""MLGRU: a recurrence in which each channel keeps a part of its past and takes a candidate.

    forward    s = σ(z) ;  f = b + (1 - b) s       the part that stays             (B, T, D)
               c = a σ(a)                          the candidate, SiLU of a        (B, T, D)
               h_t = f_t h_{t-1} + (1 - f_t) c_t   from the given h_0; y is h_1 to h_T
               b (D,) is a lower bound of f, between 0 and 1. At 0 there is none: f = s
    backward   given dy:  h_t was used in y_t and in h_{t+1}, so from the last to the first
               λ_t = ∂L/∂h_t = dy_t + f_{t+1} λ_{t+1}, with λ_T = dy_T             (B, D)
               df_t = λ_t (h_{t-1} - c_t) ;  dc_t = λ_t (1 - f_t)                  (B, T, D)
               da = dc σ(a) (1 + a (1 - σ(a))) ;  dz = df (1 - b) s (1 - s)        (B, T, D)
               db = Σ_bt df (1 - s)                                                (D,)
               dh0 = f_1 λ_1                                                       (B, D)
    saved      a, s, h, b and h_0; σ(a), c and f are made again
               4·(3·B·T·D + D + B·D) bytes in float32
    source     Zhu et al. 2024, arXiv:2406.02528, without a bound; their code has one. The
               recurrence with bounds: HGRN, Qin et al. 2023, arXiv:2311.04823

No matrix takes part, and no channel sees another one: each position costs two multiplications
and one addition per channel. h_T is all that later positions need of the past. The same in
fewer steps of Python: mlgru_fast.py.
"""

import numpy as np

from ..errors import expect_shape
from .activations import sigmoid


def expect_mlgru_sizes(a, z, b, h0):
    expect_shape("mlgru", "a", a, B=None, T=None, D=None)
    B, T, D = a.shape
    expect_shape("mlgru", "z", z, "a", B=B, T=T, D=D)
    expect_shape("mlgru", "b", b, f"a {a.shape}", D=D)
    expect_shape("mlgru", "h0", h0, f"a {a.shape}", B=B, D=D)


def mlgru_forward(a, z, b, h0):
    expect_mlgru_sizes(a, z, b, h0)
    s = sigmoid(z)
    f = b + (1 - b) * s  # (B, T, D)
    h = np.empty(a.shape, np.result_type(a, f, h0))
    np.multiply(1 - f, a * sigmoid(a), out=h)  # (B, T, D), as if nothing stayed
    last = h0  # (B, D)
    for t in range(a.shape[1]):  # each position needs the one before it
        kept = f[:, t] * last
        last = np.add(h[:, t], kept, out=h[:, t])
    return h, (a, s, h, b, h0)


def mlgru_backward(dy, saved):
    a, s, h, b, h0 = saved
    f = b + (1 - b) * s  # (B, T, D)
    lam, later = dy.copy(), np.zeros_like(h0)  # (B, T, D), (B, D); nothing follows the last
    for t in reversed(range(a.shape[1])):
        lam[:, t] += later
        later = f[:, t] * lam[:, t]
    s_a = sigmoid(a)
    df = -a * s_a  # -c; then h_{t-1} - c_t
    df[:, :1] += h0[:, None]
    df[:, 1:] += h[:, :-1]
    df *= lam
    df *= 1 - s  # a factor of both dz and db
    dz = df * (1 - b) * s
    db = df.reshape(-1, b.size).sum(axis=0)  # (D,); all positions share the bound
    dc = lam * (1 - f)
    da = dc * s_a * (1 + a * (1 - s_a))
    return da, dz, db, later  # f_1 λ_1 is left: dh0
