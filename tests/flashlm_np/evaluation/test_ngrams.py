"""Interpolated n-grams: sums of 1, a slow reference, numbers by hand, planted bugs."""

import math
from fractions import Fraction

import numpy as np
import pytest

from flashlm_np.evaluation import ngram_counts
from flashlm_np.evaluation.ngrams import NGrams, baselines

V = 13
RNG = np.random.default_rng(0)
TRAIN = RNG.integers(0, 7, 150)  # 6 tokens of the vocabulary are never seen
TRAIN[-2:] = 8, 9  # the last two stand nowhere else: nothing follows them
VALID = np.concatenate([[8, 9, 9, 8], RNG.integers(0, V, 60), [8, 9]])


class Slow:
    """The same probabilities from lists of followers, with nothing shared with NGrams."""

    def __init__(self, train, V):
        self.train, self.V = list(map(int, train)), V

    def p(self, token, *context):
        lower = self.p(token, *context[1:]) if context else Fraction(1, self.V)
        n, text = len(context), self.train
        after = [text[i + n] for i in range(len(text) - n) if text[i : i + n] == [*context]]
        t = max(1, len(set(after)))
        return (after.count(token) + t * lower) / (len(after) + t)


def every_context():
    return np.divmod(np.arange(V * V), V)  # seen and unseen


def check_sums(grams):
    u, v = every_context()
    w = np.arange(V)
    assert np.abs(grams.unigram(w).sum() - 1) < 1e-9
    assert np.abs(grams.bigram(w[:, None], w).sum(axis=1) - 1).max() < 1e-9
    assert np.abs(grams.trigram(u[:, None], v[:, None], w).sum(axis=1) - 1).max() < 1e-9


def check_reference(grams):
    slow, (u, v) = Slow(TRAIN, V), every_context()
    w = RNG.integers(0, V, len(u))
    expected = [
        float(slow.p(*of)) for of in zip(w.tolist(), u.tolist(), v.tolist(), strict=True)
    ]
    assert grams.trigram(u, v, w) == pytest.approx(expected, rel=1e-12)


def test_each_distribution_sums_to_one():
    check_sums(NGrams.count(TRAIN, V))


def test_each_probability_is_that_of_the_slow_reference():
    check_reference(NGrams.count(TRAIN, V))


def test_a_row_has_the_trigram_of_every_token():
    grams, w = NGrams.count(TRAIN.astype(np.uint16), V), np.arange(V)
    for u, v in zip(*every_context(), strict=True):
        row = grams.row(u.astype(np.uint16), v.astype(np.uint16))
        np.testing.assert_array_equal(row, grams.trigram(u, v, w))
        assert row.dtype == np.float64
        assert row.min() > 0


def test_rows_of_a_large_vocabulary_sum_to_one():
    rng = np.random.default_rng(1)
    large = 50_257
    train = (large * rng.random(3000) ** 6).astype(np.uint16)
    grams = NGrams.count(train, large)
    seen = [train[i : i + 2] for i in (0, 700, len(train) - 3, len(train) - 2)]
    for u, v in [*seen, *rng.integers(0, large, (4, 2)), (large - 1, large - 1)]:
        assert abs(grams.row(u, v).sum() - 1) < 1e-9


def test_numbers_by_hand():
    """The text a b a b b, and a token c that is never seen."""
    a, b, c = range(3)
    grams, w = NGrams.count(np.array([a, b, a, b, b]), 3), np.array([a, b, c])
    for found, expected, part in (
        (grams.unigram(w), [8, 11, 2], 21),  # n = 5, t = 2
        (grams.bigram(a, w), [8, 53, 2], 63),  # b, b: n = 2, t = 1
        (grams.bigram(b, w), [37, 43, 4], 84),  # a, b: n = 2, t = 2
        (grams.bigram(c, w), [8, 11, 2], 21),  # nothing
        (grams.trigram(a, b, w), [79, 85, 4], 168),  # a, b: n = 2, t = 2
        (grams.trigram(b, a, w), [4, 58, 1], 63),  # b: n = 1, t = 1
        (grams.trigram(b, b, w), [37, 43, 4], 84),  # nothing: the end of the text
        (grams.trigram(c, a, w), [8, 53, 2], 63),  # nothing: never seen
    ):
        assert found == pytest.approx(np.array(expected) / part, rel=1e-14)


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_baselines_equal_the_slow_reference(monkeypatch, block):
    monkeypatch.setattr(ngram_counts, "BLOCK", block)
    got, slow, text = baselines(TRAIN, VALID, V), Slow(TRAIN, V), VALID.tolist()
    for name, n in (("unigram", 0), ("bigram", 1), ("trigram", 2)):
        losses = [
            -math.log(slow.p(text[i], *text[max(0, i - n) : i])) for i in range(1, len(text))
        ]
        assert getattr(got, name) == pytest.approx(np.mean(losses), rel=1e-12)
    assert got.uniform == math.log(V)


def test_losses_need_only_the_trigrams_of_the_scored_contexts():
    every, some = NGrams.count(TRAIN, V), NGrams.count(TRAIN, V, scored=VALID[:9])
    np.testing.assert_array_equal(every.losses(VALID[:9]), some.losses(VALID[:9]))
    assert 0 < len(some.triples.keys) < len(every.triples.keys)


def test_one_scored_token_has_no_trigram():
    got = baselines(TRAIN, VALID[-2:], V)
    assert got.trigram == got.bigram == pytest.approx(-math.log(Slow(TRAIN, V).p(9, 8)))


@pytest.mark.parametrize("length", [0, 1, 2])
def test_a_text_too_short_for_trigrams_has_baselines(length):
    got = baselines(TRAIN[:length], VALID, V)
    assert all(0 < loss < 5 for loss in (got.unigram, got.bigram, got.trigram))


def witten_bell(counts, context, token, lower, of=None):
    """`Counts.interpolate`, whose n and t may be those `of` other counts and context."""
    others, other = of or (counts, context)
    t, n = others._between(other * V, other * V + V)
    _, c = counts._between(context * V + token, context * V + token + 1)
    weight = np.maximum(t, 1)
    return (c + weight * lower) / (n + weight)


def right(grams, u, v, w):
    return witten_bell(grams.triples, u * V + v, w, grams.bigram(v, w))


def denominator_of_the_bigram(grams, u, v, w):
    of = grams.pairs, v
    return witten_bell(grams.triples, u * V + v, w, grams.bigram(v, w), of)


def context_the_wrong_way_round(grams, u, v, w):
    return witten_bell(grams.triples, v * V + u, w, grams.bigram(v, w))


def falls_back_on_the_first_token(grams, u, v, w):
    return witten_bell(grams.triples, u * V + v, w, grams.bigram(u, w))


def falls_back_on_the_unigram(grams, u, v, w):
    return witten_bell(grams.triples, u * V + v, w, grams.unigram(w))


def n_includes_the_end_of_the_text(grams, u, v, w):
    """The last pair of the text is counted as a context, although no token follows it."""
    t, n = grams.triples._between((u * V + v) * V, (u * V + v + 1) * V)
    _, n = grams.pairs._between(u * V + v, u * V + v + 1)
    _, c = grams.triples._between((u * V + v) * V + w, (u * V + v) * V + w + 1)
    weight = np.maximum(t, 1)
    return (c + weight * grams.bigram(v, w)) / (n + weight)


def one_lower_for_each_context(grams, u, v, w):
    """Weight 1 in place of t, in the numerator only."""
    t, n = grams.triples._between((u * V + v) * V, (u * V + v + 1) * V)
    _, c = grams.triples._between((u * V + v) * V + w, (u * V + v) * V + w + 1)
    return (c + grams.bigram(v, w)) / (n + np.maximum(t, 1))


SUM_TO_ONE = [
    context_the_wrong_way_round,
    falls_back_on_the_first_token,
    falls_back_on_the_unigram,
]
DO_NOT = [denominator_of_the_bigram, n_includes_the_end_of_the_text, one_lower_for_each_context]


@pytest.mark.parametrize("bug", [right, *SUM_TO_ONE, *DO_NOT])
def test_planted_bugs_are_caught(monkeypatch, bug):
    grams = NGrams.count(TRAIN, V)
    monkeypatch.setattr(NGrams, "trigram", bug)
    for check, passes in ((check_sums, bug not in DO_NOT), (check_reference, bug is right)):
        if passes:
            check(grams)
        else:
            with pytest.raises(AssertionError):
                check(grams)
