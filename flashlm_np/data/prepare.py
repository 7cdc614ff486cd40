"""`flashlm prepare`: documents in, a prepared dataset of token ids out.

Threads encode documents while others are read and written. Memory holds some tens of
documents, however many there are.
"""

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from ..errors import UserError
from ..progress import Progress
from .readers import Document
from .sources import DocumentSource
from .token_file import RECORD_FILE, write_ids, write_record
from .tokenizers.tokenizer import Tokenizer

DOCUMENTS_AHEAD = 64  # that are read before the first of them is written
LOCK_FILE = "prepare.lock"


def prepare(
    source: DocumentSource,
    tokenizer: Tokenizer,
    out: Path,
    *,
    documents: int | None = None,
    separator: bool = False,
    threads: int = 1,
) -> dict:
    """Tokenize the documents of `source` into the folder `out`, and return its record.

    documents: take only the first ones.
    separator: end each document with the end-of-text token; FlashLM v3 has none.

    Raises:
        UserError: the folder cannot be written to, or is in use, or holds a prepared dataset;
            the source cannot be read, or holds no usable text. No record is written then.
    """
    if source.folder and source.folder in (out.resolve(), *out.resolve().parents):
        raise UserError(f"{out} is in the folder that is read; choose another --out")
    lock = out / LOCK_FILE
    try:
        out.mkdir(parents=True, exist_ok=True)
        with FileLock(lock, timeout=0):
            try:
                return _prepare(source, tokenizer, out, documents, separator, threads)
            finally:
                with suppress(OSError):  # Windows cannot delete a file that is open
                    lock.unlink()
    except Timeout:
        raise UserError(
            f"another flashlm prepare is writing to {out}; wait for it, or choose another --out"
        ) from None
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror or error}") from None


def _prepare(source, tokenizer, out, documents, separator, threads):
    if (out / RECORD_FILE).exists():
        raise UserError(
            f"{out} holds a prepared dataset already; train with --data {out}, delete it, or "
            "choose another --out"
        )
    for pattern in ("tokens.*.tmp-*", "*.bpe.tmp-*"):  # of a process that was killed
        for leftover in out.glob(pattern):
            leftover.unlink()
    record = {
        "dataset": source.dataset,
        "config": source.config,
        "split": source.split,
        "column": source.column,
        "min_characters": source.min_characters,
        "documents": 0,
        "skipped": Counter(),  # documents, by reason
        "bytes": 0,  # of the texts in UTF-8
        "separator": separator,
    }
    encoded = _encoded(source.documents(), tokenizer, threads)
    rows = _rows(encoded, tokenizer, record, documents)
    record |= write_ids(out, rows, tokenizer.dtype)
    write_record(out, tokenizer, record)
    return record


def _rows(encoded, tokenizer, record, documents) -> Iterator[np.ndarray]:
    """Yield the ids of each document, in order; count them in `record`; show the progress."""
    end = np.array([tokenizer.end_of_text] if record["separator"] else [], tokenizer.dtype)
    start, tokens = time.perf_counter(), 0
    with closing(Progress("document", documents)) as progress:
        for ids, size, skipped in encoded:
            if skipped:
                record["skipped"][skipped] += 1
                continue
            row = np.concatenate([ids, end])
            yield row
            tokens += len(row)
            record["documents"] += 1
            record["bytes"] += size
            rate = tokens / (time.perf_counter() - start)
            progress.advance(f"{tokens:,} tokens, {rate:,.0f} per second")
            if record["documents"] == documents:
                break
    if not tokens:
        reasons = describe_skipped(record["skipped"])
        raise UserError(f"{record['dataset']} holds no usable text ({reasons})")


def _encoded(documents: Iterable[Document], tokenizer: Tokenizer, threads: int):
    """Yield the results of `_encode` in the order of the documents, computed by threads."""
    futures = deque()
    with ThreadPoolExecutor(threads) as pool:
        for document in documents:
            futures.append(pool.submit(_encode, tokenizer, document))
            if len(futures) > DOCUMENTS_AHEAD:
                yield futures.popleft().result()
        while futures:
            yield futures.popleft().result()


def _encode(tokenizer, document):
    """The ids of a document, its bytes in UTF-8, and the reason why it is skipped, or ""."""
    if document.skipped:
        return None, 0, document.skipped
    try:
        return tokenizer.encode(document.text), len(document.text.encode()), ""
    except ValueError:
        return None, 0, "not text"


def describe_skipped(skipped: Counter) -> str:
    """For a message: "nothing skipped", or "skipped 1 malformed, 3 too short"."""
    counts = ", ".join(f"{count:,} {reason}" for reason, count in sorted(skipped.items()))
    return f"skipped {counts}" if counts else "nothing skipped"
