"""A prepared dataset: one row of token ids on the disk, and a record that describes it.

    DIR/tokens.bin     the ids, little-endian, 2 bytes each (4 where the vocabulary is larger
                       than 65,536), nothing before, between or after them
    DIR/NAME.bpe       the tokenizer's vocabulary, so that the ids can always be decoded
    DIR/NAME.kept      of a short vocabulary: the ids that it keeps (tokenizers/frequent.py).
                       tokens.bin holds the ids before shortening, which lose nothing
    DIR/tokens.json    the record: source, counts, tokenizer, type, SHA-256 of tokens.bin, and
                       a checksum of the record itself (records.py)

The record is written last. A folder without it is not a prepared dataset.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import records
from ..commands import command
from ..errors import UserError
from ..files import written_atomically
from ..records import SHA256, Number
from .tokenizers.frequent import FrequentTokens
from .tokenizers.saving import load_tokenizer, save_tokenizer
from .tokenizers.tokenizer import Tokenizer

FORMAT, OLD_FORMAT = "flashlm-np tokens 2", "flashlm-np tokens 1"  # 1 has no checksum
RECORD_FILE, IDS_FILE = "tokens.json", "tokens.bin"
DTYPES = {"uint16": np.dtype("<u2"), "uint32": np.dtype("<u4")}
ENTRIES = {  # of a record, and their forms
    "dataset": str,
    "documents": Number(int),
    "bytes": Number(int),
    "separator": bool,
    "tokens": Number(int, 1),
    "dtype": re.compile("|".join(DTYPES)),
    "sha256": SHA256,
    "tokenizer": {"name": str, "fingerprint": SHA256},
}


@dataclass(frozen=True)
class Tokens:
    """Token ids (N,) and their tokenizer.

    The ids are mapped from the file and not read into memory, except short ones. `in_file` are
    the ids in the file, of which a short vocabulary makes its own.
    """

    ids: np.ndarray
    tokenizer: Tokenizer | FrequentTokens
    record: dict
    in_file: np.ndarray


def write_ids(folder: Path, rows: Iterable[np.ndarray], dtype: np.dtype) -> dict:
    """Write the rows, one after the other, as tokens.bin, and return entries for the record."""
    digest, count = hashlib.sha256(), 0
    with written_atomically(folder / IDS_FILE) as file:
        for ids in rows:
            data = ids.astype(DTYPES[dtype.name]).tobytes()
            digest.update(data)
            file.write(data)
            count += len(ids)
    return {"tokens": count, "dtype": dtype.name, "sha256": digest.hexdigest()}


def write_record(folder: Path, tokenizer: Tokenizer | FrequentTokens, record: dict) -> dict:
    """Write the tokenizer and then tokens.json, which makes the folder a prepared dataset.

    Returns the record with the tokenizer's entries.
    """
    save_tokenizer(folder, tokenizer)
    about = tokenizer.identity | {"vocab_size": tokenizer.vocab_size}
    record = record | {"tokenizer": about}
    records.write_record(folder / RECORD_FILE, FORMAT, record)
    return record


def load_tokens(folder: Path) -> Tokens:
    """Open a prepared dataset. Raises UserError that says what is wrong with it."""
    record = _read_record(folder)
    tokenizer = load_tokenizer(folder, record["tokenizer"], 0)
    try:
        ids = map_ids(folder / IDS_FILE, record)
    except OSError as error:
        raise UserError(f"cannot read {folder / IDS_FILE}: {error.strerror}") from None
    short = isinstance(tokenizer, FrequentTokens)
    known = tokenizer.base.vocab_size if short else tokenizer.vocab_size
    if ids.max() >= known:
        raise UserError(
            f"{folder / IDS_FILE} holds id {ids.max()}, but its tokenizer has "
            f"{known} tokens; prepare it again"
        )
    return Tokens(tokenizer.shorten(ids) if short else ids, tokenizer, record, ids)


def map_ids(path: Path, record: dict) -> np.ndarray:
    """Map tokens.bin, whose size and checksum must be those of the record."""
    dtype = DTYPES[record["dtype"]]
    size = path.stat().st_size if path.is_file() else 0
    if size != record["tokens"] * dtype.itemsize:
        raise UserError(
            f"{path} has {size:,} bytes, expected {record['tokens']:,} tokens of "
            f"{dtype.itemsize} bytes; prepare it again"
        )
    ids = np.memmap(path, dtype, mode="r")
    if hashlib.sha256(ids).hexdigest() != record["sha256"]:
        raise UserError(
            f"{path} is damaged: its SHA-256 is not the one in {RECORD_FILE}; prepare it again"
        )
    return ids


def _read_record(folder):
    path, advice = folder / RECORD_FILE, "prepare it again"
    if not path.is_file():
        raise UserError(
            f"{folder} holds no {RECORD_FILE}, so it is not a prepared dataset, or not a "
            f"complete one; make one with: {command('prepare', 'TEXTS', '--out', 'DIR')}, "
            "or let --text read the texts"
        )
    return records.read_record(path, FORMAT, ENTRIES, advice, OLD_FORMAT)
