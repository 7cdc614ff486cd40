"""The tokenizer in a folder of a run or of a dataset: NAME.bpe, and perhaps NAME.kept."""

from pathlib import Path

from ...errors import UserError
from ...files import write_atomically
from .base import PlainIds
from .frequent import FrequentTokens, read_kept
from .tokenizer import Tokenizer


def save_tokenizer(folder: Path, tokenizer: Tokenizer | FrequentTokens | PlainIds) -> None:
    """Write the vocabulary to folder/NAME.bpe. Plain ids have none.

    A short vocabulary also has NAME.kept, and NAME.bpe is that of its base.
    """
    if isinstance(tokenizer, FrequentTokens):
        save_tokenizer(folder, tokenizer.base)
        write_atomically(folder / f"{tokenizer.name}.kept", tokenizer.kept_file)
    elif isinstance(tokenizer, Tokenizer):
        write_atomically(folder / f"{tokenizer.name}.bpe", tokenizer.vocab_file)


def load_tokenizer(
    folder: Path, record: dict, vocab_size: int
) -> Tokenizer | FrequentTokens | PlainIds:
    """Read the tokenizer of a folder, whose `record` holds its name and fingerprint.

    vocab_size: the model's. Plain ids have no other description.

    Raises: UserError unless the tokenizer is exactly the recorded one.
    """
    name = record["name"]
    if not (name.isprintable() and Path(name).name == name and len(name) <= 250):
        raise UserError(f"{folder}: {name[:100]!r} is no name of a tokenizer")
    if name == PlainIds.name:
        return PlainIds(vocab_size)
    kept = folder / f"{name}.kept"
    is_short = kept.is_file()
    path = folder / f"{name.rpartition('-')[0] if is_short else name}.bpe"
    tokenizer = Tokenizer.of_file(path, f"{path} is damaged")
    if is_short:
        path, tokenizer = kept, read_kept(kept, tokenizer)
    if tokenizer.fingerprint != record["fingerprint"]:
        raise UserError(f"{path} is not the tokenizer that {folder} was made with")
    return tokenizer
