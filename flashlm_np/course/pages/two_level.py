"""Two levels: first a class, then a word of this class. p(v | h) = p(k | h) · p(v | k, h).

    forward    Each of V words has one class k(v) of G. The words of class i are the rows
               starts[i] to starts[i+1] - 1 of the table w: a slice, w_i.
               z = h @ cᵀ + b                logits of the classes                      (N, G)
               u = h @ w_kᵀ                  logits of the words of the target's class  (N, S_k)
               loss = mean_n [ lse(z) - z_k + lse(u) - u_y ]
    backward   Two softmaxes, each as on cross_entropy's page:
               dz = dy/N (softmax(z) - onehot(k)) ;  du = dy/N (softmax(u) - onehot(y))
               dc = dzᵀ @ h ;  db = Σ_n dz_n
               dw_i = duᵀ @ h over the rows whose target is in class i. A class without a
               target gives its words no gradient.
               dh = dz @ c + du @ w_k
    saved      h, w, c, and what cross_entropy saves of each softmax
    source     Goodman 2001, arXiv:cs/0108006

The n rows whose target is in the same class share its slice, so they are one product of
matrices. cross_entropy gives their mean, and the loss is the mean over all N: this class adds
n/N of its mean. flashlm_np/model/heads/two_level.py computes the same on all cores.
"""

import numpy as np

from minigrad.ops import Operation
from minigrad.ops.cross_entropy import cross_entropy_backward, cross_entropy_forward


def two_level_forward(h, w, c, b, y, *, starts):
    k = np.searchsorted(starts, y, side="right") - 1  # (N,) the class of each target
    loss, of_classes = cross_entropy_forward(h @ c.T + b, k)
    of_words = []
    for i in np.unique(k):
        rows = np.flatnonzero(k == i)  # (n,) the rows whose target is in class i
        u = h[rows] @ w[starts[i] : starts[i + 1]].T  # (n, S_i)
        mean, saved = cross_entropy_forward(u, y[rows] - starts[i])
        loss = loss + len(rows) / len(h) * mean
        of_words.append((i, rows, saved))
    return np.asarray(loss), (h, w, c, starts, of_classes, of_words)


def two_level_backward(dy, saved):
    h, w, c, starts, of_classes, of_words = saved
    dz, _ = cross_entropy_backward(dy, of_classes)  # (N, G)
    dh, dw = dz @ c, np.zeros_like(w)  # (N, D), (V, D)
    for i, rows, saved_u in of_words:
        words = slice(starts[i], starts[i + 1])
        du, _ = cross_entropy_backward(len(rows) / len(h) * dy, saved_u)  # (n, S_i)
        dh[rows] += du @ w[words]
        dw[words] = du.T @ h[rows]
    return dh, dw, dz.T @ h, dz.sum(axis=0), None


TWO_LEVEL = Operation("two_level", two_level_forward, two_level_backward, integer_inputs=(4,))
