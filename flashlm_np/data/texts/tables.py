"""Read the documents of tables: CSV and parquet. Each row is a document."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from ...errors import UserError, extra_package
from .decoding import decoded_lines
from .documents import Document, NoTexts, no_column

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 64  # of a parquet file that are in memory at once
TEXT_TYPES = ("string", "large_string", "string_view", "null")  # Arrow's names
LONGEST_FIELD = 2**31 - 1  # characters: the largest C long of Windows


def read_csv(file: BinaryIO, name: str, column: str) -> Iterator[Document]:
    """The first line names the columns, and shows what separates them: , or ; or a tab."""
    csv.field_size_limit(LONGEST_FIELD)
    lines = decoded_lines(file, name)
    first = next(filter(str.strip, lines), "")
    # Strict: an open quotation mark would turn the rest of the file into one field.
    separator = max(",;\t", key=first.count)
    rows = csv.reader(chain([first], lines), delimiter=separator, strict=True)
    try:
        header = next(rows, [])
        if column not in header:
            raise no_column(name, column, header)
        for row in filter(None, rows):  # a blank line is an empty row
            yield _of_row(row, header, header.index(column))
    except csv.Error as error:
        raise NoTexts(
            f"{name} is no valid CSV at line {rows.line_num:,} ({error}); quote the texts, and "
            'write a quotation mark in them twice: "He said ""No"" again"'
        ) from None


def _of_row(row, header, place):
    if len(row) > len(header):  # a separator that stands in a text without quotation marks
        return Document(skipped="malformed")
    return Document(row[place]) if place < len(row) else Document(skipped="without text")


def read_parquet(file: BinaryIO, name: str, column: str) -> Iterator[Document]:
    """The rows of a parquet file, some at a time."""
    with extra_package("reading a parquet file"):
        from pyarrow.parquet import ParquetFile
    # Read page by page: a row group may be larger than the memory.
    table = ParquetFile(file, pre_buffer=False, buffer_size=1 << 20)
    if column not in table.schema_arrow.names:
        raise no_column(name, column, table.schema_arrow.names)
    for batch in table.iter_batches(ROWS, columns=[column], use_threads=False):
        yield from read_arrow(batch, name, column)


def read_arrow(batch: pa.RecordBatch, name: str, column: str) -> Iterator[Document]:
    """The rows of a batch in memory."""
    import pyarrow as pa

    if column not in batch.schema.names:
        raise no_column(name, column, batch.schema.names)
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
