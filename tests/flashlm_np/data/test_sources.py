"""The files of a source: named files, and a folder in the hub's layout."""

import pytest
from documents import TEXTS, lines, read, refusal, table

from flashlm_np.data.sources import V3_CONFIG, V3_DATASET, DocumentSource

HALF = len(TEXTS) // 2
FIRST, SECOND = TEXTS[:HALF], TEXTS[HALF:]


def rows(texts):
    return [{"text": text} for text in texts]


# -- names ---------------------------------------------------------------------------------


def test_the_dataset_of_v3_is_the_default():
    source = DocumentSource()
    assert source.on_hub
    assert source.names == V3_DATASET
    assert source.dataset == "HuggingFaceFW/fineweb-edu"
    assert (source.split, source.column, source.min_characters) == ("train", "text", 50)
    assert V3_CONFIG == "sample-10BT"


@pytest.mark.parametrize(
    ("name", "on_hub"),
    [
        ("owner/name", True),
        ("Owner-1/name_2.v3", True),
        ("owner/name.txt", False),
        ("owner/name.JSONL", False),
        ("owner", False),
        ("a/b/c", False),
        ("../name", False),
        ("./name", False),
        ("/name", False),
        ("owner/", False),
        ("", False),
    ],
)
def test_names_of_datasets_on_the_hub_are_recognized(name, on_hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert DocumentSource((name,)).on_hub is on_hub
    assert not DocumentSource((name, name)).on_hub


def test_a_local_folder_comes_before_a_name_on_the_hub(tmp_path, monkeypatch):
    (tmp_path / "owner" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert not DocumentSource(("owner/name",)).on_hub


def test_the_description_has_names_and_not_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert DocumentSource((".",)).dataset == tmp_path.name
    paths = tuple(str(tmp_path / f"{i}.txt") for i in range(1200))
    assert DocumentSource(paths[:4]).dataset == "0.txt, 1.txt, 2.txt, 3.txt"
    assert DocumentSource(paths).dataset == "0.txt, 1.txt, 2.txt, 1,197 more"


def test_an_unreadable_file_is_refused_before_any_file_is_read(tmp_path):
    good = lines(tmp_path / "a.jsonl", *rows(TEXTS))
    (tmp_path / "a.csv").write_text("text\n")
    (tmp_path / "folder.txt").mkdir()
    for bad in (tmp_path / "a.csv", tmp_path / "absent.txt", tmp_path / "folder.txt", "imdb"):
        source = DocumentSource((str(good), str(bad)))
        with pytest.raises(Exception, match="is no file that can be read; give a dataset's"):
            next(source.documents())


def test_files_with_a_configuration_are_refused(tmp_path):
    path = lines(tmp_path / "a.jsonl", *rows(TEXTS))
    for options in ({"config": "default"}, {"split": "test"}):
        assert "--config and --split are for datasets" in refusal(path, **options)


# -- folders -------------------------------------------------------------------------------


def test_a_folder_of_texts_is_read_in_the_order_of_its_names(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for name, text in zip(
        ("b.txt", "a.txt", "deep/er/c.txt", ".hidden.txt"), TEXTS, strict=False
    ):
        (tmp_path / name).write_text(text)
    (tmp_path / "README.md").write_text("What these are.")
    assert read(tmp_path) == ([TEXTS[1], TEXTS[0], TEXTS[2]], {})


def test_a_text_may_have_the_name_test(tmp_path):
    for name, text in zip(("test.txt", "owls.txt"), TEXTS, strict=False):
        (tmp_path / name).write_text(text)
    assert read(tmp_path) == ([TEXTS[1], TEXTS[0]], {})


def test_the_names_of_the_files_determine_the_split(tmp_path):
    (tmp_path / "data").mkdir()
    table(tmp_path / "data" / "train-00000-of-00002.parquet", FIRST)
    table(tmp_path / "data" / "train-00001-of-00002.parquet", SECOND)
    table(tmp_path / "data" / "test-00000-of-00001.parquet", TEXTS[3:4])
    assert read(tmp_path) == (TEXTS, {})
    assert read(tmp_path, split="test") == (TEXTS[3:4], {})
    message = refusal(tmp_path, split="valid")
    assert "Bad split: valid. Available splits: ['train', 'test']" in message


CARD = """---
configs:
- config_name: small
  data_files: [{split: train, path: small/*}]
- config_name: large
  default: true
  data_files: [{split: train, path: large/*}]
---
"""


def test_the_card_of_the_dataset_determines_the_configuration(tmp_path):
    for name, texts in (("small", FIRST), ("large", SECOND)):
        (tmp_path / name).mkdir()
        lines(tmp_path / name / "a.jsonl", *rows(texts))
    (tmp_path / "README.md").write_text(CARD)
    assert read(tmp_path, config="small") == (FIRST, {})
    assert read(tmp_path) == (SECOND, {})
    message = refusal(tmp_path, config="medium")
    assert "BuilderConfig 'medium' not found. Available: ['small', 'large']" in message


def test_files_that_are_not_in_the_dataset_are_counted(tmp_path):
    lines(tmp_path / "a.jsonl", *rows(FIRST))
    lines(tmp_path / "b.jsonl", *rows(SECOND))
    (tmp_path / "notes.txt").write_text(TEXTS[0])
    assert read(tmp_path) == (TEXTS, {"other files": 1})


def test_bad_lines_of_a_folder_are_skipped_as_those_of_a_file(tmp_path):
    lines(tmp_path / "a.jsonl", *rows(FIRST), b"{", b"\xff", {"text": 3}, *rows(SECOND))
    assert read(tmp_path) == (TEXTS, {"malformed": 1, "not UTF-8": 1, "without text": 1})


def test_a_bad_file_of_a_folder_is_named(tmp_path):
    table(tmp_path / "a.parquet", FIRST)
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    assert f"cannot read {tmp_path}/b.parquet: ArrowInvalid" in refusal(tmp_path)
    table(tmp_path / "b.parquet", FIRST, column="content")
    assert f"{tmp_path}/b.parquet has no text in column" in refusal(tmp_path)


def test_a_folder_may_have_the_name_of_a_format(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text(TEXTS[0])
    (tmp_path / "b.txt").write_text(TEXTS[1])
    assert read("text") == ([TEXTS[0]], {})


def test_other_kinds_of_files_are_read_by_datasets(tmp_path):
    lines(tmp_path / "a.json", *({"text": text, "n": 1} for text in TEXTS))
    assert read(tmp_path) == (TEXTS, {})
    message = refusal(tmp_path, column="body")
    assert "has no text in column 'body'; choose with --text-column among: text, n" in message
    assert "column 'n' holds int64, no text" in refusal(tmp_path, column="n")


def test_a_folder_without_readable_files_is_refused(tmp_path):
    assert "doesn't contain any data files" in refusal(tmp_path)
    (tmp_path / "program.py").write_text("pass")
    assert "No (supported) data files found" in refusal(tmp_path)
