"""Files of documents: the texts, the skipped documents with their reasons, and the errors."""

import json
import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from documents import GOOD, TEXTS, lines, read, refusal, table
from pyarrow import parquet

from flashlm_np.data.sources import DocumentSource

# -- text ----------------------------------------------------------------------------------


def test_a_text_file_is_one_document(tmp_path):
    text = "\n".join(TEXTS) + "\n\n \u2028 \ufeff \x85 \f"
    (tmp_path / "a.txt").write_bytes(text.encode())
    assert read(tmp_path / "a.txt") == ([text], {})


@pytest.mark.parametrize(
    "data", [b"\xe9", b"ok \xe2\x82 no", b"0123456\xff", b"to the end \xe2"]
)
def test_a_text_file_that_is_not_utf_8_is_refused_with_the_place(tmp_path, data):
    (tmp_path / "a.txt").write_bytes(data)
    place = next(i for i, byte in enumerate(data) if byte > 127)
    message = refusal(tmp_path / "a.txt")
    assert f"a.txt is not UTF-8 text (byte {place}); if it is a text of" in message


# -- JSONL ---------------------------------------------------------------------------------


def test_good_lines_between_bad_ones_are_read(tmp_path):
    rows = [json.dumps(row).encode() for row in GOOD]
    path = lines(tmp_path / "a.jsonl", b"\xef\xbb\xbf" + rows[0], rows[1] + b"\r", b"", b" \t")
    with open(path, "ab") as file:
        file.write(b"\n" + b"\n".join(rows[2:]) + b"\n\n")
    assert read(path) == (TEXTS, {})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "malformed"),
        (b'{"text": "no end', "malformed"),
        (b"{} {}", "malformed"),
        (b"[" * 100_000, "malformed"),
        (b'{"a":' * 100_000, "malformed"),
        (b'{"text": 1' + b"0" * 5000 + b"}", "malformed"),
        (b'{"text": "a\ttab"}', "malformed"),
        (b"\x00", "malformed"),
        (b'{"text": "\xff"}', "not UTF-8"),
        (b'{"text": "\xed\xa0\xbd\xed\xb8\x80"}', "not UTF-8"),
        (b"[1, 2]", "without text"),
        (b"null", "without text"),
        (b"7", "without text"),
        (b'"text"', "without text"),
        (b"{}", "without text"),
        (b'{"text": null}', "without text"),
        (b'{"text": NaN}', "without text"),
        (b'{"text": ["a"]}', "without text"),
        (b'{"text": {"text": "a"}}', "without text"),
        (b'{"Text": "a"}', "without text"),
        (b'{"text": ""}', "too short"),
        (b'{"text": "' + b"x" * 49 + b'"}', "too short"),
    ],
)
def test_a_bad_line_is_skipped_and_counted(tmp_path, line, reason):
    path = lines(tmp_path / "a.jsonl", GOOD[0], line, GOOD[1])
    assert read(path) == (TEXTS[:2], {reason: 1})


def test_characters_are_counted_and_not_bytes(tmp_path):
    path = lines(tmp_path / "a.jsonl", {"text": "é" * 49}, {"text": "漢" * 50})
    assert read(path) == (["漢" * 50], {"too short": 1})
    assert read(path, min_characters=0) == (["é" * 49, "漢" * 50], {})


@pytest.mark.parametrize(
    ("row", "columns"), [({"content": "a", "n": 1}, "content, n"), ({}, "none")]
)
def test_the_error_for_a_missing_column_lists_the_columns(tmp_path, row, columns):
    message = refusal(lines(tmp_path / "a.jsonl", row, row))
    assert message.endswith(
        "a.jsonl has no text in column 'text'; choose with prepare's --text-column among: "
        f"{columns}"
    )
    assert len(refusal(lines(tmp_path / "a.jsonl", dict.fromkeys(map(str, range(999)))))) < 500


def test_another_column_can_be_chosen(tmp_path):
    path = lines(tmp_path / "a.jsonl", *({"content": text} for text in TEXTS))
    assert read(path, column="content") == (TEXTS, {})


# -- parquet -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view", "dictionary"])
def test_texts_of_every_type_are_read(tmp_path, kind):
    values = pa.array([*TEXTS, None])
    values = values.dictionary_encode() if kind == "dictionary" else values.cast(kind)
    path = table(tmp_path / "a.parquet", values, row_group_size=7)
    assert read(path) == (TEXTS, {"without text": 1})


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([1, 2]), "int64"),
        (pa.array([b"a"]), "binary"),
        (pa.array([["a"]]), "list<element: string>"),
        (pa.array([{"a": "b"}]), "struct<a: string>"),
        (pa.array([1]).dictionary_encode(), "int64"),
    ],
)
def test_a_column_of_another_type_is_refused(tmp_path, values, kind):
    message = refusal(table(tmp_path / "a.parquet", values))
    assert f"a.parquet: column 'text' holds {kind}, no text; choose another with" in message


@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary"])
def test_strings_that_are_not_utf_8_are_skipped(tmp_path, kind):
    data = [TEXTS[0].encode(), b"\xff" * 60, TEXTS[1].encode() + b"\xe2\x82", TEXTS[2].encode()]
    large = kind == "large_string"
    values = pa.array(data, pa.large_binary() if large else pa.binary())
    values = values.view(pa.large_string() if large else pa.string())
    values = values.dictionary_encode() if kind == "dictionary" else values
    path = table(tmp_path / "a.parquet", values)
    assert read(path) == ([TEXTS[0], TEXTS[2]], {"not UTF-8": 2})


def test_several_files_are_read_one_after_the_other(tmp_path):
    paths = [
        table(tmp_path / "z.parquet", TEXTS[:5]),
        table(tmp_path / "none.parquet", pa.array([], pa.string())),
        table(tmp_path / "nulls.parquet", pa.nulls(3)),
        lines(tmp_path / "b.jsonl", *GOOD[5:9]),
        table(tmp_path / "a.PARQUET", TEXTS[9:]),
    ]
    assert read(*paths) == (TEXTS, {"without text": 3})


def test_a_damaged_table_is_refused(tmp_path):
    data = table(tmp_path / "a.parquet", TEXTS).read_bytes()
    for bad in (b"", data[:-100], data[:100], data[:-9] + bytes(9), b"PAR1" * 99):
        (tmp_path / "a.parquet").write_bytes(bad)
        message = refusal(tmp_path / "a.parquet")
        assert message.startswith(f"cannot read {tmp_path / 'a.parquet'}: ")
        assert len(message) < 400


def test_a_table_without_the_column_is_refused(tmp_path):
    message = refusal(table(tmp_path / "a.parquet", TEXTS, column="content"))
    assert "in column 'text'; choose with prepare's --text-column among: content" in message
    parquet.write_table(pa.table({}), tmp_path / "b.parquet")
    assert "among: none" in refusal(tmp_path / "b.parquet")
    twice = pa.table([pa.array(TEXTS)] * 2, names=["text", "text"])
    parquet.write_table(twice, tmp_path / "c.parquet")
    assert "2 times" in refusal(tmp_path / "c.parquet")


def test_other_columns_may_have_any_type(tmp_path):
    odd = pa.array([[("a", 1)]] * len(TEXTS), pa.map_(pa.string(), pa.int64()))
    parquet.write_table(pa.table({"odd": odd, "text": TEXTS}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == (TEXTS, {})


def test_a_large_row_group_is_read_in_pages(tmp_path):
    noise = np.random.default_rng(0).integers(97, 123, (20_000, 2000), np.uint8)  # 40 MB
    path = table(tmp_path / "a.parquet", [row.tobytes().decode() for row in noise])
    tracemalloc.start()
    try:
        before, most = pa.total_allocated_bytes(), 0
        for _ in DocumentSource((str(path),)).documents():
            most = max(most, pa.total_allocated_bytes() - before)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most + peak < 12_000_000
