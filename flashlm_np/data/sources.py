"""The documents to prepare: a dataset of the Hugging Face hub, or local files and folders.

`texts` reads files and folders. `datasets` finds the files of a configuration and a split on
the hub, and in a folder if one is asked for; it also reads the kinds that `texts` does not.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..commands import command
from ..errors import UserError
from .hub import builder_of, open_file, reason_of
from .texts.documents import OTHER_FILES, Document, NoTexts
from .texts.local_files import local_files
from .texts.readers import READERS, kind_of, read_file
from .texts.tables import ROWS, read_arrow

V3_DATASET = ("HuggingFaceFW/fineweb-edu",)  # FlashLM v3 was trained on the first documents
V3_CONFIG, V3_DOCUMENTS = "sample-10BT", 30_000
V3_CHARACTERS = 50  # at least, in each document


@dataclass(frozen=True)
class DocumentSource:
    """The name of a dataset on the hub, or files and folders; and the documents to take.

    config, split: of a dataset on the hub, where the split is "train" by default. With one of
        them a folder is read like a dataset of the hub, too, and otherwise whole.
    min_characters: of a document; by default 50 in a dataset on the hub, and else 1.
    """

    names: tuple[str, ...] = V3_DATASET
    config: str | None = None
    split: str | None = None
    column: str = "text"
    min_characters: int | None = None

    @property
    def on_hub(self) -> bool:
        """Whether this is the name of a dataset on the hub, and of no local file or folder."""
        is_name = re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", self.names[0]) is not None
        is_local = Path(self.names[0]).exists() or kind_of(self.names[0]) in READERS
        return len(self.names) == 1 and is_name and not is_local

    @property
    def like_hub(self) -> bool:
        """Whether the source is read by the rules of the hub."""
        return self.on_hub or self.config is not None or self.split is not None

    @property
    def part(self) -> str | None:
        """The split that is read; None for local texts, which are read whole."""
        return self.split or ("train" if self.like_hub else None)

    @property
    def shortest(self) -> int:
        """The characters that a document has at least."""
        if self.min_characters is not None:
            return self.min_characters
        return V3_CHARACTERS if self.like_hub else 1

    @property
    def folders(self) -> list[Path]:
        """The folders that are read."""
        return [Path(name).resolve() for name in self.names if name and Path(name).is_dir()]

    @property
    def dataset(self) -> str:
        """The short name, for records and messages."""
        if self.on_hub:
            return self.names[0]
        names = [Path(name).resolve().name for name in self.names]
        if len(names) > 4:
            names[3:] = [f"{len(names) - 3:,} more"]
        return ", ".join(names)

    def expect_outside(self, out: Path) -> None:
        """Raise a UserError if `out` is in a folder that is read, as its files would be."""
        if any(folder in (out.resolve(), *out.resolve().parents) for folder in self.folders):
            raise UserError(f"{out} is in the folder that is read; choose another --out")

    def documents(self) -> Iterator[Document]:
        """The documents in their order. Raises UserError for a source that cannot be read."""
        found = self._of_dataset() if self.like_hub else self._of_files()
        shortest = self.shortest
        with self._one_sentence(self.dataset):
            for document in found:
                short = not document.skipped and len(document.text) < shortest
                yield Document(skipped="too short") if short else document

    def _of_files(self):
        files = [file for name in self.names for file in local_files(name)]
        for file in files:
            other = Document(skipped=OTHER_FILES, file=file.name)
            if not file.is_read:
                yield other
                continue
            try:
                yield from self._of_file(str(file.path))
            except NoTexts:  # a .json of a folder may be anything
                if not file.in_folder or kind_of(file.name) != ".json":
                    raise
                yield other

    def _of_file(self, file):
        name = re.sub(r"^hf://datasets/|@[0-9a-f]{40}", "", file)
        with self._one_sentence(name), open_file(file) as stream:
            yield from read_file(stream, name, self.column)

    def _of_dataset(self):
        split, builder = self.part, self._builder()
        files = (builder.config.data_files or {}).get(split)
        if files and {kind_of(file) for file in files} <= READERS.keys():
            for file in files:
                yield from self._of_file(file)
            return
        rows = builder.as_streaming_dataset(split)
        for table in rows.with_format("arrow").iter(ROWS):
            for batch in table.to_batches():
                yield from read_arrow(batch, self.dataset, self.column)

    def _builder(self):
        if not self.on_hub and not (len(self.names) == 1 and self.folders):
            raise UserError(
                f"{self.dataset}: --config and --split are for a dataset of the hub, or one "
                "folder like it; leave them out"
            )
        return builder_of(self.names[0] if self.on_hub else str(self.folders[0]), self.config)

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
                raise UserError(f"cannot read {name}: {reason_of(error)}") from None
            raise UserError(
                f"cannot read {name} from the Hugging Face hub: {reason_of(error)}; check its "
                "name, --config, --split and the network, or prepare texts that you have: "
                + command("prepare", "FILE.txt", "--out", "DIR")
            ) from None
