"""The tokenizer: text to ids and back, without loss.

A network reads whole numbers, so text is cut into *tokens*: short byte strings with a number
each. Which strings are tokens was decided once, by the trainer in
`flashlm_np.data.tokenizers.merges`; this page uses its table, the *ranks* (token -> id), in four steps:

    text     "The girls ran."
    pieces   "The" " girls" " ran" "."           PATTERN: a word keeps the space before it
    tokens   b"The" b" girl" b"s" b" ran" b"."   the pair of lowest rank merges first
    ids      one number per token                `decode` joins the tokens of the ids again

Why bytes and not letters: there are only 256 of them and all are tokens, so every text in every
script has ids, nothing is ever "unknown", and `decode(encode(text)) == text`.

Encoding is done by tiktoken (the same algorithm in Rust, about 10 MB of text per second).
Decoding is a table lookup, and stands here in full.

Source: Radford et al. 2019 (GPT-2), section 2.2; https://github.com/openai/tiktoken
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import tiktoken

from ...errors import UserError
from ...files import read_bytes
from .ranks import check_ranks, format_ranks, parse_ranks

# GPT-2's own pattern: an English ending, a word, a number, punctuation, or white space. A piece
# may start with one space; a token never crosses the border of a piece.
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
END_OF_TEXT = "<|endoftext|>"
GPT2_TOKENS = 50_257
BLANKS = 200_000  # in a row, are refused; tiktoken's pattern panics at about a million


class Tokenizer:
    """A byte-level BPE tokenizer: mergeable ranks, and one special token with the last id.

    `name` is for people, `fingerprint` for programs: two tokenizers with the same fingerprint
    give the same ids to every text. `beginning` is what a text begins with if with nothing.

    >>> single_bytes = {bytes([b]): b for b in range(256)}
    >>> tokenizer = Tokenizer("example", single_bytes | {b"he": 256})
    >>> tokenizer.encode("hehe!")
    array([256, 256,  33], dtype=uint16)
    >>> tokenizer.decode([256, 33, tokenizer.end_of_text])
    'he!<|endoftext|>'
    """

    beginning = "\n"

    def __init__(self, name: str, ranks: dict[bytes, int]):
        check_ranks(ranks)
        self.name = name
        self.tokens = [*sorted(ranks, key=ranks.__getitem__), END_OF_TEXT.encode()]
        self.vocab_size = len(self.tokens)
        self.end_of_text = len(ranks)
        self.dtype = np.dtype(np.uint16 if self.vocab_size <= 2**16 else np.uint32)
        identity = format_ranks(ranks) + f"{PATTERN}\n{END_OF_TEXT}".encode()
        self.fingerprint = hashlib.sha256(identity).hexdigest()
        self._encoding = tiktoken.Encoding(
            name,
            pat_str=PATTERN,
            mergeable_ranks=ranks,
            special_tokens={END_OF_TEXT: self.end_of_text},
        )

    @classmethod
    def embedded(cls) -> Tokenizer:
        """The tokenizer that is shipped: 2,000 tokens, learned from 5,000 embedded stories."""
        data = files("flashlm_np.data.stories").joinpath("stories.bpe").read_bytes()
        return cls("stories", parse_ranks(data))

    @classmethod
    def gpt2(cls) -> Tokenizer:
        """GPT-2's 50,257 tokens, from tiktoken's cache, or downloaded into it once.

        tiktoken knows them under two names: r50k_base, one file with the ranks, and gpt2, the
        two files that OpenAI published first. Their ids are the same.

        Raises: UserError where neither is in the cache and the network does not answer.
        """
        for name in ("r50k_base", "gpt2"):
            try:
                encoding = tiktoken.get_encoding(name)
            except (OSError, ValueError):  # no network, or a damaged download
                continue
            ranks = range(encoding.eot_token)
            return cls("gpt2", {encoding.decode_single_token_bytes(i): i for i in ranks})
        raise UserError(
            "GPT-2's tokenizer is neither in tiktoken's cache nor to be had from the network; "
            "connect once, or copy a cache that holds r50k_base or gpt2 and set "
            "TIKTOKEN_CACHE_DIR to its folder, or choose another --tokenizer"
        )

    @classmethod
    def named(cls, name: str) -> Tokenizer:
        """`gpt2`, `stories`, or a file of ranks in tiktoken's format (with GPT-2's pattern)."""
        if name in ("gpt2", "stories"):
            return cls.gpt2() if name == "gpt2" else cls.embedded()
        path = Path(name)
        if path.stem == "numbers":  # what checkpoints call a tokenizer that is unknown
            raise UserError(f"--tokenizer {path}: give the file another name than `numbers`")
        try:
            return cls(path.stem, parse_ranks(read_bytes(path)))
        except ValueError as error:
            raise UserError(f"--tokenizer {path}: {error}") from None

    def __repr__(self) -> str:
        return f"Tokenizer({self.name!r}, vocab_size={self.vocab_size}, {self.fingerprint[:8]})"

    # Text to ids ---------------------------------------------------------------------------

    def encode(self, text: str) -> np.ndarray:
        """The ids of `text`, an array (T,) of the smallest unsigned type that holds them.

        The special token is never made here: "<|endoftext|>" inside a text is 13 ordinary
        characters, so no text can end a story from within. Append `end_of_text` yourself.

        Raises: ValueError for half a surrogate pair, which is no character and has no UTF-8.
        tiktoken would put U+FFFD in its place without a word; here nothing is lost in silence.
        And for a text with hundreds of thousands of blanks in a row, on which tiktoken's
        pattern panics.
        """
        expect_characters(text)
        return self._ids(text)

    def encode_batch(self, texts: Iterable[str]) -> list[np.ndarray]:
        """`encode` of each text.

        A plain loop: tiktoken releases the GIL, yet threads lose on texts as short as stories
        (two cores, 5,500 texts of 800 characters: 0.39 s in a loop, 0.51 s in threads).
        """
        return [self.encode(text) for text in texts]

    def encode_bytes(self, data: bytes) -> np.ndarray:
        """The ids of any bytes: the parts that are UTF-8 as `encode` would, other bytes singly.

        Python's "surrogateescape" reads a stray byte b as the lone surrogate 0xDC00 + b, which
        no valid text contains: so the stray bytes can be found, and given back.
        """
        text = data.decode("utf-8", errors="surrogateescape")
        ids = [np.empty(0, self.dtype)]
        for part in re.findall("[\udc80-\udcff]|[^\udc80-\udcff]+", text):
            if "\udc80" <= part <= "\udcff":
                stray = part.encode("utf-8", errors="surrogateescape")
                stray_id = self._encoding.encode_single_token(stray)
                ids.append(np.array([stray_id], self.dtype))
            else:
                ids.append(self._ids(part))
        return np.concatenate(ids)

    def _ids(self, text):
        if len(text) >= BLANKS and (run := re.search(rf"\s{{{BLANKS}}}", text)):
            raise ValueError(
                f"encode: {BLANKS:,} blanks in a row at position {run.start()}, "
                "which tiktoken cannot cut; remove them"
            )
        ids = self._encoding.encode_to_numpy(text, disallowed_special=())  # (T,) uint32
        return ids.astype(self.dtype)

    # Ids to text ---------------------------------------------------------------------------

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`; bytes that are not valid UTF-8 become U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of `ids`, exactly. Raises ValueError for an id outside the vocabulary."""
        return b"".join(self._look_up(ids))

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """Yield text as the ids arrive; the joined pieces are `decode(ids)`.

        A token may end in the middle of a character of several bytes: those bytes wait in the
        decoder for the rest, so half a character is never printed.
        """
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        for token in self._look_up(ids):
            if text := decoder.decode(token):
                yield text
        if text := decoder.decode(b"", final=True):
            yield text

    def _look_up(self, ids: Iterable[int]) -> Iterator[bytes]:
        """The token of each id, checked one by one: Python would take -1 for the last token."""
        if getattr(ids, "ndim", 1) != 1:
            raise ValueError(
                f"decode: ids have shape {ids.shape}, expected (T,): one row at a time"
            )
        for position, i in enumerate(ids):
            if not 0 <= i < self.vocab_size:
                raise ValueError(
                    f"decode: id {i} at position {position} is outside the vocabulary of "
                    f"{self.vocab_size} tokens (ids 0 to {self.vocab_size - 1})"
                )
            yield self.tokens[i]


def expect_characters(text: str) -> None:
    """Raise ValueError if `text` holds half a surrogate pair."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        start = error.start
        raise ValueError(
            f"encode: lone surrogate at position {start}, at the end of "
            f"{text[max(0, start - 20) : start + 1]!r}; half a character has no UTF-8"
        ) from None
