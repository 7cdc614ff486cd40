"""Documents for the tests of `flashlm prepare`: functions that write and read their files."""

import json
from collections import Counter

import pyarrow as pa
import pytest
from pyarrow import parquet

from flashlm_np.data.sources import DocumentSource
from flashlm_np.errors import UserError

LONG = "This sentence is number {} of a few, and it has more than fifty characters."
TEXTS = [LONG.format(i) for i in range(20)]
GOOD = [{"text": text, "n": 1} for text in TEXTS]


def lines(path, *rows):
    """Write one line per row; bytes are written unchanged, other values as JSON."""
    data = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path.write_bytes(b"\n".join(data))
    return path


def table(path, values, column="text", **options):
    """Write a parquet file of one column."""
    parquet.write_table(pa.table({column: values}), path, **options)
    return path


def read(*paths, **options):
    """Return the texts of the documents and the number of skipped documents by reason."""
    source = DocumentSource(tuple(map(str, paths)), **{"min_characters": 50} | options)
    found = list(source.documents())
    skipped = Counter(document.skipped for document in found if document.skipped)
    return [document.text for document in found if not document.skipped], dict(skipped)


def refusal(*paths, **options):
    with pytest.raises(UserError) as caught:
        read(*paths, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)
