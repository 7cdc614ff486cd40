"""Counts that were saved give the same model. Damaged and foreign arrays are refused."""

import re

import numpy as np
import pytest

from flashlm_np.ngrams.kneser_ney import KneserNey

V = 11
TEXT = np.random.default_rng(0).integers(0, 7, 200)


def saved(order=3):
    return KneserNey.count(TEXT, order, V).arrays()


@pytest.mark.parametrize("order", [1, 2, 3])
def test_saved_counts_give_the_same_model(order):
    model = KneserNey.count(TEXT, order, V)
    tokens = np.random.default_rng(1).integers(0, V, (order, 99))
    again = KneserNey.from_arrays(model.arrays())
    assert (again.order, again.vocab_size) == (order, V)
    np.testing.assert_array_equal(again.probability(*tokens), model.probability(*tokens))


def test_an_n_gram_takes_12_bytes():
    arrays = saved()
    assert arrays["keys"].nbytes + arrays["counts"].nbytes == 12 * len(arrays["keys"])


def test_the_counts_of_a_text_without_n_grams_can_be_saved():
    empty = KneserNey.from_arrays(KneserNey.count(TEXT[:2], 3, V).arrays())
    assert empty.probability(0, 1, 2) == pytest.approx(1 / V)


def changed(name, change):
    arrays = saved()
    arrays[name] = change(arrays[name].copy())
    return arrays


def with_entry(array, place, value):
    array[place] = value
    return array


DAMAGED = {
    "no arrays": ({}, "the arrays sizes, keys, counts; found none"),
    "another array": (saved() | {"x": TEXT}, "found counts, keys, sizes, x"),
    "float": (changed("keys", lambda a: a * 1.0), "keys is float64"),
    "two axes": (changed("counts", lambda a: a[None]), "counts is uint32 (1, "),
    "three sizes": (changed("sizes", lambda a: np.append(a, 1)), "sizes is [3, 11, 1]"),
    "order 0": (changed("sizes", lambda a: with_entry(a, 0, 0)), "sizes is [0, 11]"),
    "vocabulary": (changed("sizes", lambda a: with_entry(a, 1, -5)), "sizes is [3, -5]"),
    "too large": (changed("sizes", lambda a: with_entry(a, 1, 1 << 40)), "do not fit in 64"),
    "cut": (changed("keys", lambda a: a[:-1]), "keys, but"),
    "order": (changed("keys", lambda a: a[::-1].copy()), "the keys do not ascend"),
    "twice": (changed("keys", lambda a: with_entry(a, 1, a[0])), "the keys do not ascend"),
    "negative": (changed("keys", lambda a: with_entry(a, 0, -1)), "from 0 to 11^3 - 1"),
    "too high": (changed("keys", lambda a: with_entry(a, -1, V**3)), "from 0 to 11^3 - 1"),
    "no count": (changed("counts", lambda a: with_entry(a, 3, 0)), "occurs 0 times"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_arrays_are_refused_in_a_sentence(name):
    arrays, message = DAMAGED[name]
    with pytest.raises(ValueError, match=re.escape(message)) as refused:
        KneserNey.from_arrays(arrays)
    assert len(str(refused.value)) < 150
