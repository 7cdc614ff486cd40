import re

import numpy as np
import pytest
from safetensors.numpy import save_file

from flashlm_np.errors import UserError
from flashlm_np.training import initial_embedding as embeddings
from flashlm_np.training.initial_embedding import (
    from_corpus,
    load_embedding,
    save_embedding,
    scaled_to_rms,
    truncated_svd,
)


def wide_table(V=300, C=40):
    """Return a table like GPT-2's: correlated columns, singular values over three decades."""
    rng = np.random.default_rng(0)
    scale = np.logspace(2, -1, C)
    table = rng.standard_normal((V, C)) * scale @ rng.standard_normal((C, C))
    return table.astype(np.float32)


def in_blocks(table, size=64):
    blocks = [table[i : i + size].astype(np.float64) for i in range(0, len(table), size)]
    return lambda: iter(blocks)


def up_to_signs(got, expected):
    return got * np.sign((got * expected).sum(axis=0))


@pytest.mark.parametrize("D", [1, 7, 40])
def test_the_truncated_svd_is_the_svd(D):
    X = wide_table()
    U, S, _ = np.linalg.svd(X.astype(np.float64), full_matrices=False)
    got = truncated_svd(in_blocks(X), D)
    expected = U[:, :D] * S[:D]
    assert got.table.dtype == np.float32
    assert np.abs(up_to_signs(got.table, expected) - expected).max() < 1e-7 * S[0]
    np.testing.assert_allclose(got.singular_values, S, rtol=1e-6)
    assert got.variance_kept == pytest.approx((S[:D] ** 2).sum() / (S**2).sum())


def test_the_variance_and_the_values_at_the_cut_are_printed():
    X = np.zeros((4, 3))
    X[:3] = np.diag([3.0, 2.0, 1.0])
    assert str(truncated_svd(in_blocks(X), 2)) == (
        "variance kept 92.86%; singular values at the cut (2, 3 of 3): 2.0000, 1.0000"
    )
    assert str(truncated_svd(in_blocks(X), 3)).endswith("singular value 3 of 3: 1.0000")


def test_the_signs_do_not_depend_on_the_blocks():
    X = wide_table()
    a, b = truncated_svd(in_blocks(X, 64), 5).table, truncated_svd(in_blocks(X, 7), 5).table
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


# -- counted from a corpus ------------------------------------------------------------


def information(ids, V, window, smoothing):
    """Positive pointwise mutual information by its definition; all tokens are contexts."""
    counts = np.zeros((V, V))
    for i, token in enumerate(ids):
        for j in range(max(0, i - window), min(len(ids), i + window + 1)):
            counts[token, ids[j]] += i != j
    p_row = counts.sum(1, keepdims=True) / counts.sum()
    p_column = counts.sum(0) ** smoothing / (counts.sum(0) ** smoothing).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        pmi = np.log(counts / counts.sum() / (p_row * p_column))
    return np.maximum(np.nan_to_num(pmi, neginf=0), 0)


@pytest.mark.parametrize("block", [1 << 20, 50])
def test_the_corpus_embedding_is_the_svd_of_mutual_information(monkeypatch, block):
    monkeypatch.setattr(embeddings, "IDS", block)
    V, D = 20, 6
    ids = np.random.default_rng(1).zipf(1.5, 400).clip(0, V - 2).astype(np.uint16)
    table = information(ids, V, embeddings.WINDOW, embeddings.SMOOTHING)
    U, S, _ = np.linalg.svd(table)
    got = from_corpus(ids, V, D)
    # The order of the columns does not change the reduced rows.
    expected = U[:, :D] * S[:D]
    assert np.abs(up_to_signs(got.table, expected) - expected).max() < 1e-5
    np.testing.assert_array_equal(got.table[V - 1], 0)  # a token that does not occur


def test_tokens_with_similar_neighbours_have_similar_rows():
    rng = np.random.default_rng(2)
    ids = np.array([t for _ in range(500) for t in (rng.choice([0, 1]), 2, rng.choice([3, 4]))])
    table = from_corpus(ids, 5, 3).table
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    cosine = table @ table.T
    assert cosine[0, 1] > 0.9 > cosine[0, 2]
    assert cosine[3, 4] > 0.9 > cosine[3, 2]


def test_a_corpus_embedding_has_a_largest_width():
    with pytest.raises(UserError, match="has at most 20 numbers per token, not 21"):
        from_corpus(np.zeros(9, np.uint16), 20, 21)


# -- in a file ------------------------------------------------------------------------


def test_a_saved_embedding_is_loaded(tmp_path):
    path = tmp_path / "embedding.safetensors"
    table = np.arange(12, dtype=np.float32).reshape(3, 4).T  # not contiguous
    save_embedding(path, table, "a test")
    np.testing.assert_array_equal(load_embedding(path, 4, 3), table)
    with pytest.raises(UserError, match=re.escape("of shape (4, 3), but --vocab-size and")):
        load_embedding(path, 4, 2)


def test_a_file_without_an_embedding_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"x": np.ones(3)}, path)
    with pytest.raises(UserError, match=r"holds no embedding\.weight"):
        load_embedding(path, 4, 3)
    path.write_bytes(b"nonsense")
    with pytest.raises(UserError, match=r"holds no embedding\.weight"):
        load_embedding(path, 4, 3)


def test_only_rows_that_are_not_zero_are_scaled():
    table = np.array([[3.0, -3.0], [0.0, 0.0], [1.0, 1.0]], np.float32)
    scaled = scaled_to_rms(table, 0.5)
    assert np.sqrt(np.mean(scaled[[0, 2]] ** 2)) == pytest.approx(0.5, rel=1e-6)
    np.testing.assert_array_equal(scaled[1], 0)
    np.testing.assert_array_equal(scaled_to_rms(np.zeros((2, 3)), 0.5), 0)
