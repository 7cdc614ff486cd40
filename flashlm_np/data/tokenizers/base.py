"""The code that all tokenizers share. Decoding, ids to text, is a table lookup."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

import numpy as np


class BaseTokenizer:
    """The tokens of a vocabulary, each at the index that is its id; subclasses have `encode`.

    dtype: the smallest unsigned type that holds all ids.
    """

    def __init__(self, name: str, tokens: list[bytes]):
        self.name, self.tokens = name, tokens
        self.vocab_size = len(tokens)
        self.dtype = np.dtype(np.uint16 if self.vocab_size <= 2**16 else np.uint32)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`; bytes that are not valid UTF-8 become U+FFFD.

        Raises: ValueError for an id outside the vocabulary.
        """
        return b"".join(self._look_up(ids)).decode("utf-8", errors="replace")

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """Yield text as the ids arrive; the joined pieces are `decode(ids)`."""
        # A token may end inside a character. The decoder keeps such bytes until the rest comes.
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        for token in self._look_up(ids):
            if text := decoder.decode(token):
                yield text
        if text := decoder.decode(b"", final=True):
            yield text

    def _look_up(self, ids: Iterable[int]) -> Iterator[bytes]:
        if getattr(ids, "ndim", 1) != 1:
            raise ValueError(
                f"decode: ids have shape {ids.shape}, expected (T,): one row at a time"
            )
        for position, i in enumerate(ids):
            if not 0 <= i < self.vocab_size:  # Python would take -1 for the last token
                raise ValueError(
                    f"decode: id {i} at position {position} is outside the vocabulary of "
                    f"{self.vocab_size} tokens (ids 0 to {self.vocab_size - 1})"
                )
            yield self.tokens[i]
