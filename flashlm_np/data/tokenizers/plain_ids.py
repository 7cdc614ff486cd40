"""Numbers for text: a model whose tokenizer is unknown reads and writes the ids themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np


class PlainIds:
    """A tokenizer in which id 17 is written 17, with the interface of tokenizer.Tokenizer.

    The space before a number belongs to it, as to a word of the other tokenizer, so a
    continuation can be printed right after its prompt. What ends a text is unknown too:
    `end_of_text` is None.

    >>> numbers = PlainIds(64)
    >>> numbers.encode("3 17 5")
    array([ 3, 17,  5], dtype=uint16)
    >>> numbers.decode([3, 17, 5])
    ' 3 17 5'
    """

    name = "numbers"
    end_of_text = None
    beginning = "0"

    def __init__(self, vocab_size: int):
        self.vocab_size = vocab_size
        self.tokens = [f" {i}".encode() for i in range(vocab_size)]
        self.dtype = np.dtype(np.uint16 if vocab_size <= 2**16 else np.uint32)
        self.fingerprint = hashlib.sha256(f"{self.name} {vocab_size}".encode()).hexdigest()
        self._ids = {str(i): i for i in range(vocab_size)}

    def __repr__(self) -> str:
        return f"PlainIds({self.vocab_size})"

    def encode(self, text: str) -> np.ndarray:
        """The ids (T,) that are written in `text`. Raises ValueError for anything else."""
        words = text.split()
        for word in words:
            if word not in self._ids:
                raise ValueError(
                    f"encode: {word[:20]!r} is no id; the model's tokenizer is unknown, so "
                    f"write numbers from 0 to {self.vocab_size - 1}, such as '3 17 5'"
                )
        return np.array([self._ids[word] for word in words], dtype=self.dtype)

    def encode_batch(self, texts: Iterable[str]) -> list[np.ndarray]:
        """`encode` of each text."""
        return [self.encode(text) for text in texts]

    def decode(self, ids: Iterable[int]) -> str:
        """The numbers, each with a space before it."""
        return "".join(self.decode_stream(ids))

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """`decode`, as bytes."""
        return self.decode(ids).encode()

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """Yield each number as it arrives. Raises ValueError for one outside the vocabulary."""
        for position, i in enumerate(ids):
            if not 0 <= i < self.vocab_size:
                raise ValueError(
                    f"decode: id {i} at position {position} is outside the vocabulary of "
                    f"{self.vocab_size} tokens (ids 0 to {self.vocab_size - 1})"
                )
            yield f" {i}"
