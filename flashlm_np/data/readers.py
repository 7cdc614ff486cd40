"""Read the documents of a file of text, JSONL or parquet.

A line or a row that is no document is counted as skipped, with the reason.
"""

import json
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

import pyarrow as pa
from pyarrow.parquet import ParquetFile

from ..errors import UserError
from ..files import not_utf_8

ROWS = 64  # rows of a table that are in memory at once
TEXT_TYPES = ("string", "large_string", "string_view", "null")  # Arrow's names


class Document(NamedTuple):
    """A text, or the reason why there is none."""

    text: str = ""
    skipped: str = ""


def read_text_file(file: BinaryIO, name: str, column: str) -> Iterator[Document]:
    """The whole file is one document."""
    try:
        yield Document(file.read().decode())
    except UnicodeDecodeError as error:
        raise not_utf_8(name, error) from None


def read_jsonl(file: BinaryIO, name: str, column: str) -> Iterator[Document]:
    """Each line is a document: a JSON object whose entry `column` is the text."""
    # `datasets` and pyarrow refuse a whole file for one malformed line.
    found, columns = False, None
    for line in filter(bytes.strip, file):
        try:
            row = json.loads(line.decode("utf-8-sig"))
        except UnicodeDecodeError:
            yield Document(skipped="not UTF-8")
        except (ValueError, RecursionError):
            yield Document(skipped="malformed")
        else:
            row = row if isinstance(row, dict) else {}
            if isinstance(row.get(column), str):
                found = True
                yield Document(row[column])
            else:
                columns = row
                yield Document(skipped="without text")
    if columns is not None and not found:
        raise _no_column(name, column, columns)


def read_parquet(file: BinaryIO, name: str, column: str) -> Iterator[Document]:
    """Each row of the table is a document."""
    # Read page by page: a row group may be larger than the memory.
    table = ParquetFile(file, pre_buffer=False, buffer_size=1 << 20)
    if column not in table.schema_arrow.names:
        raise _no_column(name, column, table.schema_arrow.names)
    for batch in table.iter_batches(ROWS, columns=[column], use_threads=False):
        yield from read_arrow(batch, name, column)


READERS = {".txt": read_text_file, ".jsonl": read_jsonl, ".parquet": read_parquet}


def read_arrow(batch: pa.RecordBatch, name: str, column: str) -> Iterator[Document]:
    """Each row of the batch is a document."""
    if column not in batch.schema.names:
        raise _no_column(name, column, batch.schema.names)
    values = batch.column(column)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if str(values.type) not in TEXT_TYPES:
        raise UserError(
            f"{name}: column {column!r} holds {str(values.type)[:60]}, no text; choose another "
            "with --text-column"
        )
    for data in values.cast(pa.large_binary()).to_pylist():  # Arrow does not check the UTF-8
        if data is None:
            yield Document(skipped="without text")
            continue
        try:
            yield Document(data.decode())
        except UnicodeDecodeError:
            yield Document(skipped="not UTF-8")


def _no_column(name: str, column: str, columns: Iterable[str]) -> UserError:
    others = ", ".join(columns)[:200] or "none"
    return UserError(
        f"{name} has no text in column {column!r}; choose with --text-column among: {others}"
    )
