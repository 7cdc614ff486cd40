"""Load a dataset: read texts or a prepared folder, or generate stories."""

from pathlib import Path

import numpy as np

from ..errors import UserError
from .dataset import Dataset, DataSource, TextSize
from .sources import DocumentSource
from .story_ids import training_stories, validation_stories
from .texts.documents import Skipped, encode, no_usable_text
from .token_file import load_tokens
from .tokenizers.frequent import FrequentTokens
from .tokenizers.tokenizer import Tokenizer


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
        valid_size=_size_of(tokens, slice(len(train) + 1, len(train) + len(valid))),
    )
    return dataset, tokens.tokenizer


def _size_of(tokens, part):
    """The size of a part of the text, if its short ids do not tell it."""
    if not isinstance(tokens.tokenizer, FrequentTokens):
        return None
    base, ids = tokens.tokenizer.base, tokens.in_file[part]
    return TextSize.of([base.decode(ids[ids != base.end_of_text])])


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
