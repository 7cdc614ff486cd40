"""Where texts come from: a dataset of the Hugging Face hub, a folder like one, or files.

`datasets` knows which files of a dataset belong to its configuration and split, on the hub and
in a folder, and opens them. Text, JSONL and parquet files are read by `readers`, wherever they
are; other kinds (CSV, archives, ...) are left to `datasets`.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from ..errors import UserError
from .readers import BLOCK, READERS, ROWS, Part, batch_parts

V3_DATASET = ("HuggingFaceFW/fineweb-edu",)  # what FlashLM v3 learned from, and of it
V3_CONFIG, V3_DOCUMENTS = "sample-10BT", 30_000
HIDDEN = re.compile(r"(^|/)(\.|__)")  # files and folders that are nobody's data


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
        is_name = re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", self.names[0]) is not None
        here = Path(self.names[0]).exists() or _kind(self.names[0]) in READERS
        return len(self.names) == 1 and is_name and not here

    @property
    def folder(self) -> Path | None:
        """The folder that is read, if it is one."""
        path = Path(self.names[0])
        return path.resolve() if len(self.names) == 1 and path.is_dir() else None

    @property
    def dataset(self) -> str:
        """The name for people and records."""
        if self.on_hub:
            return self.names[0]
        names = [Path(name).resolve().name for name in self.names]
        if len(names) > 4:
            names[3:] = [f"{len(names) - 3:,} more"]
        return ", ".join(names)

    def parts(self) -> Iterator[Part]:
        """The documents in their order. Raises a UserError that says what cannot be read."""
        found = self._repository() if self.on_hub or self.folder else self._listed()
        for part in found:
            if part.whole and not part.skipped and len(part.text) < self.min_characters:
                part = Part(skipped="too short")
            yield part

    def _listed(self):
        """The files that were named."""
        for name in self.names:
            if not Path(name).is_file() or _kind(name) not in READERS:
                raise UserError(
                    f"{name} is no file that can be read; give a dataset's name (OWNER/NAME), "
                    "one folder, or files that end in .txt, .jsonl or .parquet"
                )
        if self.config or self.split != "train":
            raise UserError(f"{self.dataset}: --config and --split are for datasets, not files")
        for name in self.names:
            yield from self._read(name)

    def _repository(self):
        """The files of a dataset's configuration and split."""
        with self._told(self.dataset):
            builder = self._builder()
            splits = (builder.config.data_files or {}).items()
            found = {str(split): [str(file) for file in files] for split, files in splits}
        here = self._texts_here() if builder.config.name == "default" else []
        files = found.get(self.split) or (here if self.split == "train" else [])
        if not files or not {_kind(file) for file in files} <= READERS.keys():
            yield from self._other_kinds(builder)
            return
        known = {Path(file) for file in (*files, *chain(*found.values()))}
        yield from [Part(skipped="other files")] * len({*map(Path, here)} - known)
        for file in files:
            yield from self._read(file)

    def _texts_here(self):
        """All files of a folder that hold texts; `datasets` may choose only some of them."""
        if not self.folder:
            return []
        paths = [path.relative_to(self.folder) for path in sorted(self.folder.rglob("*"))]
        shown = [self.folder / path for path in paths if not HIDDEN.search(path.as_posix())]
        return [str(path) for path in shown if _kind(path) in READERS and path.is_file()]

    def _read(self, file):
        """The documents of one file, here or on the hub."""
        name = re.sub(r"^hf://datasets/|@[0-9a-f]{40}", "", file)
        with self._told(name), _opened(file) as stream:
            yield from READERS[_kind(file)](stream, name, self.column)

    def _other_kinds(self, builder):
        with self._told(self.dataset):
            rows = builder.as_streaming_dataset(self.split)
            for table in rows.with_format("arrow").iter(ROWS):
                for batch in table.to_batches():
                    yield from batch_parts(batch, self.dataset, self.column)

    def _builder(self):
        import datasets

        datasets.disable_progress_bars()
        datasets.logging.set_verbosity(logging.CRITICAL)
        logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)
        datasets.config.STREAMING_READ_MAX_RETRIES = 2  # each of them tries five times again
        datasets.config.STREAMING_READ_RETRY_INTERVAL = 1  # second
        return datasets.load_dataset_builder(str(self.folder or self.names[0]), self.config)

    @contextmanager
    def _told(self, what: str):
        """Whatever goes wrong in here, as one sentence: the libraries raise all there is."""
        try:
            yield
        except UserError:
            raise
        except MemoryError:
            raise UserError(f"cannot read {what}: a document does not fit in memory") from None
        except Exception as error:
            advice = self.on_hub * (
                "; check its name, --config, --split and the network, or prepare texts that "
                "you have: flashlm prepare FILE.txt --out DIR"
            )
            where = self.on_hub * " from the Hugging Face hub"
            raise UserError(f"cannot read {what}{where}: {_reason(error)}{advice}") from None


def _kind(file: str | Path) -> str:
    return Path(file).suffix.lower()


def _opened(file: str) -> BinaryIO:
    if "://" not in file:
        return open(file, "rb")
    from datasets.utils.file_utils import xopen

    return io.BufferedReader(xopen(file, "rb"), BLOCK)


def _reason(error: Exception) -> str:
    """Why, on one line; addresses may hold what is secret."""
    if reason := getattr(error, "strerror", None):
        return reason
    words = re.sub(r"\S+://\S+", "...", " ".join(str(error).split()))
    return f"{type(error).__name__}: {words[:200].rstrip('.')}"
