"""Where texts come from: a dataset of the Hugging Face hub, a folder, or files.

Whatever the source, documents arrive as *parts*, one after the other: a text, and whether the
document ends with it. Only a text file has several, so that a file of any size can be read in
little memory. What cannot be used is counted in `skipped`, by its reason.
"""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import UserError

V3_DATASET = ("HuggingFaceFW/fineweb-edu",)  # what FlashLM v3 learned from, and of it
V3_CONFIG, V3_DOCUMENTS = "sample-10BT", 30_000
PLAIN = (".txt", ".jsonl")  # read here; everything else is read by `datasets`
BLOCK = 1 << 20  # bytes of a text file in one part
ROWS = 64  # documents of a dataset that are held at once

# A token never holds a character and then a blank (GPT-2's pattern), so a text may be cut
# between them without changing a single id.
BORDER = re.compile(r"(?<=\S)[ \t\r\n]")

Part = tuple[str, bool]


@dataclass(frozen=True)
class Source:
    """What to read: one dataset's name on the hub, one folder, or files."""

    names: tuple[str, ...] = V3_DATASET
    config: str | None = None  # a dataset may come in several configurations
    split: str = "train"
    column: str = "text"
    min_characters: int = 50

    @property
    def on_hub(self) -> bool:
        """Whether the name is a dataset's on the hub, and no file's or folder's here."""
        path = Path(self.names[0])
        is_name = re.fullmatch(r"[\w.-]+/[\w.-]+", self.names[0]) is not None
        files = path.exists() or path.suffix in (*PLAIN, ".parquet")
        return len(self.names) == 1 and is_name and not files

    @property
    def dataset(self) -> str:
        """The name for people and records."""
        return self.names[0] if self.on_hub else ", ".join(Path(n).name for n in self.names)

    def parts(self, skipped: Counter) -> Iterator[Part]:
        """The documents' parts. Raises a UserError that says what cannot be read."""
        begun = False
        for text, ends in self._all_parts(skipped):
            if ends and not begun and len(text) < self.min_characters:
                skipped["too short"] += 1
            else:
                yield text, ends
            begun = not ends

    def _all_parts(self, skipped):
        files = self._plain_files()
        if files is None:
            for data in self._rows():
                if (text := _decode(data, skipped)) is not None:
                    yield text, True
            return
        for path in files:
            read = _text_parts if path.suffix == ".txt" else self._lines
            try:
                with open(path, "rb") as file:
                    yield from read(file, path, skipped)
            except OSError as error:
                raise UserError(f"cannot read {path}: {error.strerror}") from None

    def _plain_files(self) -> list[Path] | None:
        """The files to read here, or None where `datasets` has to."""
        if self.on_hub:
            return None
        paths = [Path(name) for name in self.names]
        if len(paths) == 1 and paths[0].is_dir():
            paths = sorted(path for path in paths[0].rglob("*") if path.is_file())
            if not paths:
                raise UserError(f"{self.names[0]} is an empty folder; there is nothing to read")
        elif missing := [path for path in paths if not path.is_file()]:
            raise UserError(
                f"there is no file {missing[0]}; give a dataset's name (OWNER/NAME), one "
                "folder, or files that end in .txt, .jsonl or .parquet"
            )
        return paths if all(path.suffix in PLAIN for path in paths) else None

    # -- JSONL ---------------------------------------------------------------------------

    def _lines(self, file, path, skipped):
        """One JSON object a line; a line that is none, or has no text, is skipped."""
        other = None
        used = False
        for line in file:
            try:
                row = json.loads(line) if line.strip() else None
            except (ValueError, RecursionError):
                skipped["malformed"] += 1
                continue
            if isinstance(row, dict) and isinstance(row.get(self.column), str):
                used = True
                yield row[self.column], True
            elif row is not None:
                other = row
                skipped["without text"] += 1
        if other is not None and not used:
            columns = ", ".join(other) if isinstance(other, dict) else "none"
            raise UserError(
                f"{path} has no text in {self.column!r}; choose with --text-column among: "
                f"{columns}"
            )

    # -- everything else -------------------------------------------------------------------

    def _rows(self) -> Iterator[bytes | None]:
        """The text column of a dataset, as bytes: it may hold what is not UTF-8."""
        import pyarrow as pa

        try:
            for table in self._load().with_format("arrow").iter(batch_size=ROWS):
                if self.column not in table.column_names:
                    raise UserError(
                        f"{self.dataset} has no column {self.column!r}; choose with "
                        f"--text-column among: {', '.join(table.column_names)}"
                    )
                column = table[self.column]
                if not (
                    pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
                ):
                    raise UserError(
                        f"{self.dataset}: column {self.column!r} holds {column.type}, no text; "
                        "choose another with --text-column"
                    )
                yield from column.cast(pa.large_binary()).to_pylist()
        except (UserError, GeneratorExit, KeyboardInterrupt, MemoryError):
            raise
        except Exception as error:  # `datasets` lets through whatever its many readers raise
            raise UserError(self._unreadable(error)) from None

    def _load(self):
        import datasets

        datasets.disable_progress_bars()
        datasets.logging.set_verbosity(datasets.logging.CRITICAL)
        datasets.config.STREAMING_READ_MAX_RETRIES = 2  # each of them tries five times again
        datasets.config.STREAMING_READ_RETRY_INTERVAL = 1  # second
        how = {"split": self.split, "streaming": True}
        if self.on_hub or Path(self.names[0]).is_dir():
            return datasets.load_dataset(self.names[0], self.config, **how)
        kinds = {Path(name).suffix for name in self.names}
        if kinds != {".parquet"}:
            raise UserError(
                f"cannot read {self.dataset}: files must all end in .txt or .jsonl, or all in "
                ".parquet"
            )
        return datasets.load_dataset("parquet", data_files=list(self.names), **how)

    def _unreadable(self, error: Exception) -> str:
        first_line = (str(error).splitlines() or [""])[0]
        without_address = re.sub(r"\S+://\S+", "...", first_line)[:200]
        reason = f"{type(error).__name__}: {without_address}"
        if self.on_hub:
            return (
                f"cannot read {self.dataset} from the Hugging Face hub ({reason}). Check the "
                "network, or prepare texts that you have: flashlm prepare FILE.txt --out DIR"
            )
        return f"cannot read {self.dataset}: {reason}"


def _decode(data: bytes | None, skipped: Counter) -> str | None:
    if data is None:
        skipped["without text"] += 1
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        skipped["not UTF-8"] += 1
        return None


def _text_parts(file, path: Path, skipped: Counter) -> Iterator[Part]:
    """A text file is one document, in parts of about a megabyte."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    waiting, read = [], 0
    while True:
        data = file.read(BLOCK)
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise UserError(
                f"{path} is not UTF-8 text (near byte {read + error.start}); convert it with "
                "`iconv -t UTF-8` or choose another file"
            ) from None
        read += len(data)
        if not data:
            yield "".join([*waiting, text]), True
            return
        cut = _last_border(text)
        if cut:
            yield "".join([*waiting, text[:cut]]), False
            waiting = []
        waiting.append(text[cut:])


def _last_border(text: str) -> int:
    """Where a text can be cut last; 0 where nothing near its end allows it."""
    borders = [match.start() for match in BORDER.finditer(text, max(0, len(text) - 4096))]
    return borders[-1] if borders else 0
