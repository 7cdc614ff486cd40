"""Ids written as numbers: the text of a model whose tokenizer is unknown."""

from __future__ import annotations

import hashlib

import numpy as np

from .base import BaseTokenizer


class PlainIds(BaseTokenizer):
    """A tokenizer that writes id 17 as 17, with the interface of tokenizer.Tokenizer.

    The space before a number belongs to the number, so that a continuation can be printed
    right after its prompt. The end-of-text token is unknown: `end_of_text` is None.

    >>> plain = PlainIds(64)
    >>> plain.encode("3 17 5")
    array([ 3, 17,  5], dtype=uint16)
    >>> plain.decode([3, 17, 5])
    ' 3 17 5'
    """

    name = "numbers"  # in checkpoints, and for --tokenizer
    end_of_text = None
    beginning = "0"

    def __init__(self, vocab_size: int):
        super().__init__(self.name, [f" {i}".encode() for i in range(vocab_size)])
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
