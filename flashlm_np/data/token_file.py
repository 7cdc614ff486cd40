"""A prepared dataset: one row of token ids on the disk, and a record that describes it.

    DIR/tokens.bin     the ids, little-endian, 2 bytes each (4 where the vocabulary is larger
                       than 65,536), nothing before, between or after them
    DIR/NAME.bpe       the tokenizer's vocabulary, so that the ids can always be decoded
    DIR/tokens.json    the record: source, counts, tokenizer, type, SHA-256 of tokens.bin

The record is written last. A folder without it is not a prepared dataset.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..files import read_record, write_atomically, written_atomically
from .tokenizers.tokenizer import Tokenizer, load_tokenizer, save_tokenizer

FORMAT = "flashlm-np tokens 1"
RECORD_FILE, IDS_FILE = "tokens.json", "tokens.bin"
DTYPES = {"uint16": np.dtype("<u2"), "uint32": np.dtype("<u4")}
ENTRIES = {  # of a record, and their types
    "dataset": str,
    "documents": int,
    "bytes": int,
    "separator": bool,
    "tokens": int,
    "dtype": str,
    "sha256": str,
    "tokenizer": dict,
}
IDS_PER_READ = 1 << 20  # when a file is checked


@dataclass(frozen=True)
class Tokens:
    """Token ids (N,), mapped from the file and not read into memory, and their tokenizer."""

    ids: np.ndarray
    tokenizer: Tokenizer
    record: dict


def write_ids(folder: Path, rows: Iterable[np.ndarray], dtype: np.dtype) -> dict:
    """Write the rows, one after the other, as tokens.bin, and return entries for the record."""
    digest, count = hashlib.sha256(), 0
    disk_type = DTYPES[dtype.name]
    with written_atomically(folder / IDS_FILE) as file:
        for ids in rows:
            data = ids.astype(disk_type, copy=False).tobytes()
            digest.update(data)
            file.write(data)
            count += len(ids)
    return {"tokens": count, "dtype": dtype.name, "sha256": digest.hexdigest()}


def write_record(folder: Path, tokenizer: Tokenizer, record: dict) -> None:
    """Write the tokenizer and then tokens.json, which makes the folder a prepared dataset."""
    save_tokenizer(folder, tokenizer)
    names = ("name", "fingerprint", "vocab_size")
    described = {name: getattr(tokenizer, name) for name in names}
    record = {"format": FORMAT, **record, "tokenizer": described}
    write_atomically(folder / RECORD_FILE, (json.dumps(record, indent=1) + "\n").encode())


def load_tokens(folder: Path) -> Tokens:
    """Open a prepared dataset. Raises UserError that says what is wrong with it."""
    record = _read_record(folder)
    tokenizer = load_tokenizer(folder, record["tokenizer"], 0)
    path, dtype = folder / IDS_FILE, DTYPES[record["dtype"]]
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
    """Read the file once: its checksum must be the record's, and its ids in the vocabulary."""
    digest, largest = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while data := file.read(IDS_PER_READ * dtype.itemsize):
            digest.update(data)
            largest = max(largest, int(np.frombuffer(data, dtype).max()))
    if digest.hexdigest() != sha256:
        raise UserError(
            f"{path} is damaged: its SHA-256 is not the one in {RECORD_FILE}; prepare it again"
        )
    if largest >= vocab_size:
        raise UserError(
            f"{path} holds id {largest}, but its tokenizer has {vocab_size} tokens; "
            "prepare it again"
        )


def _read_record(folder: Path) -> dict:
    path, advice = folder / RECORD_FILE, "prepare it again"
    if not path.is_file():
        raise UserError(
            f"{folder} holds no {RECORD_FILE}, so it is not a prepared dataset, or not a "
            f"complete one; make it with: flashlm prepare --out {folder}"
        )
    record = read_record(path, FORMAT, advice, **ENTRIES)
    if record["dtype"] not in DTYPES:
        raise UserError(f"{path} is damaged: its dtype is {record['dtype']!r}; {advice}")
    if record["tokens"] < 1:
        raise UserError(f"{path} is damaged: its tokens are {record['tokens']}; {advice}")
    return record
