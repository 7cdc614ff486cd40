import math

import numpy as np
import pytest

from flashlm_np.evaluation.ngrams import baselines


def test_baselines_equal_the_slow_reference():
    rng = np.random.default_rng(0)
    V, train, valid = 11, rng.integers(0, 7, 80), rng.integers(0, 11, 40)  # 4 new tokens
    got = baselines(train, valid, V)

    def witten_bell(after, token, lower):
        different = max(1, len(set(after)))
        return (after.count(token) + different * lower) / (len(after) + different)

    unigram, bigram = [], []
    for u, token in zip(valid[:-1].tolist(), valid[1:].tolist(), strict=True):
        unigram.append(witten_bell(train.tolist(), token, 1 / V))
        after = [
            b for a, b in zip(train[:-1].tolist(), train[1:].tolist(), strict=True) if a == u
        ]
        bigram.append(witten_bell(after, token, unigram[-1]))
    assert got.uniform == math.log(V)
    assert got.unigram == pytest.approx(-np.log(unigram).mean())
    assert got.bigram == pytest.approx(-np.log(bigram).mean())


def test_a_bigram_distribution_sums_to_one():
    train, V = np.array([0, 1, 2, 0, 1, 0, 0, 2]), 5
    for u in range(V):
        losses = [baselines(train, np.array([u, token]), V).bigram for token in range(V)]
        assert sum(math.exp(-loss) for loss in losses) == pytest.approx(1)
