"""One trial: mutate one file of a subject, read it, and name the outcome."""

import contextlib
import hashlib
import io
import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random

import numpy as np

from flashlm_np.errors import UserError

from .mutations import mutate, mutate_json, to_json
from .packing import Subject

REFUSED, SAME, ACCEPTED = "refused", "no effect", "accepted"
SILENT, CRASH = "silent", "crash"
LONGEST_SENTENCE = 1500  # characters of a message


@dataclass
class Fuzz:
    """A subject in a folder, with what it gives unchanged."""

    subject: Subject
    folder: Path

    @cached_property
    def files(self) -> dict[str, bytes]:
        return self.subject.pack(self.subject.parts)

    @cached_property
    def expected(self) -> bytes:
        return self._read(self.files)

    def trial(self, seed: int, index: int) -> tuple[str, str]:
        """The outcome of one mutated input, and a message."""
        files, is_packed = self.mutated(seed, index)
        expected = self.expected
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)  # it would be printed
                result = self._read(files)
        except UserError as error:
            sentence = str(error)
            is_good = 0 < len(sentence) < LONGEST_SENTENCE and "\n" not in sentence
            return (REFUSED if is_good else CRASH), sentence[:300]
        except Exception as error:
            return CRASH, f"{type(error).__name__}: {error}"[:300]
        if result == expected:
            return SAME, ""
        return (SILENT if self.subject.is_covered and not is_packed else ACCEPTED), ""

    def mutated(self, seed: int, index: int) -> tuple[dict[str, bytes], bool]:
        """The files of one trial, and whether their checksums fit."""
        rng = Random(f"{self.subject.name} {seed} {index}")
        is_packed = self.subject.pack is not dict and rng.random() < 0.5
        return (self._packed(rng) if is_packed else self._damaged(rng)), is_packed

    def _damaged(self, rng):
        name = rng.choice(sorted(self.files))
        data = self.files[name]
        if name.endswith(".json") and rng.random() < 0.5:
            changed = to_json(mutate_json(json.loads(data), rng))
        else:
            changed = mutate(data, self.files[rng.choice(sorted(self.files))], rng)
        return self.files | {name: changed}

    def _packed(self, rng):
        parts = self.subject.parts
        name = rng.choice(sorted(parts))
        if isinstance(parts[name], bytes):
            others = [part for part in parts.values() if isinstance(part, bytes)]
            changed = mutate(parts[name], rng.choice(others), rng)
        else:
            changed = mutate_json(parts[name], rng)
        return self.subject.pack(parts | {name: changed})

    def _read(self, files):
        """A digest of what the subject reads from these files."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        for name, data in files.items():
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_bytes(data)
        with contextlib.redirect_stdout(io.StringIO()):
            return digest(self.subject.read(self.folder))


def digest(value: object) -> bytes:
    """A hash of arrays in dicts, lists and tuples, and of the text of anything else."""
    if isinstance(value, dict):
        parts = sorted(digest(key) + digest(item) for key, item in value.items())
    elif isinstance(value, list | tuple):
        parts = [digest(part) for part in value]
    elif isinstance(value, np.ndarray):
        parts = [str((value.dtype, value.shape)).encode(), value.tobytes()]
    else:
        parts = [f"{type(value).__name__} {value}".encode("utf-8", "surrogatepass")]
    return hashlib.sha256(b"".join(parts)).digest()


@contextmanager
def fuzz(subject: Subject) -> Iterator[Fuzz]:
    """A subject in a temporary folder, in memory where the system has one."""
    memory = Path("/dev/shm")
    where = memory if memory.is_dir() else None
    with tempfile.TemporaryDirectory(dir=where, ignore_cleanup_errors=True) as folder:
        yield Fuzz(subject, Path(folder) / "x")
