"""`flashlm prepare`: texts in, one flat row of token ids out.

Documents stream through: while one is read, two are cut into tokens on other cores, and what is
done is written. Memory holds a few documents, however many there are.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .errors import UserError
from .files import remove_leftovers
from .progress import Progress
from .sources import Part, Source
from .tokenizer import Tokenizer
from .tokens import IDS, RECORD, write_ids, write_record

IN_FLIGHT = 1 << 22  # characters that are read ahead


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

    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / "prepare.lock", timeout=0):
            return _prepare(source, tokenizer, out, documents, separator, threads)
    except Timeout:
        raise UserError(
            f"another flashlm prepare is writing to {out}; wait for it, or choose another --out"
        ) from None


def _prepare(source, tokenizer, out, documents, separator, threads):
    if (out / RECORD).exists():
        raise UserError(
            f"{out} holds a prepared corpus already; train with --data {out}, or choose "
            "another --out"
        )
    remove_leftovers(out / IDS)
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
        for ids, size, ends in _encoded(source.parts(counts.skipped), tokenizer, threads):
            if ids is None:
                counts.skipped["not text"] += 1
                continue
            row = np.concatenate([ids, end]) if ends else ids
            yield row
            counts.documents += ends
            counts.tokens += len(row)
            counts.bytes += size
            rate = counts.tokens / (time.perf_counter() - start)
            progress.advance(f"{counts.tokens:,} tokens, {rate:,.0f} per second", int(ends))
            if counts.documents == limit:
                break
    finally:
        progress.close()
    if not counts.tokens:
        raise UserError(f"{source.dataset} holds no usable text ({told(counts.skipped)})")


def _encoded(parts: Iterable[Part], tokenizer, threads):
    """Each part's ids (None: it is no text), its bytes, whether it ends; in their order."""

    def encode(text):
        try:
            return tokenizer.encode(text), len(text.encode())
        except ValueError:
            return None, 0

    with ThreadPoolExecutor(threads) as pool:
        waiting, characters = deque(), 0
        for text, ends in parts:
            waiting.append((pool.submit(encode, text), len(text), ends))
            characters += len(text)
            while characters > IN_FLIGHT:
                done, length, ended = waiting.popleft()
                characters -= length
                yield *done.result(), ended
        for done, _, ended in waiting:
            yield *done.result(), ended


def told(skipped: Counter) -> str:
    """What was skipped, for people: "nothing skipped", "skipped 3 too short, 1 malformed"."""
    counts = ", ".join(f"{count:,} {reason}" for reason, count in sorted(skipped.items()))
    return f"skipped {counts}" if counts else "nothing skipped"
