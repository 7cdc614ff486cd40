"""Softmaxes over slices of the table: each row of h chooses among the words of its own slice.

    forward    For the rows of one group, h_g (n, D), and its slice of the table, w_g (S, D):
               z = h_g @ w_gᵀ  (n, S) ;  -ln p_y = lse(z) - z_y                       (n,)
    backward   given dy = ∂loss/∂(-ln p_y) of each row (n,): dz = dy (p - onehot(y))
               dh_g = dz @ w_g  (n, D) ;  dw_g = dzᵀ @ h_g  (S, D)
    saved      p of each group: Σ_g n_g·S_g numbers
    source     the softmax inside a class of Goodman 2001, arXiv:cs/0108006

A slice is contiguous, so w_g is a view and each product is one call of BLAS. Groups share no
row of h and no row of w: workers can take them at the same time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

CHUNKS = 4  # for each worker: one with cheap groups takes more of them


@dataclass(frozen=True, eq=False)
class Group:
    """The rows (n,) of h whose targets lie in the slice [start, stop) of the table."""

    rows: np.ndarray
    start: int
    stop: int

    @property
    def cost(self) -> int:
        """Its logits, and about 2,000 more for the calls from Python."""
        return len(self.rows) * (self.stop - self.start) + 2000


def part_of(y: np.ndarray, starts) -> np.ndarray:
    """The class or part of each row y (N,): that of starts[k] to starts[k + 1] - 1 is k."""
    return np.searchsorted(starts, y, side="right") - 1  # right: starts[k] belongs to part k


def groups_of(classes: np.ndarray, starts: np.ndarray) -> list[Group]:
    """One group for each class that occurs in `classes` (N,), in the order of the classes."""
    order = np.argsort(classes, kind="stable")
    first = np.flatnonzero(np.diff(classes[order], prepend=-1))  # where a new class begins
    parts = np.split(order, first)[1:]  # of no rows: none
    found = classes[order[first]]
    pairs = zip(found, parts, strict=True)
    return [Group(rows, int(starts[g]), int(starts[g + 1])) for g, rows in pairs]


def slice_softmaxes(
    h: np.ndarray,
    w: np.ndarray,
    y: np.ndarray,
    groups: list[Group],
    *,
    parts: int = 1,
    parallel_map: Callable = map,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """-ln p of each row's target in its slice (N,), and the p (n, S) of each group.

    Rows that are in no group get 0.
    """
    nll, p = np.zeros(len(h), np.result_type(h, w)), [None] * len(groups)

    def work(chunk):
        for i in chunk:
            group = groups[i]
            z = h[group.rows] @ w[group.start : group.stop].T  # (n, S)
            nll[group.rows], p[i] = nll_and_softmax(z, y[group.rows] - group.start)

    list(parallel_map(work, chunks(groups, parts)))
    return nll, p


def slice_gradients(
    dy: np.ndarray,
    h: np.ndarray,
    w: np.ndarray,
    y: np.ndarray,
    groups: list[Group],
    p: list[np.ndarray],
    dw: np.ndarray | None,
    *,
    parts: int = 1,
    parallel_map: Callable = map,
) -> np.ndarray:
    """Write the gradient of the slices into dw (V, D), unless it is None; returns dh (N, D).

    dy: (N,), the gradient of each row's -ln p. Rows of dw that are in no slice are not written.
    """
    dh = np.zeros(h.shape, np.result_type(h, w))

    def work(chunk):
        for i in chunk:
            group = groups[i]
            here, scale = slice(group.start, group.stop), dy[group.rows]  # (n,)
            dz = scale[:, None] * p[i]  # (n, S)
            dz[np.arange(len(dz)), y[group.rows] - group.start] -= scale
            dh[group.rows] = dz @ w[here]
            if dw is not None:
                np.matmul(dz.T, h[group.rows], out=dw[here])

    list(parallel_map(work, chunks(groups, parts)))
    return dh


def nll_and_softmax(z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """-ln p_y (n,) and p (n, S) of logits z (n, S), which this function may overwrite."""
    z_y = z[np.arange(len(z)), y]  # (n,)
    top = z.real.max(axis=1)  # (n,); real: the complex step's z is complex
    z -= top[:, None]
    e = np.exp(z, out=z)  # (n, S)
    sums = e.sum(axis=1)  # (n,)
    e /= sums[:, None]
    return np.log(sums) + top - z_y, e


def chunks(groups: list[Group], parts: int) -> list[range]:
    """The groups' numbers in contiguous chunks of about equal cost, some for each worker."""
    ends = np.cumsum([group.cost for group in groups])
    count = 1 if parts == 1 else min(CHUNKS * parts, len(groups))
    cuts = np.searchsorted(ends, ends[-1] * np.arange(1, count) / count) if groups else []
    borders = [0, *map(int, cuts), len(groups)]
    return [range(a, b) for a, b in pairwise(borders) if a < b]


def unwritten(groups: list[Group], V: int) -> list[slice]:
    """The slices of a table of V rows that no group covers. The groups have rising starts."""
    borders = [0, *(edge for group in groups for edge in (group.start, group.stop)), V]
    pairs = zip(borders[::2], borders[1::2], strict=True)
    return [slice(a, b) for a, b in pairs if a < b]
