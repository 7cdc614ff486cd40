"""Softmaxes over large slices of the table, in blocks of their columns.

slices.py takes all words of a group at once. This file cuts a group into blocks of words, and
the workers share the blocks: each has its own rows of the table and of its gradient. The
mathematics is that of slices.py, except for a sum in two stages and a weight:

    forward    for each block b of a group: z = h_g @ w_bᵀ ;  e = e^(z - top)   (n, S_b), where
               top (n,) is the block's largest logit in each row
               l = ln Σ_b Σ e · e^top   over all words of the group             (n,)
    backward   p = e · e^(top - l) ;  dz = weight p - dy onehot(y)              (n, S_b)
               dh_g = Σ_b dz @ w_b  (n, D) ;  dw_b = dzᵀ @ h_g  (S_b, D)
               A row whose target is in another group has no onehot. The weight is a number per
               row: less than dy where other logits share the probability with the words.
    saved      e, Σ e and top of each row and block:  4·Σ_g n_g·S_g bytes in float32 and more
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .slices import Group, chunks

# Logits of a block: 4 MB in float32. From 2 to 32 MB the time differs by 5 %, and workers that
# share few large blocks do not end together.
BLOCK = 2**20


class Block(NamedTuple):
    """The logits of the words [start, stop) for the rows of a group, as exponentials."""

    group: int  # its number
    start: int
    stop: int
    cost: int  # as Group.cost
    e: np.ndarray  # (n, stop - start)
    top: np.ndarray  # (n,)
    sums: np.ndarray  # (n,) Σ e of each row


class Softmaxes(NamedTuple):
    groups: list[Group]
    lse: list[np.ndarray]  # (n,) of each group
    blocks: list[Block]  # of all groups


def block_softmaxes(
    h: np.ndarray,
    w: np.ndarray,
    groups: list[Group],
    *,
    added: np.ndarray | None = None,
    parts: int = 1,
    parallel_map: Callable = map,
    buffers: dict | None = None,
) -> Softmaxes:
    """The softmax of each group over the words of its slice.

    A row may be in several groups. `added` (N, V) is added to the logits. `buffers` keep the
    exponentials, so the result is valid until the next call with the same dict.
    """
    blocks = _cut(groups, np.result_type(h, w), {} if buffers is None else buffers)
    rows = [h[group.rows] for group in groups]  # (n, D) each

    def work(chunk):
        for i in chunk:
            g, start, stop, _, e, top, sums = blocks[i]
            np.matmul(rows[g], w[start:stop].T, out=e)
            if added is not None:
                e += added[groups[g].rows, start:stop]
            top[...] = e.real.max(axis=1)  # real: the complex step's z is complex
            e -= top[:, None]
            np.exp(e, out=e).sum(axis=1, out=sums)

    list(parallel_map(work, chunks(blocks, parts)))
    of_group = [[b for b in blocks if b.group == g] for g in range(len(groups))]
    return Softmaxes(groups, list(map(_log_sum_exp, of_group)), blocks)


def block_gradients(
    dy: np.ndarray,
    weights: Sequence[np.ndarray],
    h: np.ndarray,
    w: np.ndarray,
    y: np.ndarray,
    softmaxes: Softmaxes,
    dw: np.ndarray | None,
    *,
    parts: int = 1,
    parallel_map: Callable = map,
) -> np.ndarray:
    """Write the gradient of the slices into dw (V, D), unless it is None; returns dh (N, D).

    dy: (N,), the gradient of each row's -ln p. weights: (n,) for each group. Rows of dw that
        are in no slice are not written.
    """
    groups, lse, blocks = softmaxes
    rows, targets = [[a[group.rows] for group in groups] for a in (h, y)]

    def work(chunk):
        found = {}
        for i in chunk:
            g, start, stop, _, e, top, _ = blocks[i]
            dz = e * (weights[g] * np.exp(top - lse[g]))[:, None]  # (n, S_b)
            here = np.flatnonzero((targets[g] >= start) & (targets[g] < stop))
            dz[here, targets[g][here] - start] -= dy[groups[g].rows[here]]
            dh = dz @ w[start:stop]  # (n, D)
            found[g] = np.add(found[g], dh, out=dh) if g in found else dh
            if dw is not None:
                np.matmul(dz.T, rows[g], out=dw[start:stop])
        return found

    total = np.zeros(h.shape, np.result_type(h, w))
    for found in parallel_map(work, chunks(blocks, parts)):
        for g, dh in found.items():
            total[groups[g].rows] += dh  # no row is twice in a group
    return total


def _cut(groups, dtype, buffers):
    """The blocks of all groups: at most BLOCK logits, and nearly equal within a group."""
    memory = _memory(buffers, sum(len(g.rows) * (g.stop - g.start) for g in groups), dtype)
    blocks, used = [], 0
    for number, group in enumerate(groups):
        n, S = len(group.rows), group.stop - group.start
        count = min(S, -(-n * S // BLOCK))
        borders = [group.start + S * i // count for i in range(count + 1)]
        for start, stop in pairwise(borders):
            e = memory[used : used + n * (stop - start)].reshape(n, -1)
            cost, used = Group(group.rows, start, stop).cost, used + e.size
            blocks.append(Block(number, start, stop, cost, e, *np.empty((2, n), dtype)))
    return blocks


def _memory(buffers, size, dtype):
    """`size` numbers or more: those of the last call, if they are enough."""
    memory = buffers.get("e")
    if memory is None or len(memory) < size or memory.dtype != dtype:
        memory = buffers["e"] = np.empty(size, dtype)
    return memory


def _log_sum_exp(blocks):
    """ln Σ e^z over the words of all blocks of a group: (n,)."""
    tops = np.array([block.top.real for block in blocks])  # (blocks, n)
    top = tops.max(axis=0)  # (n,)
    return top + np.log(sum(b.sums * np.exp(b.top.real - top) for b in blocks))
