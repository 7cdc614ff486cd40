"""Sampled softmax: in training, each row of h chooses among K candidates instead of V words.

    forward    C (K,) are the candidates: rows of the table w, each once, among them every
               target. correction (K,) is ln P, where P_v is the probability that v is in C.
               z = h @ w_Cᵀ - ln P                         (N, D) (K, D) -> (N, K)
               loss = cross-entropy of z, where the right id of row n is the place of y_n in C
    backward   dz as on cross_entropy's page
               dh = dz @ w_C  (N, D) ;  dw_C = dzᵀ @ h  (K, D). Other rows of dw are 0. ln P is
               a constant, and has no gradient.
    why ln P   Take one row of h. Its target is t with the probability p(t | h). Then C is
               drawn: it holds t for certain, and each other word v with P_v. By Bayes, a C that
               holds t and u points to t or u as p(t | h) / P_t to p(u | h) / P_u: the rare one
               is more often there because it is the target. So if softmax(h @ wᵀ) is p, then
               softmax(z) is P(t | C, h), and no other z has a smaller expected loss.
    saved      h, w_C, C, w's shape, and what cross_entropy saves
    source     Bengio & Senécal 2008, IEEE Transactions on Neural Networks 19(4)

flashlm_np/model/heads/sampled.py computes the same on all cores and in less memory.
"""

import numpy as np

from minigrad.ops import Operation, RowGradient
from minigrad.ops.cross_entropy import cross_entropy_backward, cross_entropy_forward


def sampled_forward(h, w, y, *, candidates, correction):
    w_c = w[candidates]  # (K, D)
    places = np.argmax(candidates == y[:, None], axis=1)  # (N,) of the targets in C
    loss, saved = cross_entropy_forward(h @ w_c.T - correction, places)
    return loss, (h, w_c, candidates, w.shape, saved)


def sampled_backward(dy, saved):
    h, w_c, candidates, shape, saved_z = saved
    dz, _ = cross_entropy_backward(dy, saved_z)  # (N, K)
    return dz @ w_c, RowGradient(candidates, dz.T @ h, shape), None


SAMPLED = Operation("sampled", sampled_forward, sampled_backward, integer_inputs=(2,))
