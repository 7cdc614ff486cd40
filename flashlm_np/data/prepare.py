"""`flashlm prepare`: documents in, a prepared dataset of token ids out.

Threads encode documents while others are read and written. Memory holds some tens of
documents, however many there are.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np

from ..commands import quoted
from ..errors import UserError
from ..folders import locked
from ..progress import Progress, rate
from .loading import training_size
from .sources import DocumentSource
from .texts.documents import Document, Skipped, encode, no_usable_text
from .token_file import IDS_FILE, RECORD_FILE, map_ids, write_ids, write_record
from .tokenizers.frequent import FrequentTokens
from .tokenizers.tokenizer import Tokenizer

VALIDATION_SHARE = 0.05  # the default of `flashlm train`: these tokens are not counted
DOCUMENTS_AHEAD = 64  # that are read before the first of them is written


def prepare(
    source: DocumentSource,
    tokenizer: Tokenizer,
    out: Path,
    *,
    documents: int | None = None,
    separator: bool = False,
    threads: int = 1,
    most_frequent: int | None = None,
) -> dict:
    """Tokenize the documents of `source` into the folder `out`, and return its record.

    documents: take only the first ones.
    separator: end each document with the end-of-text token; FlashLM v3 has none.
    most_frequent: the size of a short vocabulary, made of the part that trains by default.

    Raises:
        UserError: the folder cannot be written to, or is in use, or holds a prepared dataset;
            the source cannot be read, or holds no usable text. No record is written then.
    """
    source.expect_outside(out)
    with locked(out):
        return _prepare(source, tokenizer, out, documents, separator, threads, most_frequent)


def _prepare(source, tokenizer, out, documents, separator, threads, most_frequent):
    if (out / RECORD_FILE).exists():
        raise UserError(
            f"{out} holds a prepared dataset already; give --data {quoted(out)} to train, "
            "delete it, or choose another --out"
        )
    skipped = Skipped()
    record = {
        "dataset": source.dataset,
        "config": source.config,
        "split": source.part,
        "column": source.column,
        "min_characters": source.shortest,
        "documents": 0,
        "skipped": skipped.counts,  # documents, by reason
        "other_files": skipped.files,  # the first names
        "bytes": 0,  # of the texts in UTF-8
        "separator": separator,
    }
    encoded = _encoded(source.documents(), tokenizer, threads)
    rows = _rows(encoded, tokenizer, record, skipped, documents)
    record |= write_ids(out, rows, tokenizer.dtype)
    if most_frequent is not None:
        ids = map_ids(out / IDS_FILE, record)
        train = ids[: training_size(len(ids), VALIDATION_SHARE)]
        tokenizer = FrequentTokens.of_text(tokenizer, train, most_frequent)
        record["most_frequent"] = most_frequent
    return write_record(out, tokenizer, record)


def _rows(encoded, tokenizer, record, skipped, documents) -> Iterator[np.ndarray]:
    """Yield the ids of each document, in order; count them in `record`; show the progress."""
    end = np.array([tokenizer.end_of_text] if record["separator"] else [], tokenizer.dtype)
    start, tokens = time.perf_counter(), 0
    with closing(Progress("document", documents)) as progress:
        for ids, document, size in encoded:
            if ids is None:
                skipped.add(document)
                continue
            row = np.concatenate([ids, end])
            yield row
            tokens += len(row)
            record["documents"] += 1
            record["bytes"] += size
            per_second = rate(tokens, time.perf_counter() - start)
            progress.advance(f"{tokens:,} tokens, {per_second:,.0f} per second")
            if record["documents"] == documents:
                break
    if not tokens:
        raise no_usable_text(record["dataset"], skipped)


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
    """The ids of a document or None, the document, and its bytes in UTF-8."""
    ids, document = encode(tokenizer, document)
    return ids, document, len(document.text.encode())
