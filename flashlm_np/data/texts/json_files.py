"""Read the documents of JSON files: one object per line (JSON Lines), or an array of them."""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, BinaryIO

from .decoding import open_text
from .documents import Document, NoTexts, no_column

ESCAPED = re.compile("[\udc80-\udcff]")  # a byte that is not UTF-8, after "surrogateescape"


def read_jsonl(file: BinaryIO, name: str, column: str) -> Iterator[Document]:
    """Each line is a document: a JSON object whose entry `column` is the text."""
    lines = filter(str.strip, _open(file))
    for first in lines:  # at most once, because `_documents` reads all of them
        yield from _documents(map(_parse, chain([first], lines)), name, column, _layout(first))


def read_json(file: BinaryIO, name: str, column: str) -> Iterator[Document]:
    """The whole file is an array of objects, or one object; or else it is JSON Lines."""
    stream = _open(file)
    lines = filter(str.strip, stream)
    first = next(lines, "")
    if isinstance(row := _parse(first), dict):
        rows = chain([row], map(_parse, lines))
    else:
        rows = _items(first + stream.read(), name)
    yield from _documents(rows, name, column)


def _layout(first: str) -> str:
    """The layout of JSON with this first line, where it is not one object per line, or ""."""
    line = first.strip().removeprefix("\ufeff")
    if line.startswith("["):
        return "is a JSON array: let its name end in .json"
    if line == "{":
        return "has JSON objects of many lines: if it is one, let its name end in .json"
    return "has a comma after each line: remove the commas" if line.endswith("},") else ""


def _open(file):
    # Only "\n" ends a line. A byte that is not UTF-8 spoils its own line only.
    return open_text(file, errors="surrogateescape", newline="\n")


def _parse(line: str) -> Any:
    """The JSON value of a line, or else a Document with the reason why there is none."""
    if ESCAPED.search(line):
        return Document(skipped="not UTF-8")
    # `datasets` and pyarrow refuse a whole file for one malformed line.
    try:
        return json.loads(line.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return Document(skipped="malformed")


def _items(text, name):
    """The items of the array that a whole file is, or its only value."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        reason = "a comma before a closing bracket is the usual reason"
        if error.msg == "Extra data":
            reason = "several objects stand in brackets, with commas between, or one per line"
        place = f"line {error.lineno}, column {error.colno} ({error.msg})"
        raise NoTexts(f"{name} is no valid JSON at {place}; {reason}") from None
    except (ValueError, RecursionError) as error:  # numbers, or brackets, without an end
        raise NoTexts(f"{name} is JSON that Python cannot read: {error}") from None
    return value if isinstance(value, list) else [value]


def _documents(rows: Iterable, name: str, column: str, layout: str = "") -> Iterator[Document]:
    """The texts of JSON values. Raises NoTexts if no value has one.

    layout: of a file that is no JSON Lines, in words, for the error.
    """
    found, columns, other_values = False, None, False
    for row in rows:
        if isinstance(row, dict):
            columns = row
            text = row.get(column)
            found |= isinstance(text, str)
            yield Document(text) if isinstance(text, str) else Document(skipped="without text")
        elif isinstance(row, Document):
            other_values |= row.skipped == "malformed"
            yield row
        else:
            other_values = True
            yield Document(skipped="without text")
    if columns is not None and not found:
        raise no_column(name, column, columns)
    if columns is None and other_values:
        objects = (
            f'holds no JSON objects such as {{"{column}": "..."}}; write one per line, '
            "or an array of them, also of many lines, where the name ends in .json"
        )
        raise NoTexts(f"{name} {layout or objects}")
