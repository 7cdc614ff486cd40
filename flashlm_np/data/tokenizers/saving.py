"""The tokenizer in the folder of a run or of a prepared dataset, as NAME.bpe."""

from __future__ import annotations

from pathlib import Path

from ...errors import UserError
from ...files import read_bytes, write_atomically
from .plain_ids import PlainIds
from .tokenizer import Tokenizer
from .vocab_file import format_vocab, parse_vocab


def save_tokenizer(folder: Path, tokenizer: Tokenizer | PlainIds) -> None:
    """Write the vocabulary to folder/NAME.bpe; plain ids have none."""
    if not isinstance(tokenizer, PlainIds):
        vocab = {token: i for i, token in enumerate(tokenizer.tokens[:-1])}
        write_atomically(folder / f"{tokenizer.name}.bpe", format_vocab(vocab))


def load_tokenizer(folder: Path, record: dict, vocab_size: int) -> Tokenizer | PlainIds:
    """Read the tokenizer of a folder, whose `record` holds its name and fingerprint.

    vocab_size: the model's. Plain ids have no other description.

    Raises: UserError unless the tokenizer is exactly the recorded one.
    """
    name = record.get("name")
    if not isinstance(name, str) or Path(name).name != name:
        raise UserError(f"{folder}: {name!r} is no name of a tokenizer")
    if name == PlainIds.name:
        return PlainIds(vocab_size)
    path = folder / f"{name}.bpe"
    try:
        tokenizer = Tokenizer(name, parse_vocab(read_bytes(path)))
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}") from None
    if tokenizer.fingerprint != record.get("fingerprint"):
        raise UserError(f"{path} is not the tokenizer that {folder} was made with")
    return tokenizer
