"""A folder without a run, or with something else: the sentence says what is there."""

import os
from pathlib import Path

import pytest
from tiny import OPTIONS

from flashlm_np.cli import main
from flashlm_np.commands import command

READERS = [["eval"], ["generate"], ["inspect"], ["export"], ["train", "--resume"]]


def error_of(capsys, *arguments):
    assert main([str(a) for a in arguments]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("flashlm: ")
    assert captured.err.count("\n") == 1
    return captured.err.removeprefix("flashlm: ").rstrip()


def make_runs(folder, *names):
    """Folders that are runs by their records' names, the last one the newest."""
    for time, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        (folder / name / "best.json").touch()
        (folder / name / "last.json").touch()
        for record in ("best.json", "last.json"):
            os.utime(folder / name / record, (time, time))


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("reader", READERS)
def test_a_folder_of_runs_lists_them(reader, capsys):
    make_runs(Path("runs"), "first", "second")
    runs = Path("runs", "second"), Path("runs", "first")
    assert error_of(capsys, *reader, "runs") == (
        f"runs is no run itself, but holds {runs[0]}, {runs[1]}; name one"
    )


@pytest.mark.parametrize("reader", READERS)
def test_a_missing_folder_names_the_runs_beside_it(reader, capsys):
    make_runs(Path("mine"), "a")
    make_runs(Path("runs"), "b")
    assert error_of(capsys, *reader, Path("mine", "x")) == (
        f"there is no folder {Path('mine', 'x')}; there are runs in {Path('mine', 'a')}"
    )
    assert error_of(capsys, *reader, Path("no", "x")) == (
        f"there is no folder {Path('no', 'x')}; there are runs in {Path('runs', 'b')}"
    )
    assert not Path("mine", "x").exists()


@pytest.mark.parametrize("reader", READERS)
def test_where_there_is_no_run_the_command_that_makes_one_is_named(reader, capsys):
    Path("empty").mkdir()
    assert error_of(capsys, *reader, "empty") == f"empty is empty; make one: {command('train')}"
    Path("text.txt").write_text("a text")
    expected = "text.txt is a file, not the folder of a run; make one: "
    assert error_of(capsys, *reader, "text.txt") == expected + command("train")


def test_many_names_are_cut_short(capsys):
    make_runs(Path("runs"), *"abcdef")
    names = [Path("runs", name) for name in "fedc"]
    assert f"{', '.join(map(str, names))} and 2 more" in error_of(capsys, "eval", "runs")
    for name in "gabcde":
        Path("notes", name).mkdir(parents=True)
    expected = "notes holds no run, only a, b, c, d and 2 more; there are runs in "
    assert error_of(capsys, "eval", "notes").startswith(expected)


def test_a_lost_record_names_the_other(capsys):
    make_runs(Path("runs"), "a")
    Path("runs", "a", "best.json").unlink()
    assert error_of(capsys, "eval", Path("runs", "a")) == (
        f"{Path('runs', 'a')} has last.json, but no best.json; copy last.json to best.json"
    )


WRITERS = [["train", *OPTIONS, "--out"], ["convert", "final.pt"]]


@pytest.mark.parametrize("writer", WRITERS)
def test_a_folder_with_other_files_is_refused(writer, capsys):
    Path("notes").mkdir()
    for name in ("b.md", "report.md"):
        Path("notes", name).write_text("mine")
    assert error_of(capsys, *writer, "notes") == (
        "notes is not empty: it holds b.md, report.md; name a new folder"
    )
    assert sorted(os.listdir("notes")) == ["b.md", "report.md"]


def test_a_file_is_no_folder(capsys):
    Path("notes.md").write_text("mine")
    error = error_of(capsys, "train", *OPTIONS, "--out", "notes.md")
    assert error == "notes.md is a file; name a folder"
    error = error_of(capsys, "train", *OPTIONS, "--out", Path("notes.md", "run"))
    assert error.startswith(f"cannot write to {Path('notes.md', 'run')}: ")
    assert Path("notes.md").read_text() == "mine"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no folder that its owner cannot write")
def test_a_folder_without_permission(capsys):
    Path("closed").mkdir(mode=0o500)
    if os.access("closed", os.W_OK):
        pytest.skip("root may write to each folder")
    error = error_of(capsys, "train", *OPTIONS, "--out", Path("closed", "run"))
    assert error == "cannot write to closed/run: Permission denied"


def test_what_a_killed_command_left_is_no_hindrance(capsys):
    Path("out").mkdir()
    names = ("metrics.csv", "stories.bpe", "step-000002-0a1b.safetensors", ".DS_Store")
    for name in names:
        Path("out", name).write_text("")
    assert main(["train", *OPTIONS, "--steps", "1", "--out", "out"]) == 0
    assert error_of(capsys, "train", *OPTIONS, "--out", "out") == (
        f"out holds a run already; go on with {command('train', '--resume', 'out')}, or choose "
        "another --out"
    )
