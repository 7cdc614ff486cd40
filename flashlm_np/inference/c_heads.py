"""The head of the C program: one softmax, a tree of softmaxes, or a tree of decisions.

    head_exact.c       exact, sampled                 the best logit of all words
    head_softmaxes.c   two_level, adaptive, hybrid    a word has ln p = z - lse + ln p(softmax)
    head_tree.c        tree                           ln p is a sum along a path

The program needs only the most likely word. No word is likelier than the softmax, or the node,
that it is in. So head_softmaxes.c opens the likeliest softmax first, head_tree.c takes the
likelier side of a node first, and both leave out those that are less likely than the best word
so far: few logits are computed, and the word is the same.

The rows of head_softmaxes.c stay in the order of model/heads/layout.py, where the words of a
softmax are neighbours. The others get the table in the order of the ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from ..model.heads.huffman import TREES
from ..model.heads.layout import TableLayout
from .c_mixers import CPart
from .export import PackedModel


@dataclass
class CHead(CPart):
    """The head's part of a program. rows: those of the table, in the program's order."""

    rows: np.ndarray


def c_head(packed: PackedModel, weights: dict[str, np.ndarray], layout: TableLayout) -> CHead:
    """The head of an export with an int8 table; `weights` are its weights, unpacked."""
    return FORMS[packed.config.head](packed, weights, layout)


def _one_softmax(packed, weights, layout):
    return CHead("head_exact.c", {}, [], layout.rank)


def _two_level(packed, weights, layout):
    # The first softmax has no words, only the ways to the classes.
    return _softmaxes(weights, layout, [0, *layout.starts], [("classes", "bias")])


def _adaptive(packed, weights, layout):
    word_start = [0, *packed.config.cutoffs, len(layout.order)]
    return _softmaxes(weights, layout, word_start, [("tails", "bias")])


def _hybrid(packed, weights, layout):
    # The second softmax, the rest, has no words: it starts and ends at the first class.
    word_start = [0, layout.starts[0], *layout.starts]
    ways = [("rest", "rest_bias"), ("classes", "class_bias")]
    return _softmaxes(weights, layout, word_start, ways)


def _softmaxes(weights, layout, word_start, ways):
    """The softmaxes with these words; the parameters `ways` are in the first of them."""
    vectors, biases = ([weights[f"lm_head.{names[i]}"] for names in ways] for i in range(2))
    ends = list(accumulate(map(len, vectors)))
    softmaxes = 1 + ends[-1]  # each way leads to one more
    # The last softmaxes have no ways: each starts where the next one does.
    way_start = [0, *ends] + [ends[-1]] * (softmaxes - len(ends))
    arrays = [
        ("int", "token", layout.order),  # of each row
        ("int", "row", layout.rank),  # of each token
        ("int", "word_start", np.array(word_start)),
        ("int", "way_start", np.array(way_start)),
        ("float", "way", np.concatenate(vectors)),
        ("float", "way_bias", np.concatenate(biases)),
    ]
    rows = np.arange(len(layout.order))
    return CHead("head_softmaxes.c", {"SOFTMAXES": softmaxes}, arrays, rows)


def _tree(packed, weights, layout):
    children = TREES[packed.config.tree](layout.counts).children  # (V-1, 2)
    nodes, name = len(children), "lm_head.nodes"
    words = np.maximum(children - nodes, 0)  # the rows of those that are words
    children = np.where(children < nodes, children, nodes + layout.order[words])
    arrays = [
        ("int8_t", "nodes_q", packed.arrays[f"int8/{name}"]),
        ("float", "nodes_scale", packed.arrays[f"rows/{name}"]),
        ("float", "nodes_bias", weights["lm_head.bias"]),
        ("int", "children", children),  # left and right of each node
    ]
    return CHead("head_tree.c", {"NODES": nodes}, arrays, layout.rank)


FORMS = {
    "exact": _one_softmax,
    "sampled": _one_softmax,
    "two_level": _two_level,
    "adaptive": _adaptive,
    "hybrid": _hybrid,
    "tree": _tree,
}
