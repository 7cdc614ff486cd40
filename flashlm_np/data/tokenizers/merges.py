"""Byte-pair encoding (BPE): learn the tokens of a vocabulary from texts.

A text is bytes, and 256 ids would do; but "the" would then cost three of them every time. BPE
gives frequent byte strings an id of their own. The algorithm:

    1. cut the texts into words and count each distinct word; a word is a list of bytes
    2. the vocabulary is the 256 single bytes, with ids 0 to 255
    3. count every pair of neighbours in every word, times the number of such words
    4. the most frequent pair becomes a token with the next id; merge it in every word
    5. repeat 3 and 4 until the vocabulary has the wanted size

A new text is encoded by the same merges in the same order, which is the order of the ids. So
the tokens in order are all that is stored. The pair of a merge need not be stored: as long as
no merge has crossed the ends of a byte string, the merges inside it depend on that string
alone, so two different pairs never spell the same token.

Source: Sennrich, Haddow & Birch 2016, arXiv:1508.07909, algorithm 1; on bytes as in GPT-2.
After a change of the stories, make the shipped file again:
`python -m flashlm_np.data.tokenizers.merges`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import count, islice, pairwise

import numpy as np

from ...errors import extra_package
from ..stories.stories import generate
from .tokenizer import PATTERN, SHIPPED
from .vocab_file import format_vocab


def train_bpe(
    texts: Iterable[str], vocab_size: int, pattern: str = PATTERN
) -> dict[bytes, int]:
    """Learn a vocabulary of `vocab_size` tokens: a dict from token to id, in order of id.

    The words of Sennrich's paper. "es" and "st" occur 6 + 3 times each, and "e" has the smaller
    id. Then "est" 9 times; "lo" 7 and "low" 7; then "ew" leads the pairs that occur 6 times.

    >>> texts = ["low"] * 5 + ["lower"] * 2 + ["newest"] * 6 + ["widest"] * 3
    >>> vocab = train_bpe(texts, vocab_size=256 + 5)
    >>> list(vocab)[256:]
    [b'es', b'est', b'lo', b'low', b'ew']

    Raises: ValueError if vocab_size < 256, if there is no text, or if it has too few merges.
    """
    if vocab_size < 256:
        raise ValueError(
            f"train_bpe: vocab_size is {vocab_size}, the single bytes alone are 256"
        )
    words = count_words(texts, pattern)
    if not words:
        raise ValueError("train_bpe: the texts are empty, there is nothing to learn from")
    tokens = [bytes([b]) for b in range(256)]
    for left, right in islice(merges(words), vocab_size - 256):
        tokens.append(tokens[left] + tokens[right])
    if len(tokens) < vocab_size:
        raise ValueError(
            f"train_bpe: vocab_size is {vocab_size}, but these texts have only "
            f"{len(tokens) - 256} merges in them; give more text, or at most {len(tokens)}"
        )
    return {token: i for i, token in enumerate(tokens)}


def count_words(texts: Iterable[str], pattern: str = PATTERN) -> Counter[str]:
    """Count the words that `pattern` cuts: "a cat" has the words "a" and " cat"."""
    if isinstance(texts, str):
        raise TypeError("train_bpe: texts is a single string; pass a list, [text]")
    with extra_package("learning tokens"):
        import regex  # the standard library's re has no \p{L}; tiktoken depends on regex
    cut = regex.compile(pattern)
    words = Counter()
    for text in texts:
        words.update(cut.findall(text))
    return words


def merges(words: dict[str, int]) -> Iterator[tuple[int, int]]:
    """Yield the pairs to merge, the most frequent first, until every word is one token."""
    ids = {word: list(word.encode("utf-8")) for word in words}
    for new in count(256):
        ids = {word: tokens for word, tokens in ids.items() if len(tokens) > 1}
        if not ids:
            return
        totals = defaultdict(int)
        for word, tokens in ids.items():
            for pair in pairwise(tokens):
                totals[pair] += words[word]
        # A tie goes to the smaller ids: the same texts give the same tokens on every machine.
        pair = min(totals, key=lambda pair: (-totals[pair], pair))
        yield pair
        ids = {word: merge(tokens, pair, new) for word, tokens in ids.items()}


def merge(word: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """Replace each `pair` of neighbours in `word`, from the left, by the id `new`.

    >>> merge([97, 97, 97, 98], (97, 97), 256)
    [256, 97, 98]
    """
    if pair[0] not in word:
        return word
    merged, i = [], 0
    while i < len(word):
        found = word[i] == pair[0] and word[i + 1 : i + 2] == [pair[1]]
        merged.append(new if found else word[i])
        i += 2 if found else 1
    return merged


def train_on_stories(stories: int = 5_000, vocab_size: int = 1_999, seed: int = 0) -> bytes:
    """Train on generated stories, by default as for the shipped file; return such a file."""
    rng = np.random.default_rng(seed)
    return format_vocab(train_bpe((generate(rng) for _ in range(stories)), vocab_size))


if __name__ == "__main__":
    SHIPPED.write_bytes(train_on_stories())
