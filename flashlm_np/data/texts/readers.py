"""The reader of each kind of file, which the ending of its name shows.

    .txt .md              the whole file is one document
    .jsonl .ndjson        JSON Lines: an object on each line
    .json                 an array of objects, or JSON Lines
    .csv .tsv             a table
    .parquet              a table; needs pyarrow
    .gz .zst after these  compressed; .zst needs pyarrow

A file with another ending, given by name, is read as text.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ...errors import UserError, extra_package
from .decoding import decode
from .documents import Document
from .json_files import read_json, read_jsonl
from .tables import read_csv, read_parquet


def read_text_file(file: BinaryIO, name: str, column: str) -> Iterator[Document]:
    """The whole file is one document."""
    text = decode(file.read(), name)
    is_empty = not text or text.isspace()
    yield Document(skipped="empty") if is_empty else Document(text)


READERS = {
    ".txt": read_text_file,
    ".md": read_text_file,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".parquet": read_parquet,
}
COMPRESSED = (".gz", ".zst")


def kind_of(name: str) -> str:
    """The ending of a file's name, in small letters, without that of a compression."""
    path = Path(name.lower())
    return Path(path.stem).suffix if path.suffix in COMPRESSED else path.suffix


def read_file(file: BinaryIO, name: str, column: str) -> Iterator[Document]:
    """The documents of an open file. One with an unknown ending is read as text."""
    reader = READERS.get(kind_of(name), read_text_file)
    try:
        yield from reader(_decompressed(file, name), name, column)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{name} is damaged or incomplete ({error}); copy it again") from None


def _decompressed(file, name):
    ending = Path(name).suffix.lower()
    if ending not in COMPRESSED:
        return file
    stream = io.BufferedReader(file)
    if not stream.peek(1):  # which gzip takes for an empty text
        raise EOFError("it has 0 bytes")
    if ending == ".gz":
        return gzip.open(stream)
    with extra_package("reading a .zst file"):
        import pyarrow as pa
    return pa.CompressedInputStream(stream, "zstd")
