"""Tree: a word is a path of decisions between left and right, from the root of a binary tree.

    forward    Node i has a vector n_i and a bias b_i. At it, z = n_i·h + b_i, and
               p(left) = σ(z),  p(right) = σ(-z) = 1 - p(left):  p(side) = σ(s z), s = ±1
               p(v | h) = Π σ(s z) over the path of v, so with softplus(x) = ln(1 + eˣ):
               -ln p(v | h) = Σ softplus(-s z);  nll = that of the targets y,  loss = its mean
               Left and right sum to 1 at each node, so the words below a node sum to the
               probability of reaching it, and all words to 1.
    backward   A pair is a row of h and a node on its target's path: P = Σ_n length(y_n).
               softplus'(x) = σ(x), so dz = -s σ(-s z) dy, with its row's dy = ∂loss/∂nll:
               dh_r = Σ dz n_i over the pairs of row r                            (N, D)
               dn_i = Σ dz h_r over the pairs of node i ;  db_i = Σ dz  (V-1, D), (V-1,)
               Nodes on no path get nothing: dn is a RowGradient.
    saved      h and n, and row, node, sign and z of each pair:  17·P bytes in float32 beside
               the inputs
    cost       P·D multiply-adds each way, 10.8 per row with Huffman's tree of a text whose
               unigram entropy is 10.7 bits, 15.8 with the balanced one, in place of 50,257.
               They are gathers, not products of matrices: see pairs.py. All rows use the root
               and its neighbours, but products by BLAS for the first 31 nodes would save only
               2 ms of 21. log_prob needs all nodes, and takes 5 times as long as z of the exact
               head: the head makes training cheaper, not generation.
    source     Morin & Bengio 2005, "Hierarchical probabilistic neural network language model";
               with Huffman's tree: Mikolov et al. 2013, arXiv:1310.4546, section 2.1

A node is no word, so the embedding's table has no row for it. The head is not tied: it ignores
the table, and its vectors are V - 1 new rows, 12.9 million numbers and 51 MB for V = 50,257 and
D = 256, with as many again for each average of the optimizer. The table learns as input only.

Each node starts as the exact head would decide there, to first order in h. With c_v the
smoothed counts, S a set of words, and logits h·w_v + ln c_v:
    ln Σ_{v in S} c_v e^(h·w_v) ≈ ln C_S + h·m_S,   C_S = Σ c_v,   m_S = Σ c_v w_v / C_S
so b_i = ln C_left - ln C_right and n_i = m_left - m_right. At h = 0 the loss is that of the
unigram model. Without b, the balanced tree would start at 15.8 ln 2 = 10.9 nats. The table thus
gives the head its start, if not its gradient: in a trial, 0.1 nats less after 300 steps than
from n = 0.
"""

from __future__ import annotations

import numpy as np

from minigrad import Operation, Parameter, apply
from minigrad.errors import expect_shape
from minigrad.ops import RowGradient
from minigrad.ops.activations import sigmoid
from minigrad.ops.cross_entropy import expect_targets

from .head import Head
from .huffman import TREES, Tree
from .layout import PSEUDO_COUNT
from .pairs import dots, weighted_sums

ROWS = 64  # of all words' probabilities that are computed at a time: 39 MB for V = 50,257


def tree_forward(h, n, b, y, *, tree: Tree, **work):
    nll, pairs = path_nll(h, n, b, y, tree, **work)
    return nll, (h, n, *pairs, work)


def tree_backward(dy, saved):
    h, n, row, node, sign, z, work = saved
    dz = -sign * sigmoid(-sign * z) * dy[row]  # (P,)
    _, dh = weighted_sums(row, dz, n, node, **work)  # (N, D); each row has a path
    order = np.argsort(node, kind="stable")
    used, dn = weighted_sums(node[order], dz[order], h, row[order], **work)
    db = np.bincount(node, dz, len(n)).astype(dz.dtype)  # (V-1,)
    return dh, RowGradient(used, dn, n.shape), db, None


def path_nll(h, n, b, y, tree, **work):
    """-ln p of each target (N,), and of each pair: row, node, sign, z (P,)."""
    _expect_sizes(h, n, b, y, tree)
    row, node, sign = pairs_of(y, tree)
    z = dots(h, n, row, node, **work) + b[node]  # (P,)
    first = np.flatnonzero(np.diff(row, prepend=-1))  # (N,) the first pair of each row
    return np.add.reduceat(softplus(-sign * z), first), (row, node, sign, z)


def pairs_of(y, tree):
    """Row, node and sign of each step on the paths of y (N,): 3 arrays (P,), by row."""
    nodes, signs, lengths = tree.paths
    row, step = np.nonzero(np.arange(nodes.shape[1]) < lengths[y][:, None])
    return row, nodes[y[row], step], signs[y[row], step]


def softplus(x):
    """ln(1 + eˣ) = max(x, 0) + ln(1 + e^-|x|), in which no power overflows."""
    positive = x.real > 0  # real: the complex step's x is complex
    return np.where(positive, x, 0) + np.log1p(np.exp(np.where(positive, -x, x)))


def _expect_sizes(h, n, b, y, tree):
    inner = tree.V - 1
    expect_shape("tree", "h", h, N=None, D=None)
    expect_shape("tree", "n", n, f"the tree of {tree.V} words and h", inner=inner, D=h.shape[1])
    expect_shape("tree", "b", b, f"the tree of {tree.V} words", inner=inner)
    expect_targets("tree", y, len(h), tree.V)


TREE = Operation(
    "tree",
    tree_forward,
    tree_backward,
    integer_inputs=(3,),
    work_options=("parts", "parallel_map"),
)


class TreeHead(Head):
    """The nodes of the tree that config.tree names. The head does not use the table."""

    rows_only = True

    def __init__(self, config, layout, rng, dtype=np.float32):
        self.tree, self.counts = TREES[config.tree](layout.counts), layout.counts
        self.nodes = Parameter(np.zeros((config.vocab_size - 1, config.d_model), dtype))
        self.bias = Parameter(np.zeros(config.vocab_size - 1, dtype))

    def initialize(self, table):
        weights = self.counts + PSEUDO_COUNT  # (V,)
        totals = self.tree.sums(weights)  # (2V-1,) of the words below each node
        left, right = self.tree.children.T
        self.bias.data[...] = np.log(totals[left] / totals[right])
        weights, totals = weights.astype(table.dtype), totals.astype(table.dtype)
        means = self.tree.sums(weights[:, None] * table)  # (2V-1, D)
        means /= totals[:, None]
        self.nodes.data[...] = means[left] - means[right]

    def losses(self, h, table, targets, *, with_dw=True, buffers=None, **work):
        # with_dw and buffers are for a gradient of the table. There is none.
        return apply(TREE, h, self.nodes, self.bias, targets, tree=self.tree, **work)

    def nll(self, h, table, targets):
        return path_nll(h, self.nodes.data, self.bias.data, targets, self.tree)[0]

    def log_prob(self, h, table):
        blocks = [h[i : i + ROWS] for i in range(0, len(h), ROWS)]
        return np.concatenate([self._log_prob(rows) for rows in blocks])

    def _log_prob(self, h):
        """Walk down all paths at once, level by level: (R, D) -> (R, V)."""
        V, children = self.tree.V, self.tree.children
        z = self.nodes.data @ h.T + self.bias.data[:, None]  # (V-1, R)
        log_p = np.zeros((2 * V - 1, len(h)), z.dtype)  # of reaching each node; the root: ln 1
        for nodes in self.tree.levels:
            left, right = children[nodes].T
            log_p[left] = log_p[nodes] - softplus(-z[nodes])
            log_p[right] = log_p[nodes] - softplus(z[nodes])
        return log_p[V - 1 :].T
