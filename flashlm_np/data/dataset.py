"""The token ids that a run trains on and is validated on, and batches of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..errors import UserError
from .sources import DocumentSource
from .story_ids import training_stories, validation_stories
from .texts.documents import Skipped, encode, no_usable_text
from .token_file import load_tokens
from .tokenizers.tokenizer import Tokenizer

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


def load_dataset(
    source: DataSource,
    *,
    vocab_size: int,
    seed: int,
    stories: int,
    validation_share: float,
    eval_tokens: int,
    longest_sequence: int,
    tokenizer: Tokenizer | None = None,
) -> tuple[Dataset, Tokenizer]:
    """Read or generate a dataset; return it with its tokenizer.

    `Config.data_options()` gives all keywords but the last. `seed` and `stories` (their number)
    concern stories only, and `validation_share` other texts only.

    tokenizer: the one that a resumed run was trained with; a prepared folder must have it.

    Raises:
        UserError: something cannot be read, is too short, or the vocabulary does not fit.
    """
    if source.folder:
        dataset, tokenizer = _of_folder(source, tokenizer, validation_share, eval_tokens)
    else:
        tokenizer = tokenizer or Tokenizer.embedded()
        if source.files:
            dataset = _of_files(source, tokenizer, validation_share, eval_tokens)
        else:
            dataset = _of_stories(tokenizer, seed, stories, eval_tokens)
    if vocab_size < tokenizer.vocab_size:
        raise UserError(
            f"--vocab-size is {vocab_size}, but the tokenizer has "
            f"{tokenizer.vocab_size} tokens; give at least that"
        )
    if len(dataset.train) <= longest_sequence:
        option = "--data" if source.folder else "--text" if source.files else "--stories"
        raise UserError(
            f"{option}: {len(dataset.train):,} training tokens are too few for sequences of "
            f"{longest_sequence}; give more, or shorter sequences with --phases"
        )
    return dataset, tokenizer


def _of_folder(source, trained_with, validation_share, eval_tokens):
    tokens = load_tokens(Path(source.folder))
    if trained_with and trained_with.fingerprint != tokens.tokenizer.fingerprint:
        raise UserError(
            f"{source.folder} was prepared with {tokens.tokenizer}, but the model was "
            f"trained with {trained_with}"
        )
    train, valid = _split(tokens.ids, validation_share, eval_tokens)
    dataset = Dataset(
        tokens.record["dataset"],
        train,
        valid,
        has_separators=tokens.record["separator"],
        source=source,
        checksum=f"{tokens.record['sha256']} {len(train)} {len(valid)}",
    )
    return dataset, tokens.tokenizer


def _of_files(source, tokenizer, validation_share, eval_tokens):
    # The same documents as those of `flashlm prepare`, so the same ids.
    texts, skipped, rows = DocumentSource(source.files), Skipped(), []
    for document in texts.documents():
        ids, document = encode(tokenizer, document)
        if ids is None:
            skipped.add(document)
        else:
            rows.append(ids)
    if not any(map(len, rows)):
        raise no_usable_text(texts.dataset, skipped)
    parts = _split(np.concatenate(rows), validation_share, eval_tokens)
    told = str(skipped) if skipped.counts else ""
    return Dataset(texts.dataset, *parts, source=source, skipped=told)


def _of_stories(tokenizer, seed, count, eval_tokens):
    train = training_stories(seed, count, tokenizer)
    valid, best = validation_stories(eval_tokens, tokenizer)
    return Dataset("stories", train, valid, best, has_separators=True, starts_at_documents=True)


def _split(ids, validation_share, eval_tokens):
    """Keep the last part for validation; at most eval_tokens of it are scored."""
    cut = training_size(len(ids), validation_share)
    return ids[:cut], ids[cut : cut + eval_tokens + 1]


def training_size(tokens: int, validation_share: float) -> int:
    """How many of `tokens` tokens, from the first on, are for training; 2 or more are not."""
    return max(0, min(tokens - 2, int(tokens * (1 - validation_share))))


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
    B, T, tokens = batch, sequence, dataset.train
    last = len(tokens) - T - 1  # the last position where a window can start
    if dataset.starts_at_documents:
        # A window from the middle would ask for names that stand before it.
        starts = dataset.document_starts
        starts = rng.choice(starts[: np.searchsorted(starts, last, "right")], size=B)
    else:
        starts = rng.integers(0, last + 1, size=B)
    windows = tokens[starts[:, None] + np.arange(T + 1)].astype(np.int64)  # (B, T + 1)
    positions = None
    if position_share < 1:
        positions = rng.permutation(B * T)[: max(1, int(position_share * B * T))]
    return windows[:, :-1], windows[:, 1:], positions
