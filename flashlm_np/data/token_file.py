"""A prepared corpus: one flat row of token ids, and a record of what they are.

    DIR/tokens.bin     the ids, little-endian, 2 bytes each (4 where the vocabulary is larger
                       than 65,536), nothing before, between or after them
    DIR/NAME.bpe       the tokenizer's ranks, so that the ids can be read for ever
    DIR/tokens.json    the record: source, counts, tokenizer, type, SHA-256 of tokens.bin

The record is written last. Without it, DIR is not a corpus, whatever else is there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..files import read_record, write_atomically, written_atomically
from .tokenizers.saving import load_tokenizer, save_tokenizer
from .tokenizers.tokenizer import Tokenizer

FORMAT = "flashlm-np tokens 1"
RECORD, IDS = "tokens.json", "tokens.bin"
DTYPES = {"uint16": np.dtype("<u2"), "uint32": np.dtype("<u4")}
KINDS = {  # the entries of a record that have to be there
    "dataset": str,
    "documents": int,
    "bytes": int,
    "separator": bool,
    "tokens": int,
    "dtype": str,
    "sha256": str,
    "tokenizer": dict,
}
BLOCK = 1 << 20  # ids that are read at once when a file is checked


@dataclass(frozen=True)
class Tokens:
    """Token ids (N,), mapped from the file and not read into memory, and their tokenizer."""

    ids: np.ndarray
    tokenizer: Tokenizer
    record: dict


def write_ids(folder: Path, rows: Iterable[np.ndarray], dtype: np.dtype) -> dict:
    """Write the rows, one after the other, as tokens.bin; what the record says of the file."""
    digest, count = hashlib.sha256(), 0
    disk_type = DTYPES[dtype.name]
    with written_atomically(folder / IDS) as file:
        for ids in rows:
            data = ids.astype(disk_type, copy=False).tobytes()
            digest.update(data)
            file.write(data)
            count += len(ids)
    return {"tokens": count, "dtype": dtype.name, "sha256": digest.hexdigest()}


def write_record(folder: Path, tokenizer: Tokenizer, record: dict) -> None:
    """Declare the folder whole: the tokenizer first, then tokens.json."""
    save_tokenizer(folder, tokenizer)
    about = {
        "name": tokenizer.name,
        "fingerprint": tokenizer.fingerprint,
        "vocab_size": tokenizer.vocab_size,
    }
    record = {"format": FORMAT, **record, "tokenizer": about}
    write_atomically(folder / RECORD, (json.dumps(record, indent=1) + "\n").encode())


def load_tokens(folder: Path) -> Tokens:
    """Open a prepared corpus, or raise a UserError that says what is wrong with it."""
    record = _read_record(folder)
    tokenizer = load_tokenizer(folder, record["tokenizer"], 0)
    path, dtype = folder / IDS, DTYPES[record["dtype"]]
    try:
        size = path.stat().st_size if path.is_file() else 0
        if size != record["tokens"] * dtype.itemsize:
            raise UserError(
                f"{path} has {size:,} bytes, expected {record['tokens']:,} tokens of "
                f"{dtype.itemsize} bytes; prepare it again"
            )
        _check_ids(path, dtype, record["sha256"], tokenizer.vocab_size)
        return Tokens(np.memmap(path, dtype, mode="r"), tokenizer, record)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None


def _check_ids(path, dtype, sha256, vocab_size):
    """Read the file once: its checksum must be the record's, its ids in the vocabulary."""
    digest, largest = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while data := file.read(BLOCK * dtype.itemsize):
            digest.update(data)
            largest = max(largest, int(np.frombuffer(data, dtype).max()))
    if digest.hexdigest() != sha256:
        raise UserError(
            f"{path} is damaged: its SHA-256 is not the one in {RECORD}; prepare it again"
        )
    if largest >= vocab_size:
        raise UserError(
            f"{path} holds id {largest}, but its tokenizer has {vocab_size} tokens; "
            "prepare it again"
        )


def _read_record(folder: Path) -> dict:
    path, advice = folder / RECORD, "prepare it again"
    if not path.is_file():
        raise UserError(
            f"{folder} holds no {RECORD}, so it is not a prepared corpus, or not a whole one; "
            f"make it with: flashlm prepare --out {folder}"
        )
    record = read_record(path, FORMAT, advice, **KINDS)
    if record["dtype"] not in DTYPES:
        raise UserError(f"{path} is damaged: its dtype is {record['dtype']!r}; {advice}")
    if record["tokens"] < 1:
        raise UserError(f"{path} is damaged: it tells of {record['tokens']} tokens; {advice}")
    return record
