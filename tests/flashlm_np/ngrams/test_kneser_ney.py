"""Kneser-Ney: sums of 1, a slow reference, deleted occurrences, numbers by hand, bugs."""

from collections import Counter, defaultdict
from fractions import Fraction

import numpy as np
import pytest

from flashlm_np.ngrams import kneser_ney
from flashlm_np.ngrams.counts import Counts
from flashlm_np.ngrams.kneser_ney import KneserNey
from flashlm_np.ngrams.level import SHORT_TEXT, Level, discounts

V = 31
RNG = np.random.default_rng(0)
TEXT = (23 * RNG.random(1500) ** 3).astype(int)  # 8 tokens of the vocabulary are never seen
TEXT[-2:] = 24, 25  # the last two stand nowhere else: nothing follows them
GRAMS = list(zip(*(TEXT[i : len(TEXT) - 2 + i].tolist() for i in range(3)), strict=True))
ONCE = [gram for gram in GRAMS if GRAMS.count(gram) == 1]


class Slow:
    """The same probabilities from dictionaries, with nothing shared with KneserNey."""

    def __init__(self, grams, discounts):
        """discounts: of the longest n-grams first, each by the count, 3 for 3 and more."""
        self.discounts, self.tables = discounts, []
        for _ in discounts:
            table = defaultdict(Counter)
            for gram in grams:
                table[gram[:-1]][gram[-1]] += 1
            self.tables.append(table)
            grams = [gram[1:] for gram in set(grams)]

    def p(self, *gram):
        if not gram:
            return Fraction(1, V)
        *context, token = gram
        after, lower = self.tables[-len(gram)][tuple(context)], self.p(*gram[1:])
        D = [Fraction(float(d)) for d in self.discounts[-len(gram)]]
        mass, c = sum(D[min(c, 3)] for c in after.values()), after[token]
        n = sum(after.values())
        return (c - D[min(c, 3)] + mass * lower) / n if n else lower

    def context_counts(self, *context):
        counts = []
        for n in range(len(context)):
            after = +self.tables[n][context[n:]]
            counts += [sum(after.values()), len(after)]
        return counts


def model():
    return KneserNey.count(TEXT, 3, V)


def discounts_of(trigram):
    return [level.discounts for level in trigram.levels]


def some_grams(number=150):
    """Seen and unseen trigrams, and trigrams whose context is seen."""
    rng = np.random.default_rng(1)
    seen = [GRAMS[i] for i in rng.integers(0, len(GRAMS), number)]
    others = [(u, v, w) for (u, v, _), w in zip(seen, rng.integers(0, V, number), strict=True)]
    return [*seen, *others, *map(tuple, rng.integers(0, V, (number, 3)))]


def check_sums(trigram):
    u, v = np.divmod(np.arange(V * V), V)  # all contexts, seen and unseen
    p = trigram.probability(u[:, None], v[:, None], np.arange(V))
    assert np.abs(p.sum(axis=1) - 1).max() < 1e-9
    assert p.min() > 0


def check_reference(trigram):
    slow, grams = Slow(GRAMS, discounts_of(trigram)), some_grams()
    expected = [float(slow.p(*map(int, gram))) for gram in grams]
    assert trigram.probability(*np.array(grams).T) == pytest.approx(expected, rel=1e-12)


def check_left_out(trigram):
    """Against a new count of the trigrams, one of which was deleted once."""
    for gram in [*ONCE[:15], *GRAMS[:15]]:
        rest = GRAMS.copy()
        rest.remove(gram)
        slow = Slow(rest, discounts_of(trigram))
        p = trigram.probability(*gram, left_out=True)
        assert p == pytest.approx(float(slow.p(*gram)), rel=1e-12)
        counts = trigram.context_counts(*gram[:2], left_out=gram[2])
        assert counts.tolist() == slow.context_counts(*gram[:2])


def test_each_row_sums_to_one():
    check_sums(model())


def test_each_probability_is_that_of_the_slow_reference():
    check_reference(model())


def test_a_left_out_occurrence_is_as_if_it_were_deleted():
    check_left_out(model())
    assert len(ONCE) > 20


def test_the_row_of_a_left_out_occurrence_is_that_of_the_reference():
    trigram = model()
    for gram in [*ONCE[:2], *GRAMS[:3]]:
        rest = GRAMS.copy()
        rest.remove(gram)
        slow, row = Slow(rest, discounts_of(trigram)), trigram.row(*gram[:2], left_out=gram[2])
        expected = [float(slow.p(*gram[:2], w)) for w in range(V)]
        np.testing.assert_allclose(row, expected, rtol=1e-12)
        assert abs(row.sum() - 1) < 1e-12


def test_the_last_occurrence_that_is_left_out_leaves_nothing():
    a, b, c = 0, 1, 2
    trigram = KneserNey.count(np.array([a, b, c]), 3, 4)
    assert trigram.probability(a, b, c) > 0.4
    assert trigram.probability(a, b, c, left_out=True) == 1 / 4
    assert trigram.context_counts(a, b, left_out=c).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_each_order_is_that_of_the_reference(order):
    grams = list(zip(*(TEXT[i : len(TEXT) - order + 1 + i] for i in range(order)), strict=True))
    found = KneserNey.count(TEXT.astype(np.uint16), order, V)
    slow = Slow(grams, discounts_of(found))
    for gram in grams[:40]:
        assert found.probability(*gram) == pytest.approx(float(slow.p(*gram)), rel=1e-12)


def test_an_unknown_token_leaves_the_decision_to_the_shorter_context():
    trigram = model()
    slow, w = Slow(GRAMS, discounts_of(trigram)), np.arange(V)
    for v in range(V):
        expected = [float(slow.p(v, w)) for w in range(V)]
        np.testing.assert_allclose(trigram.probability(-1, v, w), expected, rtol=1e-12)
    expected = [float(slow.p(w)) for w in range(V)]
    for u in (-1, 0, 5):
        np.testing.assert_allclose(trigram.probability(u, -1, w), expected, rtol=1e-12)
        np.testing.assert_allclose(trigram.row(u, -1), expected, rtol=1e-12)
    assert trigram.context_counts(-1, 3)[:2].tolist() == [0, 0]
    assert trigram.probability(-1, 3, 2, left_out=True) < trigram.probability(-1, 3, 2)


def test_a_row_has_the_probability_of_every_token():
    trigram, w = model(), np.arange(V)
    for u, v in np.random.default_rng(2).integers(0, V, (50, 2)):
        expected = trigram.probability(u, v, w)
        np.testing.assert_allclose(trigram.row(u, v), expected, rtol=1e-12)


def test_rows_of_a_large_vocabulary_sum_to_one():
    rng, large = np.random.default_rng(1), 50_257
    text = (large * rng.random(30_000) ** 6).astype(np.uint16)
    trigram = KneserNey.count(text, 3, large)
    seen = [text[i : i + 2] for i in (0, 700, len(text) - 3, len(text) - 2)]
    for u, v in [*seen, *rng.integers(0, large, (4, 2)), (large - 1, large - 1)]:
        assert abs(trigram.row(u, v).sum() - 1) < 1e-9


def test_both_answers_of_one_search_are_those_of_two():
    trigram, (u, v, w) = model(), np.array(some_grams()).T
    p, counts = trigram.probability_and_counts(u, v, w)
    np.testing.assert_array_equal(p, trigram.probability(u, v, w))
    np.testing.assert_array_equal(counts, trigram.context_counts(u, v))
    u, v, w = np.array(GRAMS[:99]).T
    p, counts = trigram.probability_and_counts(u, v, w, left_out=True)
    np.testing.assert_array_equal(p, trigram.probability(u, v, w, left_out=True))
    np.testing.assert_array_equal(counts, trigram.context_counts(u, v, left_out=w))


def test_numbers_by_hand():
    """The text a b a b b a b, and a token c that is never seen; D is (1/2, 1, 3/2).

    Trigrams: aba, abb, bab twice, bba. Continuations: ab 1, ba 2, bb 1; a 1, b 2.
    """
    a, b, c = range(3)
    trigram = KneserNey.count(np.array([a, b, a, b, b, a, b]), 3, 3)
    w = np.array([a, b, c])
    none = np.array([1 / 2, 1, 0]) / 3 + (1 / 2 + 1) / 3 / 3  # n = 3
    after_a = np.array([0, 1 / 2, 0]) + 1 / 2 * none  # n = 1
    after_b = np.array([1, 1 / 2, 0]) / 3 + (1 + 1 / 2) / 3 * none  # n = 3
    after_ab = np.array([1 / 2, 1 / 2, 0]) / 2 + 1 / 2 * after_b  # n = 2
    after_ba = np.array([0, 1, 0]) / 2 + 1 / 2 * after_a  # n = 2
    after_bb = np.array([1 / 2, 0, 0]) + 1 / 2 * after_b  # n = 1
    for context, expected in (
        ((a, b), after_ab),
        ((b, a), after_ba),
        ((b, b), after_bb),
        ((a, a), after_a),
        ((c, b), after_b),
        ((a, c), none),
    ):
        assert trigram.probability(*context, w) == pytest.approx(expected, rel=1e-14)


def test_discounts_by_hand():
    """Y = 60 / (60 + 2·30) = 1/2."""
    assert discounts([60, 30, 16, 10]) == (0.5, 2 - 3 / 2 * 16 / 30, 3 - 2 * 10 / 16)


@pytest.mark.parametrize("place", range(4))
def test_a_count_of_counts_that_is_zero_gives_the_discounts_of_a_short_text(place):
    counts = [60, 30, 16, 10]
    counts[place] = 0
    assert discounts(counts) == SHORT_TEXT


@pytest.mark.parametrize("counts", [[10, 1, 9, 1], [10, 10, 1, 9]])
def test_a_discount_below_zero_gives_those_of_a_short_text(counts):
    assert discounts(counts) == SHORT_TEXT


@pytest.mark.parametrize("length", range(9))
def test_a_short_text_has_rows_that_sum_to_one(length):
    trigram = KneserNey.count(np.array([0, 1, 0, 1, 1, 0, 1, 2, 2])[:length], 3, 4)
    rows = trigram.probability(
        *np.meshgrid(*[np.arange(-1, 4)] * 2), np.arange(4)[:, None, None]
    )
    assert np.abs(rows.sum(axis=0) - 1).max() < 1e-12
    assert rows.min() > 0


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ((1, 2), "2 tokens for n-grams of 3"),
        ((1, 2, V), f"tokens are 0 to {V - 1}, not {V} to {V}"),
        ((1, 2, [3, -1]), f"tokens are 0 to {V - 1}, not -1 to 3"),
        ((1, -2, 3), f"tokens are -1 to {V - 1}, not -2 to -2"),
    ],
)
def test_wrong_tokens_are_refused(tokens, message):
    with pytest.raises(ValueError, match=message):
        model().probability(*tokens)


def raw_counts(counts):
    """The shorter n-grams are counted by their occurrences."""
    return Counts.of(TEXT, counts.n - 1, V)


def first_token_kept(counts):
    """The last token is taken off in place of the first."""
    keys, times = np.unique(counts.keys // V, return_counts=True)
    return Counts.from_keys(counts.n - 1, V, keys, times)


def one_discount(level, count):
    return level.discounts[np.minimum(count, 1)]


def no_discount(level, count):
    return 0 * level.discounts[np.minimum(count, 3)]


def weight_of_one(seen):
    return np.where(seen.total > 0, 1 / np.maximum(seen.total, 1), 1.0)


def weight_of_an_unseen_context(seen):
    return seen.mass / np.maximum(seen.total, 1)


def changed_seen(**changes):
    """A `look_up` with wrong parts, each made from the right one and that of all counts."""
    right = Level.look_up

    def look_up(level, context, token, less):
        seen, every = right(level, context, token, less), right(level, context, token, 0 * less)
        parts = {name: change(seen, every) for name, change in changes.items()}
        return type(seen)(**vars(seen) | parts)

    return look_up


BUGS = {  # what is replaced, and which checks still pass: of sums, of p, of p left out
    "raw counts": (Counts, "continuations", raw_counts, (True, False, False)),
    "first token kept": (Counts, "continuations", first_token_kept, (True, False, False)),
    "one discount": (Level, "discount", one_discount, (False, False, False)),
    "no discount": (Level, "discount", no_discount, (False, False, False)),
    "weight of one": (kneser_ney.Seen, "weight", property(weight_of_one), (False,) * 3),
    "unseen": (
        kneser_ney.Seen,
        "weight",
        property(weight_of_an_unseen_context),
        (False, False, False),
    ),
    "count kept": (Level, "look_up", changed_seen(count=lambda s, e: e.count), (1, 1, 0)),
    "total kept": (Level, "look_up", changed_seen(total=lambda s, e: e.total), (1, 1, 0)),
    "mass kept": (Level, "look_up", changed_seen(mass=lambda s, e: e.mass), (1, 1, 0)),
    "never less below": (Level, "look_up", changed_seen(less=lambda s, e: e.less), (1, 1, 0)),
    "always less below": (
        Level,
        "look_up",
        changed_seen(less=lambda s, e: (e.count > s.count) | s.less),
        (1, 1, 0),
    ),
    "different kept": (
        Level,
        "look_up",
        changed_seen(different=lambda s, e: e.different),
        (1, 1, 0),
    ),
}
CHECKS = (check_sums, check_reference, check_left_out)


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bugs_are_caught(monkeypatch, bug):
    where, name, wrong, passes = BUGS[bug]
    monkeypatch.setattr(where, name, wrong)
    trigram = model()
    for check, right in zip(CHECKS, passes, strict=True):
        if right:
            check(trigram)
        else:
            with pytest.raises(AssertionError):
                check(trigram)
