"""A short vocabulary: the most frequent tokens of another tokenizer, and UNK for the others.

    id 0 PAD, 1 UNK, 2 BOS, 3 EOS     special; PAD and BOS are never in a text
    id 4, 5, ...                      the kept tokens, the most frequent one first

FlashLM v4 has 10,000 ids made in this way of GPT-2's 50,257. A text is not known from its short
ids: UNK stands for any of U tokens. `decode` shows it as U+FFFD.

To compare losses, UNK must still tell its token. Without knowledge each of the U has the
probability 1/U, so a model's p of a text is the product of p(short id), times 1/U for each UNK.
Over all texts this sums to 1 or less. An UNK costs ln U nats more: `spelling_nats`.

source   FlashLM v4's train.py, https://github.com/changcheng967/FlashLM, commit 43d43e4
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np

from ...errors import UserError
from ...files import read_bytes
from .base import BaseTokenizer
from .tokenizer import END_OF_TEXT, Tokenizer

SPECIAL = (b"", "\ufffd".encode(), b"", END_OF_TEXT.encode())  # PAD, UNK, BOS, EOS
UNK, EOS = 1, 3


class FrequentTokens(BaseTokenizer):
    """The tokens `kept` (N,) of `base`, by their ids there, in the order of their new ids.

    >>> base = Tokenizer("bytes", {bytes([b]): b for b in range(256)})
    >>> short = FrequentTokens(base, np.array([101, 104]))
    >>> short.encode("hey")
    array([5, 4, 1], dtype=uint16)
    >>> short.decode([5, 4, 1])
    'he�'
    """

    end_of_text, unknown = EOS, UNK

    def __init__(self, base: Tokenizer, kept: np.ndarray):
        name = f"{base.name}-{len(SPECIAL) + len(kept)}"
        super().__init__(name, [*SPECIAL, *(base.tokens[i] for i in kept)])
        self.base, self.kept, self.beginning = base, kept, base.beginning
        self.spelling_nats = math.log(max(1, base.vocab_size - 1 - len(kept)))
        self.kept_file = b"".join(b"%d\n" % i for i in kept)
        identity = base.fingerprint.encode() + self.kept_file
        self.fingerprint = hashlib.sha256(identity).hexdigest()
        self._short = np.full(base.vocab_size, UNK, self.dtype)
        self._short[kept] = np.arange(len(SPECIAL), self.vocab_size)
        self._short[base.end_of_text] = EOS

    @classmethod
    def of_text(cls, base: Tokenizer, ids: np.ndarray, size: int) -> FrequentTokens:
        """The vocabulary of `size` ids for a text, given by its ids (N,) in `base`.

        Of tokens that are equally frequent, the one with the lower id comes first. If the text
        has fewer tokens, the vocabulary is smaller.
        """
        counts = np.bincount(ids, minlength=base.vocab_size)
        counts[base.end_of_text] = 0
        order = np.argsort(-counts, kind="stable")[: size - len(SPECIAL)]
        return cls(base, order[counts[order] > 0])

    def __repr__(self) -> str:
        return f"FrequentTokens({self.base.name!r}, {self.vocab_size}, {self.fingerprint[:8]})"

    def encode(self, text: str) -> np.ndarray:
        """The short ids (T,) of a text."""
        return self.shorten(self.base.encode(text))

    def shorten(self, ids: np.ndarray) -> np.ndarray:
        """The short id of each id of `base`: (T,) -> (T,)."""
        return self._short[ids]


def read_kept(path: Path, base: Tokenizer) -> FrequentTokens:
    """The vocabulary of a file of kept ids. Raises UserError if it is damaged."""
    try:
        kept = [int(line) for line in read_bytes(path).split()]
        if len(set(kept)) < len(kept) or not all(0 <= i < base.end_of_text for i in kept):
            raise ValueError
    except ValueError:
        raise UserError(
            f"{path} is damaged: expected different ids below {base.end_of_text}, one a line"
        ) from None
    return FrequentTokens(base, np.array(kept, np.int64))
