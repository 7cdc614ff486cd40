"""The BPE trainer against a slow reference, and its errors."""

import doctest
import re
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flashlm_np.data.tokenizers import merges as bpe
from flashlm_np.data.tokenizers.vocab_file import parse_vocab

quick = settings(derandomize=True, deadline=None, max_examples=60)
# The texts have few letters, so pairs repeat, overlap ("aaa") and tie often.
texts_of_few_letters = st.lists(st.text("ab é", max_size=12), min_size=1, max_size=8)


def slow_train(texts, vocab_size):
    """The documented algorithm, which counts all pairs again before each merge."""
    words = [
        list(word.encode()) for text in texts for word in bpe.count_words([text]).elements()
    ]
    tokens = [bytes([b]) for b in range(256)]
    while len(tokens) < vocab_size:
        totals = Counter(pair for word in words for pair in pairwise(word))
        if not totals:
            break
        a, b = min(totals, key=lambda pair: (-totals[pair], pair))
        words = [bpe.merge(word, (a, b), len(tokens)) for word in words]
        tokens.append(tokens[a] + tokens[b])
    return tokens


def test_the_worked_examples():
    assert doctest.testmod(bpe) == (0, 4)


@quick
@given(texts_of_few_letters)
def test_equals_the_slow_reference_and_learns_no_token_twice(texts):
    tokens = slow_train(texts, vocab_size=300)
    assert len(set(tokens)) == len(tokens)
    if any(texts):
        assert list(bpe.train_bpe(texts, len(tokens)).items()) == [
            (token, rank) for rank, token in enumerate(tokens)
        ]


def test_starts_with_the_single_bytes_and_every_merge_joins_two_earlier_tokens():
    vocab = bpe.train_bpe(["the cat and the dog and the hen"], 270)
    tokens = list(vocab)
    assert list(vocab.values()) == list(range(270))
    assert tokens[:256] == [bytes([b]) for b in range(256)]
    for n, token in enumerate(tokens[256:], start=256):
        earlier = set(tokens[:n])
        assert any(token[:i] in earlier and token[i:] in earlier for i in range(1, len(token)))


def test_the_order_of_the_texts_does_not_matter():
    texts = ["so she sang a song", "the sea is so calm", "sing, said the sailor"]
    assert bpe.train_bpe(texts, 275) == bpe.train_bpe(reversed(texts), 275)


def test_a_tie_goes_to_the_smaller_ids():
    assert list(bpe.train_bpe(["yz", "ab", "az"], 258))[256:] == [b"ab", b"az"]
    # "bc" and "ab" both occur twice; merging "ab" first leaves no "bc" behind.
    assert list(bpe.train_bpe(["abc abc"], 258))[256:] == [b"ab", b"abc"]


def test_overlapping_pairs_merge_from_the_left():
    assert bpe.merge([1, 1, 1, 1, 1], (1, 1), 9) == [9, 9, 1]
    assert bpe.merge([1, 2, 1, 2, 1], (2, 1), 9) == [1, 9, 9]
    assert bpe.merge([], (1, 2), 9) == []


def test_a_token_never_crosses_the_border_of_a_word():
    every_merge = bpe.train_bpe(["it is, it is, it is; 10 10 10"], 262)
    assert list(every_merge)[256:] == [b" i", b" 1", b" is", b" 10", b" it", b"it"]


def test_another_pattern_splits_other_words():
    assert list(bpe.train_bpe(["a b a b"], 258))[256:] == [b" b", b" a"]
    assert list(bpe.train_bpe(["a b a b"], 258, pattern=".+"))[256:] == [b" b", b"a b"]


@pytest.mark.parametrize(
    ("texts", "vocab_size", "message"),
    [
        (["aaa"], 255, "train_bpe: vocab_size is 255, the single bytes alone are 256"),
        ([], 300, "train_bpe: the texts are empty, there is nothing to learn from"),
        (["", ""], 300, "train_bpe: the texts are empty, there is nothing to learn from"),
        (
            ["abc", "a b"],
            300,
            "train_bpe: vocab_size is 300, but these texts have only 3 merges in them; "
            "give more text, or at most 259",
        ),
    ],
)
def test_errors_name_the_possible_values(texts, vocab_size, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        bpe.train_bpe(texts, vocab_size)


def test_as_many_merges_as_possible_are_possible():
    assert list(bpe.train_bpe(["abc", "a b"], 259))[256:] == [b" b", b"ab", b"abc"]


def test_a_string_instead_of_a_list_is_an_error():
    with pytest.raises(TypeError, match=r"pass a list, \[text\]"):
        bpe.train_bpe("abc", 256)


def test_the_shipped_file_is_made_from_the_stories():
    assert bpe.train_on_stories() == bpe.SHIPPED.read_bytes(), (
        "the stories changed: python -m flashlm_np.data.tokenizers.merges"
    )


def test_the_same_seed_makes_the_same_vocabulary():
    first, again, other = (bpe.train_on_stories(20, 300, seed) for seed in (7, 7, 8))
    assert len(parse_vocab(first)) == 300
    assert first == again != other
