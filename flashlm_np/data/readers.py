"""Documents out of a file of text, JSONL or parquet, in little memory however large it is.

A document arrives in *parts*, nearly always one, and only a part has to fit into memory. The
ids of its parts, one after the other, are exactly the ids of the whole. What cannot be used
arrives as an empty part that says why it is skipped.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO, NamedTuple

from ..errors import UserError

BLOCK = 1 << 20  # bytes or characters that are read at once
STRETCH = 1 << 22  # characters without a blank, of which no more are kept: that is no text
LINE = 1 << 26  # bytes of a line of JSONL, likewise
ROWS = 64  # documents of a table that are held at once
TEXT_TYPES = ("string", "large_string", "string_view", "null")  # Arrow's names

# A token never holds a character and then a blank (GPT-2's pattern), so a text may be cut
# between them without changing a single id.
BORDER = re.compile(r"(?<=\S)[ \t\r\n]")


class Part(NamedTuple):
    """A document's text or a part of it; or none, and why the document is `skipped`."""

    text: str = ""
    begins: bool = True
    ends: bool = True
    skipped: str = ""

    @property
    def whole(self) -> bool:
        return self.begins and self.ends


def text_parts(file: BinaryIO, name: str, column: str) -> Iterator[Part]:
    """A text file is one document."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    blocks = chain(iter(lambda: file.read(BLOCK), b""), [b""])
    try:
        yield from cut(decoder.decode(data, final=not data) for data in blocks)
    except UnicodeDecodeError as error:
        position = file.tell() - len(error.object) + error.start
        raise UserError(
            f"{name} is not UTF-8 text (byte {position}); convert it with `iconv -t UTF-8` or "
            "choose another file"
        ) from None
    except ValueError as error:
        raise UserError(f"{name} is not text: {error}") from None


def jsonl_parts(file: BinaryIO, name: str, column: str) -> Iterator[Part]:
    """One JSON object a line; a line that is none, or has no text, is skipped."""
    used, other = False, None
    for line in _lines(file):
        row, wrong = _parsed(line)
        text = row.get(column) if isinstance(row, dict) else None
        if isinstance(text, str):
            used = True
            yield from document(text)
        elif wrong:
            yield Part(skipped=wrong)
        elif line.strip():
            other = row
            yield Part(skipped="without text")
    if other is not None and not used:
        raise _no_column(name, column, other if isinstance(other, dict) else ())


def parquet_parts(file: BinaryIO, name: str, column: str) -> Iterator[Part]:
    """A row of the table is a document.

    Read page by page: `datasets` reads whole row groups, which may have any size.
    """
    from pyarrow.parquet import ParquetFile

    table = ParquetFile(file, pre_buffer=False, buffer_size=BLOCK)
    if column not in table.schema_arrow.names:
        raise _no_column(name, column, table.schema_arrow.names)
    for batch in table.iter_batches(ROWS, columns=[column], use_threads=False):
        yield from batch_parts(batch, name, column)


READERS = {".txt": text_parts, ".jsonl": jsonl_parts, ".parquet": parquet_parts}


def batch_parts(batch, name: str, column: str) -> Iterator[Part]:
    """The documents of an Arrow batch, read as bytes: they may hold what is not UTF-8."""
    import pyarrow as pa

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
    for data in values.cast(pa.large_binary()).to_pylist():
        if data is None:
            yield Part(skipped="without text")
            continue
        try:
            yield from document(data.decode())
        except UnicodeDecodeError:
            yield Part(skipped="not UTF-8")


def document(text: str) -> list[Part]:
    """A document that is in memory already."""
    if len(text) <= BLOCK:
        return [Part(text)]
    try:
        return list(cut(text[i : i + BLOCK] for i in range(0, len(text), BLOCK)))
    except ValueError:
        return [Part(skipped="not text")]


def cut(blocks: Iterable[str]) -> Iterator[Part]:
    """One document that arrives in blocks of any size, cut only where no id changes.

    Raises: ValueError where there is no such place in millions of characters.
    """
    waiting, begins = [], True
    for text in blocks:
        if border := _last_border(text):
            yield Part("".join([*waiting, text[:border]]), begins, ends=False)
            waiting, begins = [], False
        waiting.append(text[border:])
        if sum(map(len, waiting)) > STRETCH:
            raise ValueError(f"it has more than {STRETCH:,} characters without a blank")
    yield Part("".join(waiting), begins)


def _last_border(text: str) -> int:
    """Where a text can be cut last, or 0; nearly always it is close to the end."""
    for start in (max(0, len(text) - 4096), 0):
        if borders := [match.start() for match in BORDER.finditer(text, start)]:
            return borders[-1]
    return 0


def _lines(file: BinaryIO) -> Iterator[bytes | None]:
    """The lines; None for a longer one than any document, which is not read into memory."""
    while line := file.readline(LINE):
        if len(line) < LINE or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(LINE)
        yield None


def _parsed(line: bytes | None):
    """A line's JSON, and what is wrong with it."""
    if line is None:
        return None, "too long"
    try:
        return (json.loads(line.decode("utf-8-sig")) if line.strip() else None), ""
    except UnicodeDecodeError:
        return None, "not UTF-8"
    except (ValueError, RecursionError):
        return None, "malformed"


def _no_column(name: str, column: str, columns: Iterable[str]) -> UserError:
    others = ", ".join(columns)[:200] or "none"
    return UserError(
        f"{name} has no text in column {column!r}; choose with --text-column among: {others}"
    )
