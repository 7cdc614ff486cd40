"""Files that a command should write: their names and folders are checked before the work."""

from pathlib import Path

import pytest

from flashlm_np.cli import main

RUN = Path(__file__).resolve().parents[2] / "runs_of_version_0_1" / "run"
COMMANDS = [
    (["profile", "--picture"], "p.png"),
    (["inspect", "nowhere", "--picture"], "p.png"),
    (["export", "nowhere", "--c"], "model.c"),
    (["embed", "random", "--out"], "table.safetensors"),
    (["course", "check", "nowhere", "--junit"], "result.xml"),
    (["course", "predictions", "nowhere", "--picture"], "class.png"),
]


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main([str(a) for a in arguments])
    assert stop.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(("command", "name"), COMMANDS)
def test_a_folder_that_is_missing_is_named(command, name, tmp_path, capsys):
    error = refused(capsys, *command, tmp_path / "no" / name)
    assert f"there is no folder {tmp_path / 'no'}; make it first" in error


@pytest.mark.parametrize(("command", "name"), COMMANDS)
def test_a_folder_is_no_file(command, name, tmp_path, capsys):
    (tmp_path / name).mkdir()
    error = refused(capsys, *command, tmp_path / name)
    assert f"{tmp_path / name} is a folder; name a file" in error


@pytest.mark.parametrize("name", ["p.jpg", "p", "p.png.txt", ".png", "p."])
def test_a_picture_has_a_name_that_fits_its_format(name, tmp_path, capsys):
    error = refused(capsys, "inspect", "nowhere", "--picture", tmp_path / name)
    assert f"{tmp_path / name} should end in .png or .svg or .pdf" in error


def test_a_compiler_reads_only_a_name_that_ends_in_c(tmp_path, capsys):
    error = refused(capsys, "export", "nowhere", "--c", tmp_path / "model")
    assert f"{tmp_path / 'model'} should end in .c" in error


@pytest.mark.parametrize(
    ("name", "start"), [("p.png", b"\x89PNG"), ("p.SVG", b"<?xml"), ("p.pdf", b"%PDF")]
)
def test_a_picture_is_written_in_the_format_of_its_name(name, start, tmp_path):
    assert main(["inspect", str(RUN), "--picture", str(tmp_path / name)]) == 0
    assert (tmp_path / name).read_bytes().startswith(start)
