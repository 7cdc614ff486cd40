"""A document of a source, and the account of the documents and files that are not used."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ...errors import UserError
from ..tokenizers.base import BaseTokenizer

OTHER_FILES = "other files"  # of a folder: no reader reads them
NAMED_FILES = 10  # names of them in a message


class Document(NamedTuple):
    """A text, or the reason why there is none; `file` names a file that is skipped whole."""

    text: str = ""
    skipped: str = ""
    file: str = ""


class NoTexts(UserError):
    """A file holds no texts, or not in the form that its name promises."""


def no_column(name: str, column: str, columns: Iterable[str]) -> NoTexts:
    """The error for a table without a column of this name."""
    others = ", ".join(map(str, columns))[:200] or "none"
    return NoTexts(
        f"{name} has no text in column {column!r}; choose with prepare's --text-column among: "
        f"{others}"
    )


@dataclass
class Skipped:
    """Counts the documents that are not used, by reason, and names files.

    >>> skipped = Skipped()
    >>> skipped.add(Document(skipped="too short"))
    >>> skipped.add(Document(skipped=OTHER_FILES, file="notes.docx"))
    >>> print(skipped)
    skipped 1 other files (notes.docx), 1 too short
    """

    counts: Counter[str] = field(default_factory=Counter)
    files: list[str] = field(default_factory=list)  # the first ones that were skipped whole

    def add(self, document: Document) -> None:
        self.counts[document.skipped] += 1
        if document.file and len(self.files) < NAMED_FILES:
            self.files.append(document.file)

    def __str__(self) -> str:
        counts = (f"{n:,} {reason}" for reason, n in sorted(self.counts.items()))
        more = self.counts[OTHER_FILES] - len(self.files)
        names = ", ".join(self.files) + (f" and {more:,} more" if more else "")
        text = ", ".join(counts).replace(OTHER_FILES, f"{OTHER_FILES} ({names})")
        return f"skipped {text}" if text else "nothing skipped"


def no_usable_text(name: str, skipped: Skipped) -> UserError:
    """The error for a source in which every document is skipped."""
    return UserError(f"{name} holds no usable text ({skipped})")


def encode(tokenizer: BaseTokenizer, document: Document) -> tuple[np.ndarray | None, Document]:
    """The ids (T,) of a document; or None, and the document with the reason."""
    if document.skipped:
        return None, document
    try:
        return tokenizer.encode(document.text), document
    except ValueError:  # half a surrogate pair, which JSON can hold and UTF-8 cannot
        return None, Document(skipped="not text")
