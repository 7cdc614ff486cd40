"""The tokenizer: text to ids and back, without loss.

A model reads integers. The tokenizer cuts a text into *tokens*, which are short byte strings,
and gives the id of each. The trainer in `merges.py` chose the tokens once:

    text     "The girls ran."
    pieces   "The" " girls" " ran" "."           PATTERN: a word keeps the space before it
    tokens   b"The" b" girl" b"s" b" ran" b"."   the pair with the lowest id merges first
    ids      one integer per token               `decode` joins the tokens of the ids again

Tokens are bytes and not letters, because there are only 256 bytes and all are tokens. So every
text in every script has ids, and `decode(encode(text)) == text`.

tiktoken encodes: the same algorithm in Rust, about 10 MB of text per second. `base.py`
decodes.

Source: Radford et al. 2019 (GPT-2), section 2.2; https://github.com/openai/tiktoken
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np

from ...errors import UserError, extra_package
from ...files import read_bytes
from .base import BaseTokenizer, PlainIds
from .vocab_file import check_vocab, format_vocab, parse_vocab

# GPT-2's own pattern: an English ending, a word, a number, punctuation, or white space. A piece
# may start with one space; a token never crosses the border of a piece.
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
END_OF_TEXT = "<|endoftext|>"
SHIPPED = Path(__file__).parents[1] / "stories" / "stories.bpe"  # 2,000 tokens of 5,000 stories
GPT2_TOKENS = 50_257
MOST_SPACES = 200_000  # in a row; tiktoken's pattern fails at about a million
SPACES = re.compile(r"\s{100}\s*")  # not \s{200000}, which would take quadratic time


class Tokenizer(BaseTokenizer):
    """A byte-level BPE tokenizer: a vocabulary, and the end-of-text token with the last id.

    vocab_file: the contents of its file, as vocab_file.py describes it.
    fingerprint: two tokenizers with the same one give the same ids to every text.
    beginning: the text before an empty prompt.

    >>> single_bytes = {bytes([b]): b for b in range(256)}
    >>> tokenizer = Tokenizer("example", single_bytes | {b"he": 256})
    >>> tokenizer.encode("hehe!")
    array([256, 256,  33], dtype=uint16)
    >>> tokenizer.decode([256, 33, tokenizer.end_of_text])
    'he!<|endoftext|>'
    """

    beginning = "\n"

    def __init__(self, name: str, vocab: dict[bytes, int]):
        check_vocab(vocab)
        super().__init__(name, [*sorted(vocab, key=vocab.__getitem__), END_OF_TEXT.encode()])
        self.end_of_text, self.vocab_file = len(vocab), format_vocab(vocab)
        identity = self.vocab_file + f"{PATTERN}\n{END_OF_TEXT}".encode()
        self.fingerprint = hashlib.sha256(identity).hexdigest()
        with extra_package("the tokenizer"):  # here, because a browser has no tiktoken
            import tiktoken
        self._encoding = tiktoken.Encoding(
            name,
            pat_str=PATTERN,
            mergeable_ranks=vocab,
            special_tokens={END_OF_TEXT: self.end_of_text},
        )

    @classmethod
    def embedded(cls) -> Tokenizer:
        """The tokenizer of this package, learned from its stories."""
        return cls("stories", parse_vocab(SHIPPED.read_bytes()))

    @classmethod
    def gpt2(cls) -> Tokenizer:
        """GPT-2's 50,257 tokens, from tiktoken's cache, or downloaded into it once.

        Raises: UserError where they are not in the cache and the network does not answer.
        """
        with extra_package("the tokenizer of GPT-2"):
            import tiktoken
        # tiktoken knows the same ids as r50k_base, one file, and as gpt2, OpenAI's first two.
        for name in ("r50k_base", "gpt2"):
            try:
                encoding = tiktoken.get_encoding(name)
            except (OSError, ValueError):  # no network, or a damaged download
                continue
            ids = range(encoding.eot_token)
            return cls("gpt2", {encoding.decode_single_token_bytes(i): i for i in ids})
        raise UserError(
            "GPT-2's tokenizer is not in tiktoken's cache and cannot be downloaded; "
            "connect to the network once, or copy a cache that holds r50k_base or gpt2 and set "
            "TIKTOKEN_CACHE_DIR to its folder; --tokenizer stories needs neither"
        )

    @classmethod
    def named(cls, name: str) -> Tokenizer:
        """`gpt2`, `stories`, or a vocabulary file in tiktoken's format (GPT-2's pattern)."""
        if name in ("gpt2", "stories"):
            return cls.gpt2() if name == "gpt2" else cls.embedded()
        path = Path(name)
        if path.stem == PlainIds.name:
            raise UserError(f"--tokenizer {path}: give the file another name than `numbers`")
        return cls.of_file(path, f"--tokenizer {path}")

    @classmethod
    def of_file(cls, path: Path, problem: str) -> Tokenizer:
        """Read a vocabulary file. Raises UserError that begins with `problem`."""
        try:
            return cls(path.stem, parse_vocab(read_bytes(path)))
        except ValueError as error:
            raise UserError(f"{problem}: {error}") from None

    def __repr__(self) -> str:
        return f"Tokenizer({self.name!r}, vocab_size={self.vocab_size}, {self.fingerprint[:8]})"

    def encode(self, text: str) -> np.ndarray:
        """The ids (T,) of `text`, of the smallest unsigned type that holds them.

        "<|endoftext|>" inside a text is 13 ordinary characters: a text cannot end itself.
        Append `end_of_text` to end one.

        A run of more than MOST_SPACES is encoded in parts of this length, because tiktoken
        fails at it.

        Raises: ValueError for half a surrogate pair, which tiktoken would replace by U+FFFD.
        """
        _expect_characters(text)
        return np.concatenate([self._encode(part) for part in _cut(text)])  # (T,)

    def _encode(self, text):
        ids = self._encoding.encode_to_numpy(text, disallowed_special=())  # (T,) uint32
        return ids.astype(self.dtype)


def _cut(text):
    """Cut a text after each MOST_SPACES characters of white space in a row."""
    start = 0
    for run in SPACES.finditer(text) if len(text) > MOST_SPACES else ():
        for end in range(run.start() + MOST_SPACES, run.end(), MOST_SPACES):
            yield text[start:end]
            start = end
    yield text[start:]


def _expect_characters(text):
    """Raise ValueError if `text` holds half a surrogate pair."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        start = error.start
        raise ValueError(
            f"encode: lone surrogate at position {start}, at the end of "
            f"{text[max(0, start - 20) : start + 1]!r}; half a character has no UTF-8"
        ) from None
