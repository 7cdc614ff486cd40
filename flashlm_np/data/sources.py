"""The documents to prepare: a dataset of the Hugging Face hub, a folder like one, or files.

`datasets` finds the files of a configuration and a split, on the hub and in a folder. `readers`
reads text, JSONL and parquet files; `datasets` reads the other kinds (CSV, archives, ...).
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fsspec  # which the hub's library needs

from ..errors import UserError
from .readers import READERS, ROWS, Document, read_arrow

V3_DATASET = ("HuggingFaceFW/fineweb-edu",)  # FlashLM v3 was trained on the first documents
V3_CONFIG, V3_DOCUMENTS = "sample-10BT", 30_000


@dataclass(frozen=True)
class DocumentSource:
    """The name of a dataset on the hub, a folder, or files; and the documents to take of it."""

    names: tuple[str, ...] = V3_DATASET
    config: str | None = None  # a dataset may have several configurations
    split: str = "train"
    column: str = "text"
    min_characters: int = 50

    @property
    def on_hub(self) -> bool:
        """Whether this is the name of a dataset on the hub, and of no local file or folder."""
        is_name = re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", self.names[0]) is not None
        is_local = Path(self.names[0]).exists() or _kind(self.names[0]) in READERS
        return len(self.names) == 1 and is_name and not is_local

    @property
    def folder(self) -> Path | None:
        """The folder that is read, if it is one."""
        path = Path(self.names[0])
        return path.resolve() if len(self.names) == 1 and path.is_dir() else None

    @property
    def dataset(self) -> str:
        """The short name, for records and messages."""
        if self.on_hub:
            return self.names[0]
        names = [Path(name).resolve().name for name in self.names]
        if len(names) > 4:
            names[3:] = [f"{len(names) - 3:,} more"]
        return ", ".join(names)

    def documents(self) -> Iterator[Document]:
        """The documents in their order. Raises UserError for a source that cannot be read."""
        found = self._of_dataset() if self.on_hub or self.folder else self._of_files()
        with self._one_sentence(self.dataset):
            for document in found:
                short = not document.skipped and len(document.text) < self.min_characters
                yield Document(skipped="too short") if short else document

    def _of_files(self):
        for name in self.names:
            if not Path(name).is_file() or _kind(name) not in READERS:
                raise UserError(
                    f"{name} is no file that can be read; give a dataset's name (OWNER/NAME), "
                    "one folder, or files that end in .txt, .jsonl or .parquet"
                )
        if self.config or self.split != "train":
            raise UserError(f"{self.dataset}: --config and --split are for datasets, not files")
        for name in self.names:
            yield from self._of_file(name)

    def _of_file(self, file):
        name = re.sub(r"^hf://datasets/|@[0-9a-f]{40}", "", file)
        open_file = fsspec.open if file.startswith("hf://") else open
        with self._one_sentence(name), open_file(file, "rb") as stream:
            yield from READERS[_kind(file)](stream, name, self.column)

    def _of_dataset(self):
        builder = self._builder()
        listed = builder.config.data_files or {}  # of each split
        # `datasets` takes the texts of a plain folder only by their most frequent kind, and one
        # called test.txt for the split "test".
        texts = self._texts_of_folder() if builder.config.name == "default" else []
        files = listed.get(self.split) or (texts if self.split == "train" else [])
        if files and {_kind(file) for file in files} <= READERS.keys():
            others = set(texts).difference(files, *listed.values())
            yield from [Document(skipped="other files")] * len(others)
            for file in files:
                yield from self._of_file(file)
            return
        rows = builder.as_streaming_dataset(self.split)
        for table in rows.with_format("arrow").iter(ROWS):
            for batch in table.to_batches():
                yield from read_arrow(batch, self.dataset, self.column)

    def _builder(self):
        import datasets

        datasets.disable_progress_bars()
        datasets.logging.set_verbosity(logging.CRITICAL)
        logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)
        datasets.config.STREAMING_READ_MAX_RETRIES = 2  # each of them tries five times again
        datasets.config.STREAMING_READ_RETRY_INTERVAL = 1  # second
        return datasets.load_dataset_builder(str(self.folder or self.names[0]), self.config)

    def _texts_of_folder(self):
        """All files of the folder that `readers` can read; hidden ones are passed over."""
        from datasets.data_files import resolve_pattern

        found = resolve_pattern("**", str(self.folder)) if self.folder else []
        return sorted((file for file in found if _kind(file) in READERS), key=Path)

    @contextmanager
    def _one_sentence(self, name: str):
        """Raise any error of the libraries as a UserError of one sentence."""
        try:
            yield
        except UserError:
            raise
        except MemoryError:
            raise UserError(f"cannot read {name}: a document does not fit in memory") from None
        except Exception as error:  # the libraries raise errors of all classes
            if not self.on_hub:
                raise UserError(f"cannot read {name}: {_reason(error)}") from None
            raise UserError(
                f"cannot read {name} from the Hugging Face hub: {_reason(error)}; check its "
                "name, --config, --split and the network, or prepare texts that you have: "
                "flashlm prepare FILE.txt --out DIR"
            ) from None


def _kind(file: str) -> str:
    return Path(file).suffix.lower()


def _reason(error: Exception) -> str:
    """The reason on one line, without addresses, which may contain secrets."""
    if reason := getattr(error, "strerror", None):
        return reason
    words = re.sub(r"\S+://\S+", "...", " ".join(str(error).split()))
    return f"{type(error).__name__}: {words[:200].rstrip('.')}"
