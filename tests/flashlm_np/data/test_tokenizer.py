"""The tokenizer: texts come back unchanged, the ids are those of BPE, errors are clear."""

import doctest
import re

import numpy as np
import pytest
import regex
import requests
import tiktoken
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shared import shared

from flashlm_np.data.tokenizers import tokenizer as page
from flashlm_np.data.tokenizers.merges import train_bpe
from flashlm_np.data.tokenizers.tokenizer import END_OF_TEXT, PATTERN, Tokenizer
from flashlm_np.data.tokenizers.vocab_file import format_vocab, parse_vocab
from flashlm_np.errors import UserError

quick = settings(derandomize=True, deadline=None, max_examples=100)
SINGLE_BYTES = {bytes([b]): b for b in range(256)}
TEXTS = [
    "the hen then sat; the cat sat on the hat",
    "näher, näher! 日本 日本 🙂🙂🙂",
    "don't  we'll\n\n 1010",
]
VOCAB = train_bpe(TEXTS, 256 + 40)
SMALL = Tokenizer("small", VOCAB)

# Any text, and texts of pieces for which the small tokenizer has merges.
any_text = st.one_of(
    st.text(), st.lists(st.sampled_from([*"thena 日本🙂é'10\n", "the", "sat"])).map("".join)
)


def slow_encode(text, vocab):
    """BPE by its definition: in each piece, merge the leftmost pair of the lowest rank."""
    ids = []
    for piece in regex.findall(PATTERN, text):
        parts = [bytes([b]) for b in piece.encode()]
        while True:
            pairs = [(vocab.get(parts[i] + parts[i + 1]), i) for i in range(len(parts) - 1)]
            known = [(rank, i) for rank, i in pairs if rank is not None]
            if not known:
                break
            i = min(known)[1]
            parts[i : i + 2] = [parts[i] + parts[i + 1]]
        ids.extend(vocab[part] for part in parts)
    return ids


@pytest.fixture(scope="module")
def shipped():
    return Tokenizer.embedded()


def test_a_worked_example():
    assert doctest.testmod(page) == (0, 4)


# Text to ids -------------------------------------------------------------------------------


@quick
@given(any_text)
@example("")
@example("<|endoftext|>")
@example("  two\u00a0blanks \n\t ")
def test_the_ids_equal_the_slow_reference_and_decode_to_the_text(text):
    ids = SMALL.encode(text)
    assert ids.tolist() == slow_encode(text, VOCAB)
    assert SMALL.decode(ids) == text


def test_the_pattern_splits_as_gpt2_does():
    text = "He'll see  two cats, 10 in\nall!\n\n"
    pieces = ["He", "'ll", " see", " ", " two", " cats", ",", " 10", " in", "\n", "all", "!"]
    assert regex.findall(PATTERN, text) == [*pieces, "\n\n"]


def test_no_text_is_encoded_as_the_special_token():
    ids = SMALL.encode(f"the end{END_OF_TEXT}the")
    assert SMALL.end_of_text == len(VOCAB) == SMALL.vocab_size - 1
    assert SMALL.end_of_text not in ids
    assert SMALL.decode([*ids, SMALL.end_of_text]) == f"the end{END_OF_TEXT}the{END_OF_TEXT}"


@pytest.mark.parametrize(("size", "dtype"), [(2**16 - 1, np.uint16), (2**16, np.uint32)])
def test_ids_have_the_smallest_dtype_for_the_vocabulary(size, dtype):
    tokens = [*SINGLE_BYTES, *(n.to_bytes(3, "big") for n in range(size - 256))]
    tokenizer = Tokenizer("large", {token: rank for rank, token in enumerate(tokens)})
    assert tokenizer.vocab_size == size + 1
    assert tokenizer.encode("ab").dtype == tokenizer.encode("").dtype == dtype
    assert np.iinfo(dtype).max >= tokenizer.end_of_text


def test_a_lone_surrogate_is_refused_in_one_sentence():
    message = (
        r"encode: lone surrogate at position 4, at the end of 'the \ud800'; half a character "
        "has no UTF-8"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        SMALL.encode("the \ud800 cat")
    with pytest.raises(ValueError, match="lone surrogate at position 0"):
        SMALL.encode("\udfff")


# Ids to text -------------------------------------------------------------------------------


def test_decode_marks_bytes_that_are_not_text():
    assert SMALL.decode([0x68, 0xFF, 0x65]) == "h\ufffde"
    assert SMALL.decode(np.array([], dtype=np.uint16)) == SMALL.decode([]) == ""


@quick
@given(st.lists(st.integers(0, SMALL.vocab_size - 1)))
def test_a_stream_yields_the_decoded_text_in_pieces(ids):
    assert "".join(SMALL.decode_stream(ids)) == SMALL.decode(ids)


@quick
@given(any_text)
def test_a_stream_of_single_bytes_yields_only_whole_characters(text):
    pieces = list(SMALL.decode_stream(text.encode()))  # the id of a single byte is the byte
    assert pieces == list(text)


def test_a_stream_yields_a_character_as_soon_as_it_is_complete():
    taken = []
    ids = iter("a🙂b".encode())
    stream = SMALL.decode_stream(taken.append(i) or i for i in ids)
    assert [(next(stream), len(taken)) for _ in range(3)] == [("a", 1), ("🙂", 5), ("b", 6)]
    assert list(stream) == []
    assert list(SMALL.decode_stream("🙂".encode()[:3])) == ["\ufffd"]


@pytest.mark.parametrize("bad", [-1, 297, 2**40])
def test_an_id_outside_the_vocabulary_is_named(bad):
    message = (
        f"decode: id {bad} at position 2 is outside the vocabulary of 297 tokens (ids 0 to 296)"
    )
    for decode in (
        SMALL.decode,
        lambda ids: list(SMALL.decode_stream(ids)),
    ):
        for ids in ([104, 101, bad], np.array([104, 101, bad])):
            with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
                decode(ids)


def test_two_rows_of_ids_are_refused():
    message = "decode: ids have shape (2, 3), expected (T,): one row at a time"
    with pytest.raises(ValueError, match=re.escape(message)):
        SMALL.decode(np.zeros((2, 3), dtype=int))


# The vocabulary, its file, its fingerprint ------------------------------------------------


def test_the_fingerprint_depends_on_the_vocabulary_and_not_on_the_name():
    order = dict(reversed(VOCAB.items()))
    assert Tokenizer("other", order).fingerprint == SMALL.fingerprint
    assert Tokenizer("other", order).tokens == SMALL.tokens
    assert re.fullmatch("[0-9a-f]{64}", SMALL.fingerprint)
    last, before = list(VOCAB)[-1], list(VOCAB)[-2]
    swapped = VOCAB | {last: VOCAB[before], before: VOCAB[last]}
    renamed = {(b"zzz" if token == last else token): rank for token, rank in VOCAB.items()}
    fewer = {token: rank for token, rank in VOCAB.items() if token != last}
    prints = {Tokenizer("x", r).fingerprint for r in (VOCAB, swapped, renamed, fewer)}
    assert len(prints) == 4


def test_the_fingerprint_depends_on_the_pattern(monkeypatch):
    monkeypatch.setattr(page, "PATTERN", r"\w+|\W")
    assert Tokenizer("small", VOCAB).fingerprint != SMALL.fingerprint


def test_repr_is_one_line():
    assert repr(SMALL) == f"Tokenizer('small', vocab_size=297, {SMALL.fingerprint[:8]})"


def test_a_saved_vocabulary_is_loaded():
    assert parse_vocab(format_vocab(VOCAB)) == VOCAB
    assert format_vocab({b"he": 1, b"\n": 0}) == b"Cg== 0\naGU= 1\n"


def test_tiktoken_reads_the_file(tmp_path, monkeypatch):
    from tiktoken.load import load_tiktoken_bpe

    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")  # an empty value turns its cache off
    (tmp_path / "x.bpe").write_bytes(format_vocab(VOCAB))
    assert load_tiktoken_bpe(str(tmp_path / "x.bpe")) == VOCAB


@pytest.mark.parametrize("line", [b"Zm9v", b"Zm9v x", b"Zm9v 1 2", b"Zm9 1", b"???? 1", b""])
def test_a_broken_line_is_named(line):
    message = f"vocabulary: line 2 is {line!r}, expected base64 of a token, a space, an id"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_vocab(b"Cg== 0\n" + line + b"\naGU= 1\n")


@pytest.mark.parametrize(
    ("vocab", "message"),
    [
        (SINGLE_BYTES | {b"he": 257}, "vocabulary: expected the ids 0 to 256, each once"),
        (SINGLE_BYTES | {b"he": 7}, "vocabulary: expected the ids 0 to 256, each once"),
        (
            {bytes([b]): b - 3 for b in range(3, 256)},
            r"vocabulary: 3 of the 256 single bytes have no id, the first is b'\x00'; a text "
            "with such a byte could not be encoded",
        ),
    ],
)
def test_an_invalid_vocabulary_is_refused(vocab, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Tokenizer("broken", vocab)


# The shipped file --------------------------------------------------------------------------


def test_the_shipped_tokenizer_is_well_formed(shipped):
    assert (shipped.name, shipped.vocab_size, shipped.end_of_text) == ("stories", 2000, 1999)
    assert shipped.encode("").dtype == np.uint16
    assert shipped.tokens[:256] == [bytes([b]) for b in range(256)]
    rank = {token: i for i, token in enumerate(shipped.tokens[:-1])}
    for i, token in enumerate(shipped.tokens[256:-1], start=256):
        cuts = ((token[:cut], token[cut:]) for cut in range(1, len(token)))
        assert any(rank.get(a, i) < i and rank.get(b, i) < i for a, b in cuts), token


def test_the_example_on_the_page(shipped):
    tokens = [shipped.tokens[i] for i in shipped.encode("The girls ran.")]
    assert tokens == [b"The", b" girl", b"s", b" ran", b"."]


@quick
@given(text=st.text())
def test_the_shipped_tokenizer_decodes_to_the_same_text(shipped, text):
    assert shipped.decode(shipped.encode(text)) == text


def test_every_shipped_token_is_its_own_encoding(shipped):
    for i, token in enumerate(shipped.tokens[:-1]):
        if i not in range(128, 256):  # a part of a character cannot be decoded
            assert shipped.encode(token.decode()).tolist() == [i]


# GPT-2's ------------------------------------------------------------------------------------


@pytest.fixture
def gpt2_cache(monkeypatch):
    """tiktoken has GPT-2's tokens in its file cache, and no encoding in memory."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(shared("tokenizer")))
    monkeypatch.setattr("tiktoken.registry.ENCODINGS", {})


@pytest.fixture
def no_network(monkeypatch):
    def fail(*_, **__):
        raise requests.exceptions.ConnectionError("no network in this test")

    monkeypatch.setattr("requests.get", fail)


# The ids of OpenAI's encoder.
KNOWN = {
    "The quick brown fox jumps over the lazy dog": [
        464, 2068, 7586, 21831, 18045, 625, 262, 16931, 3290
    ],
    "Hello world, it's 2026\n\n  x": [
        15496, 995, 11, 340, 338, 1160, 2075, 628, 220, 2124
    ],
    "naïve café": [2616, 38776, 40304],
    "<|endoftext|>": [27, 91, 437, 1659, 5239, 91, 29],
}  # fmt: skip


def test_gpt2_gives_the_known_ids(gpt2_cache, no_network):
    gpt2 = Tokenizer.gpt2()
    assert (gpt2.vocab_size, gpt2.end_of_text, gpt2.dtype) == (50257, 50256, np.uint16)
    for text, ids in KNOWN.items():
        np.testing.assert_array_equal(gpt2.encode(text), ids)
        assert gpt2.decode(ids) == text
    assert Tokenizer.named("gpt2").fingerprint == gpt2.fingerprint


def test_gpt2_under_its_other_name(gpt2_cache, monkeypatch):
    """A cache may contain the files of `gpt2` instead of those of `r50k_base`."""
    real = tiktoken.get_encoding("r50k_base")

    def get_encoding(name):
        if name == "r50k_base":
            raise requests.exceptions.ConnectionError("not in the cache")
        assert name == "gpt2"
        return real

    monkeypatch.setattr("tiktoken.get_encoding", get_encoding)
    assert Tokenizer.gpt2().encode(" the") == [262]


def test_a_missing_gpt2_is_an_error_of_one_sentence(tmp_path, monkeypatch, no_network):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("tiktoken.registry.ENCODINGS", {})
    with pytest.raises(UserError, match="not in tiktoken's cache and cannot be downloaded"):
        Tokenizer.gpt2()


def test_a_tokenizer_can_be_loaded_from_a_file(tmp_path):
    path = tmp_path / "mine.bpe"
    path.write_bytes(format_vocab(VOCAB))
    named = Tokenizer.named(str(path))
    assert (named.name, named.fingerprint) == ("mine", SMALL.fingerprint)
    assert Tokenizer.named("stories").vocab_size == 2000
    path.write_bytes(b"nonsense")
    with pytest.raises(UserError, match=r"--tokenizer .*mine.bpe: vocabulary: line 1"):
        Tokenizer.named(str(path))
    with pytest.raises(UserError, match="cannot read nowhere"):
        Tokenizer.named("nowhere")
    with pytest.raises(UserError, match="another name than `numbers`"):
        Tokenizer.named(str(tmp_path / "numbers.bpe"))


@pytest.mark.parametrize("blank", [" ", "\n", "\r\n", "\u00a0 \t"])
@pytest.mark.parametrize("count", [199_999, 200_000, 200_001, 300_000, 1_500_000])
def test_a_run_of_blanks_of_every_length_has_ids(blank, count):
    text = f"a{(blank * count)[:count]}b"
    assert SMALL.decode(SMALL.encode(text)) == text


def test_a_run_of_blanks_that_is_cut_is_two_runs():
    most = page.MOST_SPACES
    ids = [SMALL.encode(part) for part in (f"a{' ' * most}", " " * most, "   b")]
    whole = SMALL.encode(f"a{' ' * (2 * most + 3)}b")
    np.testing.assert_array_equal(whole, np.concatenate(ids))
    whole = SMALL._encoding.encode(f"a{' ' * most}b")
    assert SMALL.encode(f"a{' ' * most}b").tolist() == whole  # the longest that is not cut


@pytest.mark.parametrize("word", ["a", "é", "漢", "🙂", "7", "-", "ab7-", "\u0301"])
def test_an_enormous_word_has_ids(word):
    text = word * 100_000
    assert SMALL.decode(SMALL.encode(text)) == text
