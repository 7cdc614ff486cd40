"""Binary trees whose leaves are the words: Huffman's, from counts, and the balanced one.

A tree of V words has V - 1 inner nodes. Node 0 is the root, and a child has a higher number
than its parent. The word in row r of the table is the leaf number V - 1 + r.

    huffman     Merge the two lightest trees until one is left. No tree has a smaller mean depth
                Σ_v p_v depth_v: it is less than 1 above the entropy of p in bits. Each count
                gets 1/2 more. So a word that was never seen has a weight, too, and no path is
                longer than log_1.6 of twice the sum of all weights: 34 steps for 5 million
                tokens (24 were found). Of equal weights, words go before inner nodes, the
                first row and the oldest node first: the same counts give the same tree.
    balanced    Halve the rows, in their order, until one is left. No path is longer than
                ⌈log2 V⌉. The halves have equal numbers of words, not equal counts: halves of
                equal counts would be nearly Huffman's tree again.

The tree follows from the counts alone, so a checkpoint need not hold it.

source   Huffman 1952, "A method for the construction of minimum-redundancy codes"
"""

from __future__ import annotations

import heapq
from functools import cached_property

import numpy as np

from .layout import PSEUDO_COUNT


class Tree:
    """The tree with the given `children` (V-1, 2): the left and the right one of each node."""

    def __init__(self, children: np.ndarray):
        self.children = children
        self.V = len(children) + 1

    @cached_property
    def levels(self) -> list[np.ndarray]:
        """The inner nodes at each depth: [0], then the children of 0 that are no words, ..."""
        levels, nodes = [], np.zeros(1, np.int64)
        while len(nodes):
            levels.append(nodes)
            below = self.children[nodes].ravel()
            nodes = below[below < self.V - 1]
        return levels

    @cached_property
    def paths(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of each word: the nodes from the root, the signs, and the number of both.

        Shapes:
            nodes (V, depth) int32 and signs (V, depth) int8: +1 goes left, -1 goes right. Both
            hold 0 after a path's end. lengths (V,).
        """
        V, depth = self.V, len(self.levels)
        nodes, signs = (
            np.zeros((2 * V - 1, depth), np.int32),
            np.zeros((2 * V - 1, depth), np.int8),
        )
        lengths = np.zeros(2 * V - 1, np.int64)
        for d, above in enumerate(self.levels):  # a child's path is its parent's, and one step
            for child, sign in zip(self.children[above].T, (1, -1), strict=True):
                nodes[child], signs[child], lengths[child] = nodes[above], signs[above], d + 1
                nodes[child, d], signs[child, d] = above, sign
        return nodes[V - 1 :], signs[V - 1 :], lengths[V - 1 :]

    def sums(self, x: np.ndarray) -> np.ndarray:
        """Σ x over the words below each node, then x itself: (V, ...) -> (2V-1, ...)."""
        sums = np.concatenate([np.empty_like(x[1:]), x])
        for nodes in reversed(self.levels):  # children come before their parent
            left, right = self.children[nodes].T
            sums[nodes] = sums[left] + sums[right]
        return sums


def huffman_tree(counts: np.ndarray) -> Tree:
    """Huffman's tree of words with these counts (V,), which may be 0."""
    V = len(counts)
    children = np.empty((V - 1, 2), np.int64)
    weights = (counts + PSEUDO_COUNT).tolist()
    # (weight, place among equal weights, number): words by row, then nodes by age.
    heap = [(weight, row, V - 1 + row) for row, weight in enumerate(weights)]
    heapq.heapify(heap)
    for node in reversed(range(V - 1)):  # the root is made last
        lightest, _, left = heapq.heappop(heap)
        second, _, right = heapq.heappop(heap)
        children[node] = left, right
        heapq.heappush(heap, (lightest + second, 2 * V - node, node))
    return Tree(children)


def balanced_tree(counts: np.ndarray) -> Tree:
    """The tree that halves the rows. Of the counts (V,), only their number matters."""
    V = len(counts)
    children, spans = np.empty((V - 1, 2), np.int64), [(0, V)]
    for node, (start, stop) in enumerate(spans):  # the list grows: spans[i] is node i's rows
        middle = (start + stop + 1) // 2
        for side, (a, b) in enumerate([(start, middle), (middle, stop)]):
            children[node, side] = V - 1 + a if b - a == 1 else len(spans)
            if b - a > 1:
                spans.append((a, b))
    return Tree(children)


TREES = {"huffman": huffman_tree, "balanced": balanced_tree}
