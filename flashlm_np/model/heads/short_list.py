"""The first softmax of adaptive.py and hybrid.py: a short list of words, and ways out of it.

    forward    l_0 = ln Σ_v e^(z_v) over the words of the short list, z_v = h · w_v    (N,)
               s_0 = l_0 ;  s_j = h · t_j + b_j for the ways out j = 1 to J            (N, J+1)
               -ln p(part k of the target) = lse(s) - s_k ;  q = softmax(s), p of all parts
               -ln p(y | part k) = l_k - z_y, with l_k over the words of part k
    backward   given dy = ∂loss/∂(-ln p) of each row (N,):
               ds = dy (q - onehot(k)) ;  dt = Σ_n ds_nj h_n ;  db = Σ_n ds_nj
               z_v of the short list acts through l_k - z_y where k = 0, and through s_0 = l_0:
               dz_v = [k = 0] dy (e^(z_v - l_0) - [v = y]) + ds_0 e^(z_v - l_0)
                    = dy (q_0 e^(z_v - l_0) - [v = y]), and q_0 e^(z_v - l_0) is p(v)

A way out is one more logit of this softmax. It stands for all words of one part outside of the
short list (Grave et al. 2017 call such a part a cluster). A word of the short list thus costs
one softmax: over these words and the J ways out.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from .blocks import Softmaxes, block_gradients, block_softmaxes
from .slices import Group, nll_and_softmax

ROWS = 2048  # whose logits exist at a time where no gradient is wanted


def short_list_nll(
    h, w, t, b, y, k, size: int, tails: list[Group], **work
) -> tuple[np.ndarray, np.ndarray, Softmaxes]:
    """-ln p of each row (N,), q (N, J+1), and the softmaxes within the parts.

    A row whose part k > 0 is in none of the groups `tails` gets -ln p of its part alone.

    size: the words of the short list.
    """
    groups = [Group(np.arange(len(h)), 0, size), *tails]  # all rows need the short list
    softmaxes = block_softmaxes(h, w, groups, **work)
    l_0, *l_tails = softmaxes.lse
    nll, q = nll_and_softmax(np.column_stack([l_0, h @ t.T + b]), k)  # (N,), (N, J+1)
    own = np.flatnonzero(k == 0)
    owners = [own, *(group.rows for group in tails)]
    for rows, l in zip(owners, [l_0[own], *l_tails], strict=True):
        nll[rows] += l - (h[rows] * w[y[rows]]).sum(axis=1)
    return nll, q, softmaxes


def short_list_gradients(dy, h, w, t, y, k, q, softmaxes, dw, **work):
    """dh (N, D), dt (J, D) and db (J,); writes the rows of dw that the softmaxes cover."""
    # A tail's words have no other rivals.
    weights = [dy * q[:, 0], *(dy[group.rows] for group in softmaxes.groups[1:])]
    dh = block_gradients(dy, weights, h, w, y, softmaxes, dw, **work)  # (N, D)
    scale = dy[:, None]  # (N, 1)
    ds = scale * q[:, 1:] - scale * (k[:, None] == np.arange(1, q.shape[1]))  # (N, J)
    return dh + ds @ t, ds.T @ h, ds.sum(axis=0)


def bias_of_shares(shares: np.ndarray, words: int) -> np.ndarray:
    """Biases (J,) that give J ways out their shares where the logits of all `words` are 0."""
    return np.log(shares * words / (1 - shares.sum()))


def expect_cutoffs(where: str, cutoffs: tuple[int, ...], V: int) -> None:
    """Raise a ValueError unless the cut-offs divide V rows into parts that hold one or more."""
    if not cutoffs or any(a >= b for a, b in pairwise([0, *cutoffs, V])):
        raise ValueError(
            f"{where}: the cut-offs are {tuple(cutoffs)}, expected one or more rising numbers "
            f"above 0 and below V = {V}"
        )


def nll_by_rows(nll: Callable, h: np.ndarray, y: np.ndarray) -> np.ndarray:
    """nll(h, y) (N,) of a few rows at a time, which bounds the memory of the logits."""
    found = np.empty(len(h), h.dtype)
    for start in range(0, len(h), ROWS):
        rows = slice(start, start + ROWS)
        found[rows] = nll(h[rows], y[rows])
    return found
