"""The commands in messages can be copied into a shell."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from flashlm_np import commands
from flashlm_np.commands import command, quoted

ODD = ["a b", "it's", 'a"b', "$HOME", "a&b", "*", "a;b", "ümlaut", "a\nb", "~", "#a", ""]


@pytest.mark.skipif(os.name == "nt", reason="shlex reads a line as POSIX shells do")
@pytest.mark.parametrize("text", ODD)
def test_a_shell_reads_the_argument_back(text):
    assert shlex.split(command("eval", text))[-2:] == ["eval", text]


def test_a_path_with_a_dash_at_its_start_is_no_option():
    assert quoted(Path("-x")) == os.path.join(".", "-x")
    assert quoted("-x") == "-x"


def test_windows_shells_know_double_quotes(monkeypatch):
    monkeypatch.setattr(commands, "WINDOWS", True)
    assert quoted("C:\\runs\\it-1.b") == "C:\\runs\\it-1.b"
    assert quoted("my runs") == '"my runs"'
    assert quoted("a&b") == '"a&b"'
    assert quoted("") == '""'


def test_the_program_is_one_that_the_shell_finds(monkeypatch, tmp_path):
    run = tmp_path / "run.py"
    monkeypatch.setattr(commands, "RUN", run)
    monkeypatch.setattr(commands, "PYTHON", "python3")
    monkeypatch.setattr(commands.shutil, "which", lambda name: None)
    assert command("eval", "x") == "flashlm eval x"  # installed without the project's folder
    run.touch()
    assert command("eval", "x") == f"python3 {quoted(run)} eval x"
    monkeypatch.setattr(commands.shutil, "which", lambda name: "/bin/flashlm")
    assert command("eval", "x") == "flashlm eval x"
    monkeypatch.chdir(tmp_path)
    assert command("eval", "x") == "python3 run.py eval x"


@pytest.mark.skipif(os.name == "nt", reason="programs have no mode on Windows")
@pytest.mark.parametrize(
    ("programs", "name"), [(["python"], "python"), (["python", "python3"], "python3")]
)
def test_python_has_the_name_that_the_shell_finds(programs, name, tmp_path):
    for program in programs:
        (tmp_path / program).touch(mode=0o755)
    code = "from flashlm_np.commands import command; print(command('eval', 'x'))"
    environment = {"PATH": str(tmp_path), "PYTHONPATH": str(commands.RUN.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=commands.RUN.parent,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"{name} run.py eval x\n", done.stderr
