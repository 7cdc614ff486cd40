"""The bytes of a text file as characters: encodings, line ends, and what is no text.

    UTF-8                   read; a byte-order mark is no part of the text
    UTF-16 and UTF-32       read with a byte-order mark, or if the first character is ASCII
    anything else           refused with the place of the first byte that does not fit
    line ends               "\\n"; those of Windows, "\\r\\n", and of old Macs, "\\r", become it
    the character U+0000    refused: a file with it is no text, or in an unknown encoding

The strings in JSON and in parquet files are not changed.
"""

import io
import json
from collections.abc import Iterator
from typing import BinaryIO

from ...errors import UserError


def decode(data: bytes, name: str) -> str:
    """The text of a whole file. Raises UserError for bytes that are no text."""
    try:
        text = data.decode(encoding_of(data))
    except UnicodeDecodeError as error:
        before = len(data) - len(error.object)  # a byte-order mark, which is cut off
        raise not_text(name, f"byte {before + error.start:,}") from None
    if "\0" in text:
        raise _with_nul(name, f"character {text.index(chr(0)):,}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decoded_lines(file: BinaryIO, name: str) -> Iterator[str]:
    """The lines of a file, each with its "\\n". Raises UserError for bytes that are no text."""
    number, lines = 0, open_text(file, newline=None)
    try:
        for number, line in enumerate(lines, start=1):
            if "\0" in line:
                raise _with_nul(name, f"line {number:,}")
            yield line
    except UnicodeDecodeError:
        raise not_text(name, f"in line {number + 1:,} or later") from None


def open_text(file: BinaryIO, **options) -> io.TextIOWrapper:
    """A stream of bytes as a stream of text, in the encoding that its beginning shows."""
    stream = io.BufferedReader(file, 1 << 16)
    return io.TextIOWrapper(stream, encoding_of(stream.peek(4)[:4]), **options)


def encoding_of(data: bytes) -> str:
    """The encoding that the first four bytes show: a byte-order mark, or the NULs of ASCII."""
    return json.detect_encoding(data[:4].ljust(4))


def not_text(name: str, place: str) -> UserError:
    """The error for a file that should be text."""
    return UserError(
        f"{name} is not UTF-8 text ({place}); if it is a text of an older encoding, such as "
        "Windows-1252, save it as UTF-8 in an editor, or with iconv -f WINDOWS-1252 -t UTF-8; "
        "of a document or an archive, save the texts as .txt"
    )


def _with_nul(name, place):
    return UserError(
        f"{name} holds a NUL ({place}), so it is no text, or UTF-16 without a byte-order mark; "
        "save it as UTF-8 in an editor"
    )
