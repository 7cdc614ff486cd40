"""`flashlm prepare`: texts in, one flat row of token ids out.

Documents stream through in batches: while one is read, others are cut into tokens on all cores,
and what is done is written. Memory holds a few batches, however many documents there are.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..files import remove_leftovers
from ..progress import Progress
from .readers import Part
from .sources import Source
from .token_file import IDS, RECORD, write_ids, write_record
from .tokenizers.tokenizer import Tokenizer

BATCH = 1 << 18  # characters in a batch; a document counts as a few more than it has
LOCK = "prepare.lock"


@dataclass
class Counts:
    """What has gone into the row so far, and what could not."""

    documents: int = 0
    tokens: int = 0
    bytes: int = 0  # of the texts in UTF-8
    skipped: Counter = field(default_factory=Counter)


def prepare(
    source: Source,
    tokenizer: Tokenizer,
    out: Path,
    *,
    documents: int | None = None,
    separator: bool = False,
    threads: int = 1,
) -> dict:
    """Tokenize `source` into the folder `out`; the record that was written there.

    Takes the first `documents` of it, or all. With `separator`, the end-of-text token follows
    each document; without, they touch, as in FlashLM v3.

    Raises:
        UserError: the folder holds a corpus already, another process is preparing it, the
            source cannot be read, holds no usable text, or the disk is full. Then nothing is
            left that looks like a corpus.
    """
    from filelock import FileLock, Timeout

    out = Path(out)
    if source.folder and source.folder in (out.resolve(), *out.resolve().parents):
        raise UserError(f"{out} is in the folder that is read; choose another --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with FileLock(out / LOCK, timeout=0), _removed(out / LOCK):
            return _prepare(source, tokenizer, out, documents, separator, threads)
    except Timeout:
        raise UserError(
            f"another flashlm prepare is writing to {out}; wait for it, or choose another --out"
        ) from None
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror or error}") from None


@contextmanager
def _removed(lock: Path):
    """Leave no lock behind; whoever waits for it sees that (Windows keeps the empty file)."""
    try:
        yield
    finally:
        with suppress(OSError):
            lock.unlink()


def _prepare(source, tokenizer, out, documents, separator, threads):
    if (out / RECORD).exists():
        raise UserError(
            f"{out} holds a prepared corpus already; train with --data {out}, delete it, or "
            "choose another --out"
        )
    for name in (IDS, RECORD, f"{tokenizer.name}.bpe"):
        remove_leftovers(out / name)
    counts = Counts()
    rows = _rows(source, tokenizer, counts, documents, separator, threads)
    about_ids = write_ids(out, rows, tokenizer.dtype)
    record = {
        "dataset": source.dataset,
        "config": source.config,
        "split": source.split,
        "column": source.column,
        "min_characters": source.min_characters,
        "documents": counts.documents,
        "skipped": dict(counts.skipped),
        "bytes": counts.bytes,
        "separator": separator,
        **about_ids,
    }
    write_record(out, tokenizer, record)
    return record


def _rows(source, tokenizer, counts, limit, separator, threads) -> Iterator[np.ndarray]:
    """The ids of the documents, in order, counted and reported while they go by."""
    end = np.array([tokenizer.end_of_text] if separator else [], tokenizer.dtype)
    progress, start = Progress("document", limit), time.perf_counter()
    try:
        for part, ids, size in _encoded(source.parts(), tokenizer, threads):
            if part.skipped:
                counts.skipped[part.skipped] += 1
                continue
            row = np.concatenate([ids, end]) if part.ends else ids
            yield row
            counts.documents += part.ends
            counts.tokens += len(row)
            counts.bytes += size
            rate = counts.tokens / (time.perf_counter() - start)
            how = f"{counts.tokens:,} tokens, {rate:,.0f} per second"
            progress.advance(how, int(part.ends))
            if counts.documents == limit:
                break
    finally:
        progress.close()
    if not counts.tokens:
        raise UserError(f"{source.dataset} holds no usable text ({told(counts.skipped)})")


def _encoded(parts: Iterable[Part], tokenizer: Tokenizer, threads: int):
    """Each part, its ids and its bytes, in their order; batches are cut on all threads."""
    with ThreadPoolExecutor(threads) as pool:
        waiting = deque()
        try:
            for batch in _batches(parts):
                waiting.append(pool.submit(_encode_batch, tokenizer, batch))
                if len(waiting) > 2 * threads:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _batches(parts: Iterable[Part]) -> Iterator[list[Part]]:
    batch, size = [], 0
    for part in parts:
        batch.append(part)
        size += len(part.text) + 256  # so that empty ones come to an end, too
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    yield batch


def _encode_batch(tokenizer, batch):
    return [_encode(tokenizer, part) for part in batch]


def _encode(tokenizer, part):
    try:
        return part, tokenizer.encode(part.text), len(part.text.encode())
    except ValueError as error:
        if not part.whole:  # the ids of other parts may be written already
            place = f"in the part of a long text that begins {part.text[:40]!r}"
            raise UserError(f"{error} ({place})") from None
        return Part(skipped="not text"), None, 0


def told(skipped: Counter) -> str:
    """What was skipped, for people: "nothing skipped", "skipped 3 too short, 1 malformed"."""
    counts = ", ".join(f"{count:,} {reason}" for reason, count in sorted(skipped.items()))
    return f"skipped {counts}" if counts else "nothing skipped"
