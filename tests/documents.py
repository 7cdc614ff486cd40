"""Documents for the tests of `flashlm prepare`: files of them, and what is read of those."""

import json
from collections import Counter

import pyarrow as pa
import pytest
from pyarrow import parquet

from flashlm_np.data.sources import Source
from flashlm_np.errors import UserError

LONG = "This sentence is number {} of a few, and it has more than fifty characters."
TEXTS = [LONG.format(i) for i in range(20)]
GOOD = [{"text": text, "n": 1} for text in TEXTS]


def lines(path, *rows):
    """A file with a line for each row: bytes as they are, else JSON."""
    data = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path.write_bytes(b"\n".join(data))
    return path


def table(path, values, column="text", **options):
    """A parquet file of one column."""
    parquet.write_table(pa.table({column: values}), path, **options)
    return path


def read(*paths, **options):
    """The texts of the documents, and how many were skipped for what."""
    skipped, texts, begun = Counter(), [], False
    for part in Source(tuple(map(str, paths)), **options).parts():
        if part.skipped:
            skipped[part.skipped] += 1
            continue
        assert part.begins == (not begun)
        texts.extend([""] * part.begins)
        texts[-1] += part.text
        begun = not part.ends
    assert not begun
    return texts, dict(skipped)


def refusal(*paths, **options):
    with pytest.raises(UserError) as caught:
        read(*paths, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)
