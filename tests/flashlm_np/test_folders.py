"""A folder has one writer at a time; readers need not wait."""

import errno
import subprocess
import sys

import pytest
import tiny
from filelock import FileLock

from flashlm_np.cli import main
from flashlm_np.errors import UserError
from flashlm_np.folders import locked
from flashlm_np.runs import report


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", *tiny.OPTIONS, "--out", str(out), "--steps", "2"]) == 0
    return out


def test_a_second_writer_is_refused_until_the_first_has_ended(tmp_path):
    with locked(tmp_path):
        assert (tmp_path / ".lock").exists()
        with pytest.raises(UserError, match="is in use: another flashlm command writes to it"):
            locked(tmp_path).__enter__()
    with locked(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command",
    [
        ["train", *tiny.OPTIONS, "--out", "DIR"],
        ["train", "--resume", "DIR"],
        ["prepare", "TEXT", "--tokenizer", "stories", "--out", "DIR"],
        ["export", "RUN", "DIR"],
    ],
)
def test_no_command_writes_to_a_folder_in_use(run, tmp_path, capsys, command):
    text, folder = tmp_path / "text.txt", tmp_path / "folder"
    text.write_text("The owl slept. " * 99, encoding="utf-8")
    names = {"DIR": str(folder), "TEXT": str(text), "RUN": str(run)}
    with locked(folder):
        assert main([names.get(word, word) for word in command]) == 1
        assert [path.name for path in folder.iterdir()] == [".lock"]
    assert f"{folder} is in use: another flashlm command" in capsys.readouterr().err


def test_a_run_is_locked_until_its_report_is_written(tmp_path, monkeypatch):
    def write_plot(out, *more):
        with pytest.raises(UserError, match="is in use"):
            locked(out).__enter__()

    monkeypatch.setattr(report, "write_plot", write_plot)
    assert main(["train", *tiny.OPTIONS, "--out", str(tmp_path)]) == 0
    with locked(tmp_path):
        pass


def test_a_run_is_read_while_it_is_written(run):
    with locked(run):
        assert main(["eval", str(run)]) == 0
        assert main(["generate", str(run), "--tokens", "3"]) == 0


def test_the_lock_ends_with_its_process(tmp_path):
    program = (
        "import pathlib, sys; from flashlm_np.folders import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): print('locked', flush=True); input()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline().strip() == b"locked"
        with pytest.raises(UserError, match="is in use"):
            locked(tmp_path).__enter__()
        process.kill()
        process.wait()
        with locked(tmp_path):
            pass


def test_leftovers_of_a_killed_process_are_deleted_under_the_lock(tmp_path):
    leftover, other = tmp_path / "last.json.tmp-0123abcd", tmp_path / "notes.tmp"
    with locked(tmp_path):
        leftover.touch()  # another process writes this now
        other.touch()
        with pytest.raises(UserError, match="is in use"):
            locked(tmp_path).__enter__()
        assert leftover.exists()
    with locked(tmp_path):
        assert [path.name for path in tmp_path.iterdir() if path.name != ".lock"] == [
            other.name
        ]


def test_a_folder_that_stayed_empty_is_deleted(tmp_path):
    with pytest.raises(KeyboardInterrupt), locked(tmp_path / "new"):
        raise KeyboardInterrupt
    assert not (tmp_path / "new").exists()


def test_a_file_system_without_locks_does_not_end_the_command(tmp_path, monkeypatch, capsys):
    def acquire(self):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(FileLock, "acquire", acquire)
    with locked(tmp_path / "run"):
        (tmp_path / "run" / "file").touch()
    assert "has no locks: see to it that no other" in capsys.readouterr().out
    assert (tmp_path / "run" / "file").exists()


def test_a_folder_that_cannot_be_made_is_an_error_of_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write to .*run: Not a directory"):
        locked(tmp_path / "file" / "run").__enter__()
