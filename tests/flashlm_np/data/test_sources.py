"""The files of a source: named files, and a folder in the hub's layout."""

import os
import re

import pyarrow as pa
import pytest
from documents import TEXTS, lines, read, refusal, table

from flashlm_np.data.sources import V3_CONFIG, V3_DATASET, DocumentSource
from flashlm_np.errors import UserError

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
    assert (source.column, source.shortest) == ("text", 50)
    assert DocumentSource(("a.txt",)).shortest == 1
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


def test_a_name_that_is_no_file_is_refused_before_any_file_is_read(tmp_path):
    good = lines(tmp_path / "a.jsonl", *rows(TEXTS))
    for bad in (tmp_path / "absent.txt", "imdb", "", os.devnull):
        source = DocumentSource((str(good), str(bad)))
        with pytest.raises(
            UserError, match=f"^{re.escape(str(bad))} is no file or folder; give"
        ):
            next(source.documents())


def test_files_with_a_configuration_are_refused(tmp_path):
    path = lines(tmp_path / "a.jsonl", *rows(TEXTS))
    for options in ({"config": "default"}, {"split": "test"}):
        assert "--config and --split are for a dataset of the hub, or" in refusal(
            path, **options
        )


# -- folders -------------------------------------------------------------------------------


def written(folder, *names):
    """Write one of TEXTS into each file, and return the texts in the order of the names."""
    for name, text in zip(names, TEXTS, strict=False):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return TEXTS[: len(names)]


def left_out(*names, **options):
    """The names of the files that a source leaves out."""
    source = DocumentSource(tuple(map(str, names)), **options)
    return [document.file for document in source.documents() if document.file]


def test_a_folder_of_texts_is_read_in_the_order_of_its_names(tmp_path):
    names = ("a.txt", "b/c.txt", "b/d/a.txt", "b.txt", "z.MD")
    texts = written(tmp_path, *names)
    assert read(tmp_path) == (texts, {})


@pytest.mark.parametrize(
    "name",
    [
        *("test.txt", "validation.txt", "train-00000-of-00001.txt", "dataset_infos.txt"),
        *("notes [draft].txt", "[a-z].txt", "{0,1}.txt", "a#b%20c.txt", "a..txt", "ä 漢.txt"),
        *("test/owls.txt", "[data]/owls.txt", "split.txt/owls.txt"),
    ],
)
def test_every_name_of_a_text_is_read(tmp_path, name):
    folder = tmp_path / "my [texts]"
    texts = written(folder, "!first.txt", name)
    assert read(folder) == (texts, {})
    assert read(folder / name) == (texts[1:], {})


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("name", ["*.txt", "?.txt", 'a"b.txt', "a:b.txt", "hf:/x.txt"])
def test_every_name_that_windows_refuses_is_read(tmp_path, name):
    assert read(tmp_path) == ([], {})
    texts = written(tmp_path, "!first.txt", name)
    assert read(tmp_path) == (texts, {})


@pytest.mark.parametrize(
    "card", ["---\nconfigs: [\n---\n", "---\nconfigs: 7\n---\n", "---\n", "What these are."]
)
def test_a_readme_is_left_out_by_name_and_not_understood(tmp_path, card):
    texts = written(tmp_path, "a.txt", "b.txt")
    (tmp_path / "README.md").write_text(card)
    assert read(tmp_path) == (texts, {"other files": 1})
    assert left_out(tmp_path) == ["README.md"]


def test_all_that_is_left_out_is_told_by_name(tmp_path):
    texts = written(tmp_path, "a.txt", "b.jsonl.txt")
    others = (
        ".hidden.txt",
        ".git/config",
        "a.zip",
        "b.tar.gz",
        "c.docx",
        "notes",
        "x/data.arrow",
    )
    for name in others:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\xff")
    names = [".git", ".hidden.txt", "a.zip", "b.tar.gz", "c.docx", "notes", "x/data.arrow"]
    assert read(tmp_path) == (texts, {"other files": len(names)})
    assert [name.replace(os.sep, "/") for name in left_out(tmp_path)] == names


@pytest.mark.skipif(os.name == "nt", reason="Windows allows links to administrators only")
def test_links_are_followed_and_one_that_leads_back_is_left_out(tmp_path):
    folder, elsewhere = tmp_path / "folder", tmp_path / "elsewhere"
    texts = written(folder, "a.txt") + written(elsewhere, "x.txt", "y.txt")
    (folder / "b").symlink_to(elsewhere)
    (folder / "c.txt").symlink_to(elsewhere / "y.txt")
    (folder / "again").symlink_to(folder)
    (folder / "gone.txt").symlink_to(tmp_path / "nowhere")
    assert read(folder) == ([*texts, texts[-1]], {"other files": 2})
    assert left_out(folder) == ["again", "gone.txt"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_pipe_in_a_folder_is_not_opened(tmp_path):
    texts = written(tmp_path, "a.txt")
    os.mkfifo(tmp_path / "b.txt")
    assert read(tmp_path) == (texts, {"other files": 1})


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_not_passed_over(tmp_path):
    written(tmp_path, "a.txt")
    (tmp_path / "closed").mkdir(mode=0)
    assert "Permission denied" in refusal(tmp_path)


def test_a_json_file_of_a_folder_may_be_no_text(tmp_path):
    texts = written(tmp_path, "a.txt")
    (tmp_path / "b.json").write_text("[1, 2, // not JSON\n")
    (tmp_path / "dataset_infos.json").write_text('{"default": {"features": {}}}')
    lines(tmp_path / "text.json", *rows(TEXTS[1:2]))
    assert read(tmp_path)[0] == [*texts, TEXTS[1]]
    assert left_out(tmp_path) == ["b.json", "dataset_infos.json"]
    assert "has no text in column 'text'" in refusal(tmp_path / "dataset_infos.json")


def test_a_bad_file_of_a_folder_is_named(tmp_path):
    table(tmp_path / "a.parquet", FIRST)
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    assert f"cannot read {tmp_path / 'b.parquet'}: ArrowInvalid" in refusal(tmp_path)
    table(tmp_path / "b.parquet", FIRST, column="content")
    assert f"{tmp_path / 'b.parquet'} has no text in column" in refusal(tmp_path)
    (tmp_path / "b.parquet").unlink()
    (tmp_path / "b.csv").write_text("body\nx\n")
    assert f"{tmp_path / 'b.csv'} has no text in column" in refusal(tmp_path)


def test_bad_lines_of_a_folder_are_skipped_as_those_of_a_file(tmp_path):
    lines(tmp_path / "a.jsonl", *rows(FIRST), b"{", b"\xff", {"text": 3}, *rows(SECOND))
    assert read(tmp_path) == (TEXTS, {"malformed": 1, "not UTF-8": 1, "without text": 1})


def test_a_folder_may_have_the_name_of_a_format(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "text/a.txt", "b.txt")
    assert read("text") == (TEXTS[:1], {})


def test_files_and_folders_can_be_given_together(tmp_path):
    texts = written(tmp_path, "one/b.txt", "one/c.txt", "a.txt")
    assert read(tmp_path / "one", tmp_path / "a.txt") == (texts, {})
    assert DocumentSource((str(tmp_path / "one"), "a.txt")).dataset == "one, a.txt"


# -- folders like datasets of the hub --------------------------------------------------------


def test_with_a_split_the_names_of_the_files_determine_it(tmp_path):
    (tmp_path / "data").mkdir()
    table(tmp_path / "data" / "train-00000-of-00002.parquet", FIRST)
    table(tmp_path / "data" / "train-00001-of-00002.parquet", SECOND)
    table(tmp_path / "data" / "test-00000-of-00001.parquet", TEXTS[3:4])
    assert read(tmp_path, split="train") == (TEXTS, {})
    assert read(tmp_path, split="test") == (TEXTS[3:4], {})
    assert read(tmp_path) == (TEXTS[3:4] + TEXTS, {})
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


def test_with_a_configuration_the_card_of_the_dataset_determines_it(tmp_path):
    for name, texts in (("small", FIRST), ("large", SECOND)):
        (tmp_path / name).mkdir()
        lines(tmp_path / name / "a.jsonl", *rows(texts))
    (tmp_path / "README.md").write_text(CARD)
    assert read(tmp_path, config="small") == (FIRST, {})
    assert read(tmp_path, split="train") == (SECOND, {})
    assert read(tmp_path) == (SECOND + FIRST, {"other files": 1})
    message = refusal(tmp_path, config="medium")
    assert "BuilderConfig 'medium' not found. Available: ['small', 'large']" in message


def test_other_kinds_of_files_are_read_by_datasets(tmp_path):
    source = pa.table({"text": TEXTS, "n": [1] * len(TEXTS)})
    path = str(tmp_path / "a.arrow")
    with pa.OSFile(path, "wb") as file, pa.ipc.new_stream(file, source.schema) as writer:
        writer.write_table(source)
    assert read(tmp_path, split="train") == (TEXTS, {})
    message = refusal(tmp_path, split="train", column="body")
    assert "column 'body'; choose with prepare's --text-column among: text, n" in message
    assert "column 'n' holds int64, no text" in refusal(tmp_path, split="train", column="n")
    assert read(tmp_path) == ([], {"other files": 1})


def test_a_folder_without_data_is_refused_by_datasets(tmp_path):
    assert "doesn't contain any data files" in refusal(tmp_path, split="train")
