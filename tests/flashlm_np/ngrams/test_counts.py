"""Counts of n-grams: blocks, merging, sums, continuations, and large keys."""

from collections import Counter

import numpy as np
import pytest

from flashlm_np.ngrams import counts as counts_module
from flashlm_np.ngrams.counts import Counts


def counted(counts):
    """The n-grams as tuples of tokens, with their counts."""
    V, rest = counts.vocab_size, counts.keys
    digits = []
    for _ in range(counts.n):
        rest, digit = np.divmod(rest, V)
        digits.insert(0, digit.tolist())
    grams = list(zip(*digits, strict=True))
    assert np.all(np.diff(counts.keys) > 0)
    return dict(zip(grams, counts.counts().tolist(), strict=True))


def slowly_counted(text, n):
    return Counter(tuple(text[i : i + n].tolist()) for i in range(len(text) - n + 1))


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("block", [1, 2, 3, 19, 20, 21, 1000])
def test_blocks_change_nothing(monkeypatch, block, n):
    text = np.random.default_rng(0).integers(0, 4, 40)
    monkeypatch.setattr(counts_module, "BLOCK", block)
    assert counted(Counts.of(text, n, 4)) == slowly_counted(text, n)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("length", range(5))
def test_short_texts(length, n):
    text = np.array([3, 0, 3, 0])[:length]
    assert counted(Counts.of(text, n, 4)) == slowly_counted(text, n)


def test_keys_of_a_large_vocabulary_in_two_bytes_do_not_overflow():
    text = np.array([50_256, 50_255, 50_256, 50_255, 50_256, 0, 50_256], np.uint16)
    assert counted(Counts.of(text, 3, 50_257)) == slowly_counted(text, 3)


def test_a_text_on_the_disk_is_read_in_blocks(tmp_path, monkeypatch):
    text = np.random.default_rng(0).integers(0, 9, 1000).astype("<u2")
    text.tofile(tmp_path / "tokens.bin")
    monkeypatch.setattr(counts_module, "BLOCK", 64)
    lengths = []

    class Mapped(np.memmap):
        def astype(self, *arguments, **options):
            lengths.append(len(self))
            return np.asarray(self).astype(*arguments, **options)

    mapped = Mapped(tmp_path / "tokens.bin", "<u2", "r")
    assert counted(Counts.of(mapped, 3, 9)) == slowly_counted(text, 3)
    assert max(lengths) == 66  # a block, and the two tokens that its last n-grams need


def test_sums_describe_each_slice():
    text = np.random.default_rng(1).integers(0, 4, 60)
    table = Counts.of(text, 2, 4)
    for start in range(len(table.keys)):
        for stop in range(start, len(table.keys) + 1):
            c = table.counts(start, stop)
            found = table.sums[stop] - table.sums[start]
            assert found.tolist() == [c.sum(), (c == 1).sum(), (c == 2).sum()]


def test_the_n_grams_that_occur_one_to_four_times_are_counted():
    text = np.random.default_rng(2).integers(0, 9, 200)
    times = Counter(slowly_counted(text, 2).values())
    assert Counts.of(text, 2, 9).of_counts == [times[i] for i in (1, 2, 3, 4)]


@pytest.mark.parametrize("n", [2, 3])
def test_continuations_count_the_different_tokens_before(n):
    text = np.random.default_rng(3).integers(0, 5, 90)
    expected = Counter(gram[1:] for gram in set(slowly_counted(text, n)))
    found = Counts.of(text, n, 5).continuations()
    assert (counted(found), found.n) == (expected, n - 1)


def test_places_are_those_of_a_search_in_any_shape():
    table = Counts.of(np.random.default_rng(4).integers(0, 9, 200), 2, 9)
    keys = np.random.default_rng(5).integers(-9, 99, (3, 5, 7))
    np.testing.assert_array_equal(table.places(keys), np.searchsorted(table.keys, keys))


@pytest.mark.parametrize("wrong", [7, -1])
def test_an_id_outside_the_vocabulary_is_an_error(wrong):
    with pytest.raises(ValueError, match="the ids of 7 tokens are 0 to 6, not"):
        Counts.of(np.array([0, 1, wrong, 2, 3]), 2, 7)


def test_a_vocabulary_whose_keys_do_not_fit_is_an_error():
    Counts.of(np.array([0, 1, 2]), 3, 2_097_151)
    with pytest.raises(ValueError, match="3-grams of 2,097,152 tokens do not fit in 64 bits"):
        Counts.of(np.array([0, 1, 2]), 3, 2_097_152)
