"""Counts of n-grams: blocks, merging, contexts that are left out, and large keys."""

from collections import Counter

import numpy as np
import pytest

from flashlm_np.evaluation import ngram_counts
from flashlm_np.evaluation.ngram_counts import Counts


def counted(counts, n):
    """The n-grams as tuples of tokens, with their counts."""
    V, rest = counts.vocab_size, counts.keys
    digits = []
    for _ in range(n):
        rest, digit = np.divmod(rest, V)
        digits.insert(0, digit.tolist())
    grams = list(zip(*digits, strict=True))
    assert np.all(np.diff(counts.keys) > 0)
    return dict(zip(grams, np.diff(counts.sums).tolist(), strict=True))


def slowly_counted(text, n):
    return Counter(tuple(text[i : i + n].tolist()) for i in range(len(text) - n + 1))


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("block", [1, 2, 3, 19, 20, 21, 1000])
def test_blocks_change_nothing(monkeypatch, block, n):
    text = np.random.default_rng(0).integers(0, 4, 40)
    monkeypatch.setattr(ngram_counts, "BLOCK", block)
    assert counted(Counts.of(text, n, 4), n) == slowly_counted(text, n)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("length", range(5))
def test_short_texts(length, n):
    text = np.array([3, 0, 3, 0])[:length]
    assert counted(Counts.of(text, n, 4), n) == slowly_counted(text, n)


def test_keys_of_a_large_vocabulary_in_two_bytes_do_not_overflow():
    text = np.array([50_256, 50_255, 50_256, 50_255, 50_256, 0, 50_256], np.uint16)
    assert counted(Counts.of(text, 3, 50_257), 3) == slowly_counted(text, 3)


def test_a_text_on_the_disk_is_read_in_blocks(tmp_path, monkeypatch):
    text = np.random.default_rng(0).integers(0, 9, 1000).astype("<u2")
    text.tofile(tmp_path / "tokens.bin")
    monkeypatch.setattr(ngram_counts, "BLOCK", 64)
    lengths = []

    class Mapped(np.memmap):
        def astype(self, *arguments, **options):
            lengths.append(len(self))
            return np.asarray(self).astype(*arguments, **options)

    mapped = Mapped(tmp_path / "tokens.bin", "<u2", "r")
    assert counted(Counts.of(mapped, 3, 9), 3) == slowly_counted(text, 3)
    assert max(lengths) == 66  # a block, and the two tokens that its last n-grams need


@pytest.mark.parametrize("contexts", [[], [5], [0, 6, 7], list(range(16))])
@pytest.mark.parametrize("block", [5, 1000])
def test_only_some_contexts_are_kept(monkeypatch, contexts, block):
    text = np.random.default_rng(1).integers(0, 4, 60)
    monkeypatch.setattr(ngram_counts, "BLOCK", block)
    some = counted(Counts.of(text, 3, 4, np.array(contexts, np.int64)), 3)
    every = slowly_counted(text, 3)
    assert some == {gram: c for gram, c in every.items() if gram[0] * 4 + gram[1] in contexts}


@pytest.mark.parametrize("wrong", [7, -1])
def test_an_id_outside_the_vocabulary_is_an_error(wrong):
    with pytest.raises(ValueError, match="the ids of 7 tokens are 0 to 6, not"):
        Counts.of(np.array([0, 1, wrong, 2, 3]), 2, 7)


def test_a_vocabulary_whose_keys_do_not_fit_is_an_error():
    Counts.of(np.array([0, 1, 2]), 3, 2_097_151)
    with pytest.raises(ValueError, match="3-grams of 2,097,152 tokens do not fit in 64 bits"):
        Counts.of(np.array([0, 1, 2]), 3, 2_097_152)
