"""`flashlm embed` writes initial embeddings."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from flashlm_np.cli import main
from flashlm_np.data.prepare import prepare
from flashlm_np.data.sources import DocumentSource
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.training import initial_embedding as embeddings
from flashlm_np.training.initial_embedding import from_corpus, load_embedding


@pytest.fixture
def few_contexts(monkeypatch):
    """Count 50 contexts instead of 2,000, for a fast SVD."""
    monkeypatch.setattr(embeddings, "CONTEXTS", 50)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    text = "The owl looked at the moon, and the moon looked at the owl. " * 60
    (folder / "text.txt").write_text(text)
    out = folder / "tokens"
    prepare(DocumentSource((str(folder / "text.txt"),)), Tokenizer.embedded(), out)
    return out


def embed(kind, out, *options):
    return main(["embed", kind, "--out", str(out), "--width", "8", *options])


def test_random_numbers_have_the_standard_deviation(tmp_path, capsys):
    out = tmp_path / "embedding.safetensors"
    assert embed("random", out, "--vocab-size", "2000", "--std", "0.5") == 0
    assert capsys.readouterr().out == (
        f"random: standard deviation 0.5, seed 42\n{out} holds 2,000 x 8 numbers\n"
    )
    assert load_embedding(out, 2000, 8).std() == pytest.approx(0.5, rel=0.05)


def test_a_corpus_embedding_has_the_root_mean_square(tmp_path, capsys, data, few_contexts):
    out = tmp_path / "embedding.safetensors"
    assert embed("corpus", out, "--data", str(data), "--std", "0.5") == 0
    first, *_ = printed = capsys.readouterr().out.splitlines()
    assert first == "Counting the tokens' neighbours ..."
    assert "variance kept" in printed[1]
    table = load_embedding(out, 2000, 8)
    used = table[table.any(axis=1)]
    assert np.sqrt(np.mean(used**2)) == pytest.approx(0.5, rel=1e-4)
    assert list(load_file(out)) == ["embedding.weight"]


def test_a_corpus_embedding_does_not_use_the_validation_part(tmp_path, data, few_contexts):
    out = tmp_path / "embedding.safetensors"
    assert embed("corpus", out, "--data", str(data)) == 0
    ids = np.fromfile(data / "tokens.bin", "<u2")
    expected = from_corpus(ids[: int(0.95 * len(ids))], 2000, 8).table
    ratio = load_embedding(out, 2000, 8)[expected != 0] / expected[expected != 0]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-3)


def test_a_corpus_embedding_needs_data(tmp_path, capsys):
    assert embed("corpus", tmp_path / "x") == 1
    assert "embed corpus needs --data DIR" in capsys.readouterr().err
