"""A prepared dataset: one row of token ids on the disk, and a record that describes it.

    DIR/tokens.bin     the ids, little-endian, 2 bytes each (4 where the vocabulary is larger
                       than 65,536), nothing before, between or after them
    DIR/NAME.bpe       the tokenizer's vocabulary, so that the ids can always be decoded
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
from .tokenizers.tokenizer import Tokenizer, load_tokenizer, save_tokenizer

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
    """Token ids (N,), mapped from the file and not read into memory, and their tokenizer."""

    ids: np.ndarray
    tokenizer: Tokenizer
    record: dict


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


def write_record(folder: Path, tokenizer: Tokenizer, record: dict) -> None:
    """Write the tokenizer and then tokens.json, which makes the folder a prepared dataset."""
    save_tokenizer(folder, tokenizer)
    about = tokenizer.identity | {"vocab_size": tokenizer.vocab_size}
    records.write_record(folder / RECORD_FILE, FORMAT, record | {"tokenizer": about})


def load_tokens(folder: Path) -> Tokens:
    """Open a prepared dataset. Raises UserError that says what is wrong with it."""
    record = _read_record(folder)
    tokenizer = load_tokenizer(folder, record["tokenizer"], 0)
    try:
        ids = _map_ids(folder / IDS_FILE, record)
    except OSError as error:
        raise UserError(f"cannot read {folder / IDS_FILE}: {error.strerror}") from None
    if ids.max() >= tokenizer.vocab_size:
        raise UserError(
            f"{folder / IDS_FILE} holds id {ids.max()}, but its tokenizer has "
            f"{tokenizer.vocab_size} tokens; prepare it again"
        )
    return Tokens(ids, tokenizer, record)


def _map_ids(path, record):
    """Map the file, whose size and checksum must be those of the record."""
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
