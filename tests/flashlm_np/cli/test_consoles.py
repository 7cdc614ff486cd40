"""All commands print on a stream that lacks letters, as a file does on Windows."""

import io
import sys
from pathlib import Path

import pytest
import tiny

import flashlm_np
from flashlm_np.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cönsole→")
    (folder / "text→.txt").write_text("The owl — “Whoo” → 日本. " * 200, encoding="utf-8")
    assert main(["train", *tiny.OPTIONS, "--out", str(folder / "run")]) == 0
    return folder


def printed(encoding, monkeypatch, *arguments):
    """Run a command on streams of an encoding; return its exit code and what it printed."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding, write_through=True) for _ in range(2)]
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", streams[0])
        patch.setattr(sys, "stderr", streams[1])
        try:
            code = main(list(arguments))
        except SystemExit as end:  # of --help
            code = end.code
    return code, b"".join(stream.buffer.getvalue() for stream in streams).decode(encoding)


COMMANDS = """
eval run
eval run --text text→.txt
generate run --prompt ü→日 --tokens 5
stories --count 1
inspect run
export run packed→{encoding}
prepare text→.txt --out data→{encoding} --tokenizer stories
course start book→{encoding}
course check book→{encoding}
train --help
"""


@pytest.mark.parametrize("command", COMMANDS.strip().splitlines())
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_command_prints_on_a_stream_that_lacks_letters(
    command, encoding, folder, monkeypatch
):
    monkeypatch.chdir(folder)
    code, text = printed(encoding, monkeypatch, *command.format(encoding=encoding).split())
    assert code == 0, text
    assert text


def test_a_pipe_gets_each_line_at_once(folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "utf-8"))
        assert main(["inspect", str(folder / "run")]) == 0
        before_it_is_closed = sys.stdout.buffer.getvalue()
    assert before_it_is_closed.endswith(b"\n")


def test_no_letter_of_a_name_is_lost(folder, monkeypatch):
    monkeypatch.chdir(folder)
    code, text = printed("ascii", monkeypatch, "eval", "nö→")
    assert code == 1
    assert r"n\xf6\u2192" in text


def test_a_process_that_multiprocessing_starts_runs_no_command(monkeypatch):
    """It imports the main module again, under another name."""
    monkeypatch.setattr(sys, "argv", ["flashlm", "--no-such-option"])
    code = Path(flashlm_np.__file__).with_name("__main__.py").read_text(encoding="utf-8")
    exec(code, {"__name__": "__mp_main__", "__package__": "flashlm_np"})
