from dataclasses import replace

import numpy as np
import pytest

from flashlm_np.api import TINY
from flashlm_np.data.dataset import Dataset, DataSource
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.errors import UserError
from flashlm_np.model.presets import V3
from flashlm_np.start_run import initial_embedding, start_run
from flashlm_np.training.initial_embedding import save_embedding


def test_each_kind_of_initial_embedding(tmp_path):
    ids = np.random.default_rng(3).integers(0, 29, 500).astype(np.uint16)
    dataset = Dataset("test", ids, ids[:9])
    config = replace(V3, vocab_size=30, d_model=16, embedding_std=0.3)
    tokenizer = Tokenizer.embedded()

    def table(kind):
        return initial_embedding(replace(config, embedding=kind), dataset, tokenizer)

    assert table("random") is None
    counted = table("corpus")
    used = counted[counted.any(axis=1)]
    assert len(used) == 29  # token 29 does not occur
    assert np.sqrt(np.mean(used**2)) == pytest.approx(0.11, rel=1e-4)
    path, saved = tmp_path / "embedding.safetensors", np.ones((30, 16), np.float32)
    save_embedding(path, saved, "ones")
    np.testing.assert_array_equal(table(str(path)), saved)
    with pytest.raises(UserError, match="needs GPT-2's tokens: give --data DIR"):
        table("gpt2")
    with pytest.raises(
        UserError, match="nowhere, which is no file, and none of random, corpus, gpt2"
    ):
        table("nowhere")


def test_a_run_in_the_folder_of_its_texts_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("The owl slept. " * 100)
    for out in (tmp_path, tmp_path / "runs" / "one"):
        run = start_run(TINY, DataSource.at([tmp_path]), out)
        with pytest.raises(UserError, match="is in the folder that is read; choose"), run:
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_texts_that_are_left_out_are_told(tmp_path, capsys):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text("The owl slept. " * 100)
    (folder / "b.docx").write_bytes(b"PK")
    with start_run(TINY, DataSource.at([folder]), tmp_path / "run"):
        assert "skipped 1 other files (b.docx)\n" in capsys.readouterr().out
