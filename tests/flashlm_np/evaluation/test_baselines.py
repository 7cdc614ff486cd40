"""The counted baselines of a run: n-grams of the training tokens, scored on others."""

import math

import numpy as np
import pytest

from flashlm_np.evaluation import baselines as module
from flashlm_np.evaluation.baselines import baselines
from flashlm_np.ngrams.kneser_ney import KneserNey

V = 13
RNG = np.random.default_rng(0)
TRAIN = np.cumsum(RNG.integers(1, 4, 600)) % 7  # 6 tokens of the vocabulary are never seen
VALID = np.concatenate([[8, 9], np.cumsum(RNG.integers(1, 4, 60)) % 7])


@pytest.mark.parametrize("block", [1, 7, 60, 61, 1000])
def test_baselines_are_the_mean_losses_of_the_tokens_after_the_first(monkeypatch, block):
    monkeypatch.setattr(module, "BLOCK", block)
    got, text = baselines(TRAIN, VALID.astype(np.uint16), V), [-1, *VALID.tolist()]
    assert got.uniform == math.log(V)
    for name, n in (("unigram", 1), ("bigram", 2), ("trigram", 3)):
        grams = KneserNey.count(TRAIN, n, V)
        p = [grams.probability(*text[i - n + 1 : i + 1]) for i in range(2, len(text))]
        assert getattr(got, name) == pytest.approx(-np.log(p).mean(), rel=1e-12)
    assert got.trigram < got.unigram < got.uniform


def test_one_scored_token_has_baselines():
    got = baselines(TRAIN, VALID[-2:], V)
    assert all(0 < loss < 5 for loss in (got.unigram, got.bigram, got.trigram))


@pytest.mark.parametrize("length", [0, 1, 2])
def test_a_text_too_short_for_trigrams_has_baselines(length):
    got = baselines(TRAIN[:length], VALID, V)
    assert all(0 < loss < 5 for loss in (got.unigram, got.bigram, got.trigram))
