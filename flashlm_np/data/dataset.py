"""The token ids that a run trains on and is validated on, and batches of them."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

# One micro-batch: ids (B, T), targets (B, T), and the flat positions to score, or None for all.
Batch = tuple[np.ndarray, np.ndarray, np.ndarray | None]


@dataclass(frozen=True)
class DataSource:
    """The origin of a dataset: texts, a folder of `flashlm prepare`, or else stories.

    files: the paths of texts, and of folders of texts.
    """

    files: tuple[str, ...] = ()
    folder: str | None = None

    @classmethod
    def at(cls, text: Sequence[str] | None = None, data: str | None = None) -> "DataSource":
        """Make the paths absolute, so that a run can be resumed from another folder."""
        files = tuple(str(Path(path).resolve()) for path in text or ())
        return cls(files, str(Path(data).resolve()) if data else None)


class TextSize(NamedTuple):
    """The size of a text in UTF-8, and in characters."""

    bytes: int
    characters: int

    @classmethod
    def of(cls, texts: Iterable[str]) -> "TextSize":
        """The sum over texts."""
        pairs = [(len(text.encode("utf-8", "replace")), len(text)) for text in texts]
        return cls(*map(sum, zip(*pairs, strict=True)))


@dataclass(frozen=True)
class Dataset:
    """Token ids for training and for validation.

    Shapes:
        train (N,); valid (M + 1,), of which the last M are scored, each given all before it.

    best_possible_loss: the lowest loss that any model can reach on those M tokens, in nats per
        token: the exact -ln p of the stories. None for a text, whose probability is unknown.
    has_separators: whether the end-of-text token separates the documents.
    starts_at_documents: whether training windows start where documents start, as short
        documents need it. Then a separator also precedes the first document.
    checksum: the fingerprint, if it is known already.
    skipped: the texts of the source that are not used, and why, in words.
    valid_size: of the text of those M tokens, where the ids do not tell it: of UNK.
    """

    name: str
    train: np.ndarray
    valid: np.ndarray
    best_possible_loss: float | None = None
    has_separators: bool = False
    starts_at_documents: bool = False
    source: DataSource = DataSource()
    checksum: str | None = None
    skipped: str = ""
    valid_size: TextSize | None = None

    @cached_property
    def document_starts(self) -> np.ndarray:
        """The positions of the separators before the training documents."""
        return np.flatnonzero(self.train[:-1] == self.train[0])

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all ids, by which a resumed run recognizes its dataset."""
        if self.checksum:
            return self.checksum
        digest = hashlib.sha256(np.ascontiguousarray(self.train))  # no copy: it may be large
        digest.update(np.ascontiguousarray(self.valid))
        return digest.hexdigest()


class Draw(NamedTuple):
    """The windows of one micro-batch by their starts (B,), and flat positions to score."""

    starts: np.ndarray
    positions: np.ndarray | None  # None: all


def draw_windows(
    dataset: Dataset,
    *,
    batch: int,
    sequence: int,
    position_share: float,
    rng: np.random.Generator,
) -> Draw:
    """Draw random windows of the training tokens, and random positions of them to score.

    No token is read, except for a dataset that starts at documents.
    """
    B, T, tokens = batch, sequence, dataset.train
    last = len(tokens) - T - 1  # the last position where a window can start
    if dataset.starts_at_documents:
        # A window from the middle would ask for names that stand before it.
        starts = dataset.document_starts
        starts = rng.choice(starts[: np.searchsorted(starts, last, "right")], size=B)
    else:
        starts = rng.integers(0, last + 1, size=B)
    positions = None
    if position_share < 1:
        positions = rng.permutation(B * T)[: max(1, int(position_share * B * T))]
    return Draw(starts, positions)


def read_windows(
    dataset: Dataset, starts: np.ndarray, sequence: int
) -> tuple[np.ndarray, np.ndarray]:
    """The ids (B, T) of windows, and their targets (B, T), each the token after its id."""
    places = starts[:, None] + np.arange(sequence + 1)
    windows = dataset.train[places].astype(np.int64)  # (B, T + 1)
    return windows[:, :-1], windows[:, 1:]


def sample_batch(
    dataset: Dataset,
    *,
    batch: int,
    sequence: int,
    position_share: float,
    rng: np.random.Generator,
) -> Batch:
    """Draw random windows of the training tokens, and random positions of them to score.

    Returns:
        ids (B, T); targets (B, T), each the token after its id; flat positions, or None: all.
    """
    sizes = {"batch": batch, "sequence": sequence, "position_share": position_share}
    drawn = draw_windows(dataset, **sizes, rng=rng)
    return *read_windows(dataset, drawn.starts, sequence), drawn.positions
