"""The code that all tokenizers share, and the plainest of them, which writes ids as numbers."""

import codecs
import hashlib
from collections.abc import Iterable, Iterator

import numpy as np


class BaseTokenizer:
    """The tokens of a vocabulary, each at the index that is its id.

    A subclass has `encode` and `fingerprint`.

    dtype: the smallest unsigned type that holds all ids.
    unknown: the id that stands for any of several tokens, if there is one, and `spelling_nats`,
        the logarithm of their number.
    """

    unknown: int | None = None
    spelling_nats = 0.0

    def __init__(self, name: str, tokens: list[bytes]):
        self.name, self.tokens = name, tokens
        self.vocab_size = len(tokens)
        self.dtype = np.dtype(np.uint16 if self.vocab_size <= 2**16 else np.uint32)

    @property
    def identity(self) -> dict[str, str]:
        """The entries of a record by which `load_tokenizer` finds this tokenizer again."""
        return {"name": self.name, "fingerprint": self.fingerprint}

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`; bytes that are not valid UTF-8 become U+FFFD.

        Raises: ValueError for an id outside the vocabulary.
        """
        return b"".join(self._look_up(ids)).decode("utf-8", errors="replace")

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """Yield text as the ids arrive; the joined pieces are `decode(ids)`."""
        # A token may end inside a character; iterdecode keeps such bytes until the rest comes.
        return codecs.iterdecode(self._look_up(ids), "utf-8", errors="replace")

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


class PlainIds(BaseTokenizer):
    """The tokenizer of a model whose own is unknown: it writes id 17 as 17.

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
