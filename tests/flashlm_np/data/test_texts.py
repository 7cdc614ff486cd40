"""Texts as people have them: encodings, line ends, forms of JSON and CSV, compressed files.

Each is read by `prepare` and by `train --text`, which must give the same tokens.
"""

import doctest
import gzip
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from documents import TEXTS, read, table
from shared import shared
from tiny import CONFIG

from flashlm_np.data.dataset import DataSource
from flashlm_np.data.loading import load_dataset
from flashlm_np.data.prepare import prepare
from flashlm_np.data.sources import DocumentSource
from flashlm_np.data.texts import documents as page
from flashlm_np.data.token_file import load_tokens
from flashlm_np.data.tokenizers.tokenizer import Tokenizer
from flashlm_np.errors import UserError

STORIES = Tokenizer.embedded()
TEXT = "\n".join(TEXTS) + "\n“Näher”, said the owl. 漢字 🙂\n"
OPTIONS = replace(CONFIG, eval_tokens=10**6).data_options()


def ids_by_both(path, out):
    """The ids of a file or folder by `prepare`, which must be those by `train --text`."""
    prepare(DocumentSource((str(path),)), STORIES, out)
    prepared = load_tokens(out).ids
    trained, _ = load_dataset(DataSource.at([path]), **OPTIONS)
    np.testing.assert_array_equal(np.concatenate([trained.train, trained.valid]), prepared)
    return prepared


def text_by_both(path, out):
    return STORIES.decode(ids_by_both(path, out))


def both_refuse(path, out):
    """The sentence with which `prepare` refuses a file, which `train --text` must repeat."""
    with pytest.raises(UserError) as by_prepare:
        prepare(DocumentSource((str(path),)), STORIES, out)
    with pytest.raises(UserError) as by_train:
        load_dataset(DataSource.at([path]), **OPTIONS)
    assert str(by_prepare.value) == str(by_train.value)
    assert "\n" not in str(by_prepare.value)
    assert not out.exists()
    return str(by_prepare.value)


def compressed(data, ending):
    if ending == ".gz":
        return gzip.compress(data)
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


def test_the_worked_examples():
    assert doctest.testmod(page) == (0, 4)


# -- encodings and line ends ---------------------------------------------------------------


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", ["a.txt", "a.MD", "book", "log.2026-11-29"])
def test_the_line_ends_of_every_system_are_one_character(tmp_path, line_end, name):
    (tmp_path / name).write_bytes(TEXT.replace("\n", line_end).encode())
    assert text_by_both(tmp_path / name, tmp_path / "out") == TEXT


def test_a_windows_file_has_the_tokens_of_a_unix_file(tmp_path):
    """The case of the report: 8,700 tokens by prepare, 8,400 by train."""
    text = "The owl looked at the moon, and the moon looked at the owl.\n" * 300
    for name, line_end in (("unix.txt", "\n"), ("windows.txt", "\r\n")):
        (tmp_path / name).write_bytes(text.replace("\n", line_end).encode())
    unix, windows = (
        ids_by_both(tmp_path / f"{n}.txt", tmp_path / n) for n in ("unix", "windows")
    )
    np.testing.assert_array_equal(unix, windows)
    assert len(windows) == len(STORIES.encode(text))


@pytest.mark.parametrize(
    "encoding",
    [
        "utf-8",
        "utf-8-sig",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
        "utf-32-le",
        "utf-32-be",
    ],
)
@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.json", "a.csv"])
def test_each_unicode_encoding_is_read(tmp_path, encoding, name):
    form = {
        "a.txt": TEXT,
        "a.jsonl": json.dumps({"text": TEXT}, ensure_ascii=False) + "\n",
        "a.json": json.dumps([{"text": TEXT}], ensure_ascii=False, indent=2),
        "a.csv": f'n,text\n1,"{TEXT.replace("“", "")}"\n',
    }
    (tmp_path / name).write_bytes(form[name].encode(encoding))
    found = text_by_both(tmp_path / name, tmp_path / "out")
    assert found == (TEXT.replace("“", "") if name == "a.csv" else TEXT)


@pytest.mark.parametrize("mark", ["\ufeff".encode(), "\ufeff".encode("utf-16-be")])
def test_only_the_first_byte_order_mark_is_no_text(tmp_path, mark):
    encoding = "utf-8" if len(mark) == 3 else "utf-16-be"
    (tmp_path / "a.txt").write_bytes(mark + ("\ufeffowl" * 9).encode(encoding))
    assert text_by_both(tmp_path / "a.txt", tmp_path / "out") == "\ufeffowl" * 9


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (TEXT.encode("windows-1252", "ignore"), "is not UTF-8 text (byte 1,510); if it is"),
        (TEXT.encode() + b"\xe2\x80", "is not UTF-8 text (byte 1,550); if it is a text of an"),
        (b"\xef\xbb\xbfcaf\xe9", "is not UTF-8 text (byte 6); if it is"),
        ("漢字\n".encode("utf-16-le") * 9, "holds a NUL (character 5), so it is no text, or"),
        (TEXT.encode("utf-16")[:-1], "is not UTF-8 text (byte "),
        ("“owl”".encode("utf-16-le"), "holds a NUL (character "),
        (b"owl\x00moon", "holds a NUL (character 3), so it is no text, or UTF-16 without"),
        (b"PK\x03\x04\x14\x00\x00\x00\x08\x00", "holds a NUL (character 5)"),
        (
            b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
            "of a document or an archive, save the texts",
        ),
    ],
)
@pytest.mark.parametrize("name", ["a.txt", "a.pdf"])
def test_what_is_no_text_is_refused_with_the_place(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    assert message in both_refuse(tmp_path / name, tmp_path / "out")


@pytest.mark.parametrize(
    "content", [b"", b" \r\n\t", b"\xef\xbb\xbf", b"\xff\xfe", b" " * 300_000]
)
def test_a_file_without_a_letter_is_empty(tmp_path, content):
    (tmp_path / "a.txt").write_bytes(content)
    message = both_refuse(tmp_path / "a.txt", tmp_path / "out")
    assert message == "a.txt holds no usable text (skipped 1 empty)"


@pytest.mark.parametrize("text", [" " * 300_000, "\n" * 300_000, "a" * 300_000, "🙂" * 300_000])
def test_300_000_equal_characters_are_read(tmp_path, text):
    (tmp_path / "a.txt").write_bytes(f"The owl{text} slept.".encode())
    assert text_by_both(tmp_path / "a.txt", tmp_path / "out") == f"The owl{text} slept."


def test_the_shortest_text_is_read(tmp_path):
    for name, text in (("a.txt", "o"), ("b.txt", "wl " * 20)):
        (tmp_path / name).write_text(text)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).rename(folder / name)
    assert text_by_both(folder, tmp_path / "out") == "o" + "wl " * 20


# -- JSON ----------------------------------------------------------------------------------

ROWS = [{"text": text, "n": 1} for text in TEXTS]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", "\r\n\r\n".join(map(json.dumps, ROWS))),
        ("a.ndjson", "\n".join(map(json.dumps, ROWS))),
        ("a.json", "\n".join(map(json.dumps, ROWS)) + "\n"),
        ("a.json", json.dumps(ROWS)),
        ("a.json", json.dumps(ROWS, indent=2)),
        ("a.json", "\ufeff\r\n" + json.dumps(ROWS, indent="\t").replace("\n", "\r\n")),
        ("a.json", "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n"),
    ],
)
def test_json_lines_and_arrays_are_read(tmp_path, name, content):
    (tmp_path / name).write_bytes(content.encode())
    assert read(tmp_path / name) == (TEXTS, {})
    assert text_by_both(tmp_path / name, tmp_path / "out") == "".join(TEXTS)


def test_one_object_of_many_lines_is_one_document(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(ROWS[0], indent=2))
    assert read(tmp_path / "a.json") == (TEXTS[:1], {})


def test_a_string_in_json_is_not_changed(tmp_path):
    text = "\ufeffThe owl\r\nslept.\r" * 9 + "\0"
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": text}))
    assert text_by_both(tmp_path / "a.jsonl", tmp_path / "out") == text


@pytest.mark.parametrize(
    ("content", "layout"),
    [
        (json.dumps(ROWS), "is a JSON array: let its name end in .json"),
        (json.dumps(ROWS, indent=2), "is a JSON array: let its name end in .json"),
        (json.dumps(ROWS[0], indent=2), "has JSON objects of many lines: if it is one, let"),
        (",\n".join(map(json.dumps, ROWS)) + ",", "has a comma after each line: remove the"),
    ],
)
def test_a_jsonl_file_that_is_other_json_is_told_so(tmp_path, content, layout):
    (tmp_path / "a.jsonl").write_text(content)
    assert f"a.jsonl {layout}" in both_refuse(tmp_path / "a.jsonl", tmp_path / "out")


@pytest.mark.parametrize("content", ["text one\ntext two\n", "7"])
def test_a_jsonl_file_without_json_objects_is_told_so(tmp_path, content):
    (tmp_path / "a.jsonl").write_text(content)
    message = both_refuse(tmp_path / "a.jsonl", tmp_path / "out")
    assert 'a.jsonl holds no JSON objects such as {"text": "..."}; write one per ' in message
    assert "an array of them, also of many lines, where the name ends in .json" in message


def test_an_array_without_objects_is_told_so(tmp_path):
    (tmp_path / "a.json").write_text('["The owl slept."]')
    message = both_refuse(tmp_path / "a.json", tmp_path / "out")
    assert 'a.json holds no JSON objects such as {"text": "..."}; write one per ' in message


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ('[\n{"text": "a"},\n]', "line "),  # 3; from Python 3.13 on 2, the comma's
        ('[\n{"text": "a",}\n]', "line 2, column"),
        ("{'text': 'a'}", "line 1, column 2"),
        ("", "line 1, column 1"),
    ],
)
def test_broken_json_is_refused_with_the_place(tmp_path, content, place):
    (tmp_path / "a.json").write_text(content)
    message = both_refuse(tmp_path / "a.json", tmp_path / "out")
    assert f"a.json is no valid JSON at {place}" in message
    assert message.endswith("a comma before a closing bracket is the usual reason")


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ('{\n"text": "a"\n}\n{\n"text": "b"\n}', "line 4, column 1"),
        ('{"text": "a"},\n{"text": "b"},\n', "line 1, column 14"),
    ],
)
def test_several_objects_without_brackets_are_told_so(tmp_path, content, place):
    (tmp_path / "a.json").write_text(content)
    message = both_refuse(tmp_path / "a.json", tmp_path / "out")
    assert f"a.json is no valid JSON at {place} (Extra data); several objects" in message


@pytest.mark.parametrize("content", ["[" * 100_000, "[1" + "0" * 5000 + "]"])
def test_json_without_an_end_is_refused(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    assert "a.json is " in both_refuse(tmp_path / "a.json", tmp_path / "out")


# -- CSV -----------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "A.CSV"])
def test_the_column_of_a_csv_file_is_read(tmp_path, separator, line_end, name):
    said = 'She said: "No, no; never!"\nThen\tshe slept.' * 3
    quoted = '"' + said.replace('"', '""') + '"'
    rows = [["n", "text"], ["1", quoted], [], ["2", f'"{TEXTS[0]}"'], ["3"]]
    content = "\n".join(separator.join(row) for row in rows) + "\n"
    (tmp_path / name).write_bytes(content.replace("\n", line_end).encode())
    assert read(tmp_path / name) == ([said, TEXTS[0]], {"without text": 1})


def test_a_field_may_be_long(tmp_path):
    (tmp_path / "a.csv").write_text(f'text\n"{"owl, " * 100_000}"\n')
    assert read(tmp_path / "a.csv") == (["owl, " * 100_000], {})


def test_a_text_with_bare_commas_is_not_cut(tmp_path):
    (tmp_path / "a.csv").write_text(f"text,n\nThe owl, the moon, and I,1\n{TEXTS[0]!r},1\n")
    assert read(tmp_path / "a.csv", min_characters=1)[1]["malformed"] == 2
    assert (
        both_refuse(tmp_path / "a.csv", tmp_path / "out")
        == "a.csv holds no usable text (skipped 2 malformed)"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no text in column 'text'; choose with prepare's --text-column among: none"),
        (b"a,b\n1,2\n", "--text-column among: a, b"),
        (b'text\n"an open quote\nmore\n', "is no valid CSV at line 3 (unexpected end of data)"),
        (b'text\n"a" b\n', "is no valid CSV at line 2"),
        (b"text\ncaf\xe9\n", "is not UTF-8 text (in line 1 or later)"),
        (b"text\nowl\x00\n", "holds a NUL (line 2)"),
    ],
)
def test_a_csv_file_that_cannot_be_read_is_refused(tmp_path, content, message):
    (tmp_path / "a.csv").write_bytes(content)
    assert message in both_refuse(tmp_path / "a.csv", tmp_path / "out")


# -- compressed files ------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".gz", ".zst", ".GZ"])
@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.jsonl", "a.json", "a.csv"])
def test_compressed_files_are_read_by_name_and_in_a_folder(tmp_path, name, ending):
    form = {
        "a.jsonl": json.dumps({"text": TEXT}),
        "a.json": json.dumps([{"text": TEXT}], indent=1),
        "a.csv": f'text\n"{TEXT}"\n',
    }
    data = form.get(name, TEXT).encode()
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / (name + ending)
    path.write_bytes(compressed(data, ending.lower()))
    assert text_by_both(path, tmp_path / "one") == TEXT
    assert text_by_both(folder, tmp_path / "two") == TEXT


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_two_compressed_parts_are_one_text(tmp_path, ending):
    (tmp_path / f"a.txt{ending}").write_bytes(compressed(TEXT.encode(), ending) * 2)
    assert text_by_both(tmp_path / f"a.txt{ending}", tmp_path / "out") == TEXT * 2


@pytest.mark.parametrize("ending", [".gz", ".zst"])
@pytest.mark.parametrize("kind", [".txt", ".jsonl", ".csv"])
def test_a_damaged_compressed_file_is_refused(tmp_path, kind, ending):
    rows = "".join(json.dumps({"text": str(number**9)}) + "\n" for number in range(5000))
    data = compressed(rows.encode(), ending)
    path = tmp_path / f"a{kind}{ending}"
    middle = len(data) // 2
    changed = data[:middle] + b"owl" + data[middle + 3 :]
    for bad in (data[:middle], data[:-1], changed, b"owl", b""):
        path.write_bytes(bad)
        assert f"a{kind}{ending}" in both_refuse(path, tmp_path / "out")


def test_a_parquet_file_is_read_by_both(tmp_path):
    path = table(tmp_path / "a.parquet", TEXTS)
    assert text_by_both(path, tmp_path / "out") == "".join(TEXTS)


# -- packages, and real texts ----------------------------------------------------------------


def test_the_sentence_for_a_missing_package_names_it(tmp_path, monkeypatch):
    for module in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, module, None)
    for name, kind in (("a.parquet", "parquet file"), ("a.txt.zst", ".zst file")):
        (tmp_path / name).write_bytes(b"owl")
        message = both_refuse(tmp_path / name, tmp_path / "out")
        assert f"reading a {kind} needs the package pyarrow" in message


def test_texts_are_prepared_without_the_packages_of_the_hub(tmp_path):
    (tmp_path / "a.csv").write_text(f"text\n{TEXTS[0]}\n".replace(",", ""))
    (tmp_path / "b.md.gz").write_bytes(gzip.compress(TEXT.encode()))
    program = """
import sys
from flashlm_np.cli import main
others = ("datasets", "fsspec", "huggingface_hub", "pandas", "pyarrow", "zstandard")
sys.modules |= dict.fromkeys(others)  # an import of one raises ModuleNotFoundError
sys.exit(main(sys.argv[1:]))
"""
    arguments = [
        "prepare",
        tmp_path,
        "--out",
        tmp_path.parent / "out",
        "--tokenizer",
        "stories",
    ]
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "tokens of 2 documents" in done.stdout


def test_a_dataset_of_the_hub_on_the_disk_is_read_whole_or_by_its_card():
    folder = shared("data/fineweb-edu")
    texts, skipped = read(folder)
    assert (len(texts), skipped) == (1778, {"other files": 1})  # README.md
    assert read(folder, config="sample-10BT") == read(folder, split="train") == (texts, {})
