"""The output layers: from hidden rows to probabilities of words.

A word is an entry of the vocabulary: a token, under its row in the table.

head.py        the interface
exact.py       the softmax over all words: FlashLM v3's head, with which the others are compared
two_level.py   first a class, then a word of it
adaptive.py    the frequent words, and a logit for each tail of rare ones
hybrid.py      the frequent words, and one logit for the rest, with two levels inside
sampled.py     in training, a softmax over a random part of the words (candidates.py)
tree.py        a decision between left and right at each node of a binary tree (huffman.py)

layout.py      the order of the words in the table; classes.py: the words of each class
slices.py      softmaxes over slices of the table; blocks.py: over large ones, cut for all cores
short_list.py  the softmax of the frequent words, which adaptive and hybrid share
pairs.py       products of picked rows, for the tree
"""

import numpy as np

from .adaptive import AdaptiveHead
from .classes import by_frequency, by_meaning
from .exact import ExactHead, FusedHead
from .head import Head
from .hybrid import HybridHead
from .layout import TableLayout
from .sampled import SampledHead
from .tree import TreeHead
from .two_level import TwoLevelHead

HEADS = {
    "exact": ExactHead,
    "two_level": TwoLevelHead,
    "adaptive": AdaptiveHead,
    "hybrid": HybridHead,
    "sampled": SampledHead,
    "tree": TreeHead,
}
WITH_CLASSES = ("two_level", "hybrid")


def new_head(config, layout: TableLayout, rng: np.random.Generator, dtype=np.float32) -> Head:
    """The head that config.head names."""
    if config.head == "exact":
        return FusedHead() if config.fused else ExactHead()
    return HEADS[config.head](config, layout, rng, dtype)


def new_layout(
    config, counts: np.ndarray | None = None, vectors: np.ndarray | None = None
) -> TableLayout:
    """The order and the classes of the words that config.head needs.

    counts (V,): how often each token stands in the training text; by default 0.
    vectors (V, D): a table in which tokens of like meaning have like rows, for classes by
        meaning.
    """
    V = config.vocab_size
    if config.head == "exact":
        return TableLayout.identity(V)
    counts = np.zeros(V, np.int64) if counts is None else counts
    if needs_vectors(config) and vectors is not None:
        return by_meaning(counts, vectors, **_cuts(config))
    return by_frequency(counts, **_cuts(config))


def read_layout(config, arrays: dict[str, np.ndarray]) -> TableLayout:
    """The layout of arrays that were read. Raises ValueError if it is not config.head's."""
    if config.head == "exact":
        return new_layout(config)
    return TableLayout.from_arrays(arrays, config.vocab_size, **_cuts(config))


def _cuts(config):
    """The number of classes, and the first row that is in one."""
    return {
        "classes": config.classes if config.head in WITH_CLASSES else 1,
        "first": config.cutoffs[0] if config.head == "hybrid" else 0,
    }


def needs_vectors(config) -> bool:
    """Whether the classes are made by meaning, and so from vectors."""
    return config.head in WITH_CLASSES and config.class_order == "meaning"
