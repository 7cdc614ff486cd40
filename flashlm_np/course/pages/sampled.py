"""Sampled softmax: in training, a row of h chooses among a few words instead of all V.

    forward    Row n has K + 1 rivals: the candidates C (K,), rows of the table w that all rows
               of h share, and its own target y_n. log_p (V,) is ln P, and P_v is the
               probability that v is in C.
               z_nv = h_n · w_v - ln P_v   for v in C ; -∞ for v = y_n                 (N, K)
               u_n = h_n · w_{y_n} - ln P_{y_n}                                        (N,)
               loss = cross-entropy of the K + 1 logits of each row, of which u_n is the right
               one. So the own target competes once, even if it was drawn.
    backward   dz (N, K) and du (N,) as on cross_entropy's page
               dh_n = Σ_v dz_nv w_v + du_n w_{y_n}                                     (N, D)
               dw has the rows dzᵀ @ h (K, D) for C and du_n h_n (N, D) for the targets. A word
               may be in C and the target of several rows: dw has the sum.
               ln P is a constant, and has no gradient.
    why ln P   Take one row. Its target is t with the probability p(t | h). Then C is drawn,
               each word v with P_v. By Bayes, rivals t and u point to t or u as p(t | h) / P_t
               to p(u | h) / P_u: the one that is seldom drawn is more often there because it
               is the target. So if softmax(h @ wᵀ) is p, then the softmax over the rivals is
               right after the subtraction of ln P, and no other has a smaller expected loss.
    saved      h, w, y, C, and what cross_entropy saves
    source     Bengio & Senécal 2008, IEEE Transactions on Neural Networks 19(4)

flashlm_np/model/heads/sampled.py computes the same on all cores and in less memory.
"""

import numpy as np

from minigrad.ops import Operation, RowGradient
from minigrad.ops.cross_entropy import cross_entropy_backward, cross_entropy_forward

NEVER = -1e30  # a logit whose softmax is 0; with -inf, cross_entropy's smoothing gives NaN


def sampled_forward(h, w, y, *, candidates, log_p):
    z = h @ w[candidates].T - log_p[candidates]  # (N, K)
    z = np.where(candidates == y[:, None], NEVER, z)  # u stands for the own target
    u = (h * w[y]).sum(axis=1) - log_p[y]  # (N,)
    logits = np.column_stack([z, u])  # (N, K + 1)
    loss, saved = cross_entropy_forward(logits, np.full(len(y), len(candidates)))
    return loss, (h, w, y, candidates, saved)


def sampled_backward(dy, saved):
    h, w, y, candidates, saved_logits = saved
    d, _ = cross_entropy_backward(dy, saved_logits)  # (N, K + 1)
    dz, du = d[:, :-1], d[:, -1:]  # (N, K), (N, 1)
    dh = dz @ w[candidates] + du * w[y]
    rows = np.concatenate([dz.T @ h, du * h])  # (K + N, D)
    return dh, RowGradient(np.concatenate([candidates, y]), rows, w.shape), None


SAMPLED = Operation("sampled", sampled_forward, sampled_backward, integer_inputs=(2,))
