import re
from dataclasses import replace

import numpy as np
import pytest
from hub_server import HubServer
from safetensors.numpy import load_file, save_file

from flashlm_np.data.dataset import Dataset
from flashlm_np.data.prepare import prepare
from flashlm_np.data.sources import Source
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.errors import UserError
from flashlm_np.model.config import V3
from flashlm_np.training import initial_embedding as embeddings
from flashlm_np.training.initial_embedding import (
    from_corpus,
    from_gpt2,
    initial_embedding,
    load_embedding,
    squeeze,
    write_embedding,
)


def wide_table(V=300, C=40):
    """Like GPT-2's: correlated columns, and singular values that fall over three decades."""
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
def test_squeezing_is_the_svd(D):
    X = wide_table()
    U, S, _ = np.linalg.svd(X.astype(np.float64), full_matrices=False)
    got = squeeze(in_blocks(X), D)
    expected = U[:, :D] * S[:D]
    assert got.table.dtype == np.float32
    assert np.abs(up_to_signs(got.table, expected) - expected).max() < 1e-7 * S[0]
    np.testing.assert_allclose(got.singular_values, S, rtol=1e-6)
    assert got.variance_kept == pytest.approx((S[:D] ** 2).sum() / (S**2).sum())


def test_squeezing_says_what_it_kept():
    X = np.zeros((4, 3))
    X[:3] = np.diag([3.0, 2.0, 1.0])
    assert str(squeeze(in_blocks(X), 2)) == (
        "variance kept 92.86%; singular values at the cut (2, 3 of 3): 2.0000, 1.0000"
    )
    assert str(squeeze(in_blocks(X), 3)).endswith("singular value 3 of 3: 1.0000")


def test_the_signs_do_not_depend_on_the_blocks():
    X = wide_table()
    a, b = squeeze(in_blocks(X, 64), 5).table, squeeze(in_blocks(X, 7), 5).table
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


# -- GPT-2's ------------------------------------------------------------


def test_gpt2_is_read_from_the_hub_and_squeezed(tmp_path, monkeypatch):
    X = wide_table()
    folder = tmp_path / "repository"
    folder.mkdir()
    save_file({"wte.weight": X, "h.0.weight": np.ones(10_000)}, folder / "model.safetensors")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    with HubServer() as hub:
        hub.publish("openai-community/gpt2", folder)
        got = from_gpt2(7, endpoint=hub.url)
    np.testing.assert_array_equal(got.table, squeeze(in_blocks(X, 4096), 7).table)
    assert from_gpt2(7, weights=folder / "model.safetensors").table.shape == (300, 7)


def test_gpt2_cannot_be_wider_than_it_is(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"transformer.wte.weight": wide_table()}, path)
    with pytest.raises(UserError, match=r"of shape \(300, 40\) cannot be squeezed to width 41"):
        from_gpt2(41, weights=path)


def test_numbers_that_are_none_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"wte.weight": np.full((5, 4), np.nan, np.float32)}, path)
    with pytest.raises(UserError, match="holds numbers that are not finite"):
        from_gpt2(2, weights=path)


# -- counted from a corpus ------------------------------------------------------------


def information(ids, V, window, smoothing):
    """Positive pointwise mutual information, by its definition, with all tokens as contexts."""
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
    # the columns are in the order of frequency, which the squeezed rows do not depend on
    expected = U[:, :D] * S[:D]
    assert np.abs(up_to_signs(got.table, expected) - expected).max() < 1e-5
    np.testing.assert_array_equal(got.table[V - 1], 0)  # never seen


def test_tokens_in_like_company_are_alike():
    rng = np.random.default_rng(2)
    ids = np.array([t for _ in range(500) for t in (rng.choice([0, 1]), 2, rng.choice([3, 4]))])
    table = from_corpus(ids, 5, 3).table
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    alike = table @ table.T
    assert alike[0, 1] > 0.9 > alike[0, 2]
    assert alike[3, 4] > 0.9 > alike[3, 2]


def test_a_corpus_embedding_has_a_largest_width():
    with pytest.raises(UserError, match="has at most 20 numbers per token, not 21"):
        from_corpus(np.zeros(9, np.uint16), 20, 21)


# -- as the commands ask ------------------------------------------------------------


@pytest.fixture
def few_contexts(monkeypatch):
    """A table of 50 columns is squeezed faster than one of 2,000."""
    monkeypatch.setattr(embeddings, "CONTEXTS", 50)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    text = "The owl looked at the moon, and the moon looked at the owl. " * 60
    (folder / "text.txt").write_text(text)
    out = folder / "tokens"
    prepare(Source((str(folder / "text.txt"),)), Tokenizer.embedded(), out)
    return out


def test_a_written_embedding_can_be_loaded(tmp_path, data, few_contexts):
    out = tmp_path / "embedding.safetensors"
    told = write_embedding("random", out, width=8, vocab_size=2000, std=0.5)
    assert told.startswith("random: standard deviation 0.5, seed 42")
    table = load_embedding(out, 2000, 8)
    assert table.std() == pytest.approx(0.5, rel=0.05)
    assert "variance kept" in write_embedding("corpus", out, width=8, data=str(data), std=0.5)
    table = load_embedding(out, 2000, 8)
    seen = table[table.any(axis=1)]
    assert np.sqrt(np.mean(seen**2)) == pytest.approx(0.5, rel=1e-4)
    assert list(load_file(out)) == ["embedding.weight"]


def test_the_corpus_embedding_does_not_see_validation(tmp_path, data, few_contexts):
    out = tmp_path / "embedding.safetensors"
    write_embedding("corpus", out, width=8, data=str(data))
    ids = np.fromfile(data / "tokens.bin", "<u2")
    expected = from_corpus(ids[: int(0.95 * len(ids))], 2000, 8).table
    ratio = load_embedding(out, 2000, 8)[expected != 0] / expected[expected != 0]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-3)


def test_another_shape_is_refused(tmp_path):
    out = tmp_path / "embedding.safetensors"
    write_embedding("random", out, width=8, vocab_size=30)
    with pytest.raises(UserError, match=re.escape("of shape (30, 8), but --vocab-size and")):
        load_embedding(out, 30, 9)


def test_the_corpus_needs_data(tmp_path):
    with pytest.raises(UserError, match="embed corpus needs --data DIR"):
        write_embedding("corpus", tmp_path / "x")


def test_each_initial_embedding(tmp_path):
    ids = np.random.default_rng(3).integers(0, 29, 500).astype(np.uint16)
    corpus = Dataset("test", ids, ids[:9])
    config = replace(V3, vocab_size=30, d_model=16, embedding_std=0.3)
    tokenizer = Tokenizer.embedded()

    def begin(kind):
        return initial_embedding(replace(config, embedding=kind), corpus, tokenizer)

    assert begin("random") is None
    counted = begin("corpus")
    seen = counted[counted.any(axis=1)]
    assert len(seen) == 29  # the thirtieth never occurs
    assert np.sqrt(np.mean(seen**2)) == pytest.approx(0.11, rel=1e-4)
    path = tmp_path / "embedding.safetensors"
    write_embedding("random", path, width=16, vocab_size=30)
    np.testing.assert_array_equal(begin(str(path)), load_embedding(path, 30, 16))
    with pytest.raises(UserError, match="needs GPT-2's tokens: give --data DIR"):
        begin("gpt2")
    with pytest.raises(UserError, match="cannot read nowhere: No such file"):
        begin("nowhere")
