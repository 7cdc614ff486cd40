import dataclasses
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from flashlm_np.model.heads import pairs
from flashlm_np.model.heads.huffman import TREES, Tree, balanced_tree, huffman_tree
from flashlm_np.model.heads.layout import PSEUDO_COUNT
from flashlm_np.model.heads.tree import TREE, TreeHead, softplus, tree_backward, tree_forward
from minigrad import ShapeError, Tensor
from minigrad.gradcheck import GradientError, gradcheck
from minigrad.ops import RowGradient
from minigrad.ops.activations import sigmoid

COUNTS = np.array([40, 0, 7, 7, 21, 1, 0, 3, 3, 90, 12])
V, D, N = len(COUNTS), 3, 7
every_tree = pytest.mark.parametrize("kind", TREES)
rng = np.random.default_rng(5)
TABLE = 0.7 * rng.standard_normal((V, D))
H = rng.standard_normal((N, D))
Y = np.array([9, 0, 9, 6, 2, 10, 9])  # a word repeats
DY = rng.standard_normal(N)


def new_head(kind="huffman", counts=COUNTS, dtype=np.float64, table=TABLE):
    config = SimpleNamespace(tree=kind, vocab_size=len(counts), d_model=table.shape[1])
    head = TreeHead(config, SimpleNamespace(counts=counts), np.random.default_rng(0), dtype)
    head.initialize(table.astype(dtype))
    head.bias.data[...] += np.linspace(-1, 1, len(counts) - 1)  # away from the start values
    return head


def arrays_of(head, dtype=np.float64):
    arrays = [H.astype(dtype), head.nodes.data.copy(), head.bias.data.copy(), Y.copy()]
    for array in arrays:
        array.flags.writeable = False
    return arrays


def codes(tree):
    """The path of each word as a text of + and -."""
    _, signs, lengths = tree.paths
    names = {1: "+", -1: "-"}
    return ["".join(names[s] for s in row[:n]) for row, n in zip(signs, lengths, strict=True)]


# -- the trees -----------------------------------------------------------------------------


def least_cost(weights):
    """The least Σ weight · depth of all binary trees, by trying every merge."""
    if len(weights) == 1:
        return 0
    costs = []
    for i in range(len(weights)):
        for j in range(i):
            rest = [w for k, w in enumerate(weights) if k not in (i, j)]
            merged = weights[i] + weights[j]
            costs.append(merged + least_cost([*rest, merged]))
    return min(costs)


@pytest.mark.parametrize("counts", [[5, 1], [0, 0, 0], [1, 1, 2, 3, 5, 8], [9, 0, 4, 4, 1, 0]])
def test_no_tree_has_a_smaller_mean_depth_than_huffmans(counts):
    weights = np.array(counts) + PSEUDO_COUNT
    lengths = huffman_tree(np.array(counts)).paths[2]
    assert weights @ lengths == least_cost(weights.tolist())


@pytest.mark.parametrize("seed", range(3))
def test_the_mean_depth_is_less_than_one_above_the_entropy(seed):
    counts = np.random.default_rng(seed).zipf(1.3, 400) % 10_000
    p = (counts + PSEUDO_COUNT) / (counts + PSEUDO_COUNT).sum()
    entropy = -(p * np.log2(p)).sum()
    assert entropy <= p @ huffman_tree(counts).paths[2] < entropy + 1


@every_tree
@pytest.mark.parametrize("counts", [COUNTS, [3, 0], [0, 0], [1, 5, 2], np.zeros(13, int)])
def test_a_tree_is_complete_and_no_code_begins_another(kind, counts):
    tree = TREES[kind](np.array(counts))
    found = codes(tree)
    assert len(set(found)) == tree.V == len(counts)
    assert not any(a != b and b.startswith(a) for a in found for b in found)
    assert sum(0.5 ** len(code) for code in found) == 1


@every_tree
def test_a_path_leads_from_the_root_down_to_its_word(kind):
    tree = TREES[kind](COUNTS)
    nodes, signs, lengths = tree.paths
    for word in range(V):
        at = 0
        for step in range(lengths[word]):
            assert nodes[word, step] == at
            at = tree.children[at, 0 if signs[word, step] == 1 else 1]
        assert at == V - 1 + word
        assert (signs[word, lengths[word] :] == 0).all()
    assert (tree.children > np.arange(V - 1)[:, None]).all()  # parents come first


def test_frequent_words_have_short_paths_and_unseen_words_the_longest():
    lengths = huffman_tree(COUNTS).paths[2]
    assert lengths[9] == 1
    assert set(np.flatnonzero(lengths == lengths.max())) >= {1, 6}


@pytest.mark.parametrize("words", [2, 3, 4, 5, 7, 8, 9, 100])
def test_the_balanced_tree_is_as_low_as_possible(words):
    lengths = balanced_tree(np.zeros(words)).paths[2]
    assert lengths.max() == np.ceil(np.log2(words))
    assert lengths.min() == np.floor(np.log2(words))


def test_the_balanced_tree_keeps_the_rows_in_order():
    assert codes(balanced_tree(np.zeros(5))) == ["+++", "++-", "+-", "-+", "--"]


def test_equal_counts_are_merged_by_row_and_words_before_nodes():
    # 3, 3 -> node A (6.0 + 1); 3, 3 -> B; then A and B, so all words have two steps.
    assert codes(huffman_tree(np.array([3, 3, 3, 3]))) == ["++", "+-", "-+", "--"]
    # Weights 1, 1, 2: the word of weight 2 goes before the node of weight 2.
    assert codes(huffman_tree(np.array([0.5, 0.5, 1.5]))) == ["-+", "--", "+"]


def test_sums_add_up_what_is_below_each_node():
    tree = huffman_tree(COUNTS)
    sums = tree.sums(COUNTS)
    assert sums[0] == COUNTS.sum()
    assert (sums[V - 1 :] == COUNTS).all()
    nodes, _, lengths = tree.paths
    for node in range(V - 1):
        below = [w for w in range(V) if node in nodes[w, : lengths[w]]]
        assert sums[node] == COUNTS[below].sum()


def test_unseen_words_bound_the_depth():
    counts = np.concatenate([2 ** np.arange(22), np.zeros(8000, int)])  # 4 million
    assert len(huffman_tree(counts).levels) <= np.log(
        2 * (counts + PSEUDO_COUNT).sum()
    ) / np.log(1.6)


# -- the head ------------------------------------------------------------------------------


def error_of_sum(head, h=H):
    """The largest difference from 1 of Σ_v exp(-nll(v))."""
    every_word = np.arange(head.tree.V)
    sums = [
        np.exp(-head.nll(np.repeat(row[None], head.tree.V, axis=0), None, every_word)).sum()
        for row in h
    ]
    return np.abs(np.array(sums) - 1).max()


@every_tree
@pytest.mark.parametrize("counts", [COUNTS, np.array([3, 0]), np.array([0, 7, 2])])
def test_probabilities_sum_to_one_and_nll_is_one_of_them(kind, counts):
    head = new_head(kind, counts, table=TABLE[: len(counts)])
    assert error_of_sum(head) < 1e-9
    y = Y % len(counts)
    log_prob = head.log_prob(H, None)
    assert np.abs(np.exp(log_prob).sum(axis=1) - 1).max() < 1e-9
    np.testing.assert_allclose(head.nll(H, None, y), -log_prob[np.arange(N), y], atol=1e-12)


def test_log_prob_in_blocks_is_the_same(monkeypatch):
    head = new_head()
    whole = head.log_prob(H, None)
    monkeypatch.setattr("flashlm_np.model.heads.tree.ROWS", 2)
    np.testing.assert_allclose(head.log_prob(H, None), whole, atol=1e-12)


@every_tree
def test_the_loss_is_the_mean_of_nll_and_does_not_touch_the_table(kind):
    head, table = new_head(kind), Tensor(TABLE, requires_grad=True)
    h = Tensor(H, requires_grad=True)
    loss = head.loss(h, table, Y, with_dw=True, parts=2, parallel_map=map, buffers={})
    assert loss.item() == pytest.approx(head.nll(H, TABLE, Y).mean(), abs=1e-12)
    loss.backward()
    assert table.grad is None
    assert all(leaf.grad.any() for leaf in (h, head.nodes, head.bias))


@every_tree
def test_the_first_loss_is_that_of_the_unigram_model(kind):
    share = (COUNTS + PSEUDO_COUNT) / (COUNTS + PSEUDO_COUNT).sum()
    for h, table in [(H, 0 * TABLE), (0 * H, TABLE)]:
        head = new_head(kind)
        head.initialize(table)
        np.testing.assert_allclose(head.nll(h, table, Y), -np.log(share[Y]), atol=1e-12)


@every_tree
def test_the_head_starts_as_the_exact_one_to_first_order(kind):
    head = new_head(kind)
    head.initialize(TABLE)
    z = np.log(COUNTS + PSEUDO_COUNT) + 1e-4 * H @ TABLE.T  # (N, V)
    exact = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(head.log_prob(1e-4 * H, TABLE), exact, atol=1e-7)


def test_softplus_does_not_overflow():
    x = np.array([-1e4, -1.0, 0.0, 1.0, 1e4])
    expected = [0, np.log1p(np.exp(-1)), np.log(2), np.log1p(np.e), 1e4]
    np.testing.assert_allclose(softplus(x), expected, rtol=1e-15)


# -- the gradients -------------------------------------------------------------------------


@every_tree
@pytest.mark.parametrize("mode", ["auto", "projection", "full", "complex"])
@pytest.mark.parametrize("block", [1, 512])
def test_gradients_are_right(kind, mode, block, monkeypatch):
    monkeypatch.setattr(pairs, "PAIRS", block)
    head = new_head(kind)
    gradcheck(TREE, *arrays_of(head), mode=mode, tree=head.tree)


@every_tree
def test_float32_stays_float32_and_is_as_good_as_it_can_be(kind):
    head = new_head(kind, dtype=np.float32)
    arrays = arrays_of(head, np.float32)
    nll, saved = tree_forward(*arrays, tree=head.tree)
    found = tree_backward(DY.astype(np.float32), saved)
    assert {nll.dtype, *(g.dtype for g in found[:3])} == {np.dtype(np.float32)}
    assert head.log_prob(arrays[0], None).dtype == np.float32
    wide = [a.astype(np.float64) if a.dtype == np.float32 else a for a in arrays]
    nll64, saved = tree_forward(*wide, tree=head.tree)
    np.testing.assert_allclose(nll, nll64, rtol=1e-6)
    for a, b in zip(found[:3], tree_backward(DY, saved), strict=False):
        np.testing.assert_allclose(dense(a), dense(b), atol=1e-6)


def dense(gradient):
    return gradient.dense() if isinstance(gradient, RowGradient) else gradient


def test_only_nodes_on_a_path_have_a_gradient():
    head = new_head("balanced")
    h, n, b, _ = arrays_of(head)
    y = np.full(N, 3)
    _, saved = tree_forward(h, n, b, y, tree=head.tree)
    _, dn, db, _ = tree_backward(DY, saved)
    nodes, _, lengths = head.tree.paths
    assert isinstance(dn, RowGradient)
    assert dn.ids.tolist() == sorted(nodes[3, : lengths[3]])
    assert np.flatnonzero(db).tolist() == dn.ids.tolist()


@every_tree
def test_workers_share_the_work_with_the_same_result(kind, monkeypatch):
    monkeypatch.setattr(pairs, "PAIRS", 3)
    head = new_head(kind)
    arrays = arrays_of(head)
    alone, shared = [], []
    with ThreadPoolExecutor(2) as pool:
        for results, work in [(alone, {}), (shared, {"parts": 2, "parallel_map": pool.map})]:
            nll, saved = tree_forward(*arrays, tree=head.tree, **work)
            results += [nll, *map(dense, tree_backward(DY, saved)[:3])]
    for a, b in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(a, b)


def test_errors_name_the_tree():
    head = new_head()
    h, n, b, y = arrays_of(head)
    with pytest.raises(
        ShapeError, match=r"tree: n has shape \(9, 3\), expected .* the tree of"
    ):
        tree_forward(h, n[1:], b, y, tree=head.tree)
    with pytest.raises(ShapeError, match=r"tree: y holds 11 at flat index 0, expected 0 to"):
        tree_forward(h, n, b, y * 0 + V, tree=head.tree)


# -- products of picked rows ---------------------------------------------------------------


@pytest.mark.parametrize("block", [1, 3, 512])
def test_products_of_picked_rows_equal_those_of_matrices(block, monkeypatch):
    monkeypatch.setattr(pairs, "PAIRS", block)
    a, x = rng.standard_normal((6, D)), rng.standard_normal((8, D))
    keys = np.array([0, 0, 1, 3, 3, 3, 5, 5])
    j, weights = np.array([7, 2, 0, 0, 1, 7, 4, 4]), rng.standard_normal(8)
    np.testing.assert_allclose(pairs.dots(a, x, keys, j), (a @ x.T)[keys, j])
    matrix = np.zeros((6, 8))
    np.add.at(matrix, (keys, j), weights)
    found, sums = pairs.weighted_sums(keys, weights, x, j)
    assert found.tolist() == [0, 1, 3, 5]
    np.testing.assert_allclose(sums, (matrix @ x)[found])


# -- planted bugs --------------------------------------------------------------------------


def with_paths(change):
    """The head, with a mistake in the paths that nll and the loss use."""
    head = new_head()
    wrong = Tree(head.tree.children)
    wrong.paths = change(*head.tree.paths)
    head.tree = wrong
    return head


WRONG_PATHS = {
    "the sign is forgotten on the right": lambda n, s, k: (n, np.abs(s), k),
    "left and right are exchanged at the last step": lambda n, s, k: (n, flipped_last(s, k), k),
    "the last node of each path is dropped": lambda n, s, k: (n, s, np.maximum(k - 1, 1)),
    "the ends of short paths are not masked": lambda n, s, k: (n, s, 0 * k + n.shape[1]),
    "paths begin below the root": lambda n, s, k: (np.roll(n, -1, 1), s, k),
}


def flipped_last(signs, lengths):
    signs = signs.copy()
    signs[np.arange(V), lengths - 1] *= -1
    return signs


@pytest.mark.parametrize("mistake", WRONG_PATHS)
def test_a_wrong_path_is_caught(mistake):
    head = with_paths(WRONG_PATHS[mistake])
    off = np.abs(head.nll(H, None, Y) + head.log_prob(H, None)[np.arange(N), Y]).max()
    assert off > 1e-3
    if "exchanged" not in mistake:  # exchanged leaves sum to 1, too
        assert error_of_sum(head) > 1e-3


def with_dz(slope):
    """A backward whose dz is wrong. The sums are right."""

    def backward(dy, saved):
        h, n, row, node, sign, z, _ = saved
        dz = slope(sign, z) * dy[row]
        dh, dn, db = np.zeros_like(h), np.zeros_like(n), np.zeros_like(n[:, 0])
        np.add.at(dh, row, dz[:, None] * n[node])
        np.add.at(dn, node, dz[:, None] * h[row])
        np.add.at(db, node, dz)
        return dh, dn, db, None

    return backward


def changed(change):
    return lambda dy, saved: change(saved, *map(dense, tree_backward(dy, saved)))


WRONG_BACKWARDS = {
    "the sign is flipped on the right": with_dz(lambda s, z: -sigmoid(-s * z)),
    "σ'(z) in place of σ(z)": with_dz(lambda s, z: -s * sigmoid(z) * sigmoid(-z)),
    "σ(s z) in place of σ(-s z)": with_dz(lambda s, z: -s * sigmoid(s * z)),
    "the target of the other side: 1 - p": with_dz(lambda s, z: s * sigmoid(-s * z)),
    "dh is a mean over rows": changed(lambda saved, dh, dn, db, _: (dh / N, dn, db, None)),
    "every row has the first one's dy": lambda dy, saved: tree_backward(0 * dy + dy[0], saved),
    "a mean over steps": changed(
        lambda saved, dh, dn, db, _: (dh, dn / len(saved[2]), db, None)
    ),
    "the bias has no gradient": changed(lambda saved, dh, dn, db, _: (dh, dn, 0 * db, None)),
    "the root has no gradient": changed(
        lambda saved, dh, dn, db, _: (dh, np.vstack([0 * dn[:1], dn[1:]]), db, None)
    ),
    "a node's rows overwrite each other": changed(
        lambda saved, dh, dn, db, _: (dh, last_only(saved), db, None)
    ),
}


def last_only(saved):
    h, n, row, node, sign, z, _ = saved
    dn = np.zeros_like(n)
    dn[node] = (-sign * sigmoid(-sign * z) * DY[row])[:, None] * h[row]
    return dn


def test_the_right_slope_in_the_planted_backward_passes():
    operation = dataclasses.replace(TREE, backward=with_dz(lambda s, z: -s * sigmoid(-s * z)))
    head = new_head()
    gradcheck(operation, *arrays_of(head), tree=head.tree)


@every_tree
@pytest.mark.parametrize("mistake", WRONG_BACKWARDS)
def test_a_wrong_backward_is_caught(mistake, kind):
    head = new_head(kind)
    operation = dataclasses.replace(TREE, backward=WRONG_BACKWARDS[mistake])
    with pytest.raises(GradientError):
        gradcheck(operation, *arrays_of(head), tree=head.tree)
