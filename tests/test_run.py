"""The commands of run.py: a recorder stands in for the installation and for processes."""

import ast
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import run


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project in a folder with a space; `commands` records every command.

    The commands that make .venv and install do nothing; a job ends with `codes[its module]`.
    """
    root = tmp_path / "a project"
    (root / ".venv").mkdir(parents=True)
    (root / "pyproject.toml").write_text("[project]\n")
    monkeypatch.setattr(run, "ROOT", root)
    monkeypatch.setattr(run, "STAMP", root / ".venv" / "stamp.json")
    monkeypatch.setattr(run, "works", lambda python: True)
    recorder = Recorder()
    monkeypatch.setattr(run, "quietly", recorder.quietly)
    monkeypatch.setattr(run, "job", recorder.job)
    return recorder


class Recorder:
    """Records each command instead of starting a process."""

    def __init__(self):
        self.commands, self.codes = [], {}

    def quietly(self, command, failure):
        self.commands.append([*map(str, command)][1:])

    def job(self, command, cwd=None):
        self.commands.append([*map(str, command)][1:])
        return self.codes.get(command[2], 0)

    def installed(self):
        """The changes of .venv since the last call: "venv" and the argument of pip."""
        setup = [c for c in self.commands if c[1] in ("venv", "pip")]
        self.commands.clear()
        return ["venv" if c[1] == "venv" else c[-1] for c in setup]


def test_only_the_first_run_makes_and_installs_the_environment(project):
    assert run.main(["train"]) == 0
    assert project.installed() == ["venv", "."]
    assert run.main(["generate", "runs/one"]) == 0
    assert project.commands == [["-m", "flashlm_np", "generate", "runs/one"]]


def test_extras_are_added_and_never_removed(project):
    for arguments, installed in [
        (["train"], ["venv", "."]),
        (["test"], [".[test]"]),
        (["train"], []),
        (["test", "--parity"], [".[parity,test]"]),
        (["test"], []),
        (["test", "--parity"], []),
        (["docs"], [".[parity,site,test]"]),
        (["test", "--site"], []),
        (["notebooks", "--check"], []),
        (["lab"], [".[lab,parity,site,test]"]),
    ]:
        run.main(arguments)
        assert project.installed() == installed, arguments


def test_two_commands_at_once_install_one_after_the_other(project, capsys):
    with ThreadPoolExecutor() as pool:
        with run.alone():
            second = pool.submit(run.main, ["train"])
            while "Waiting for another run.py" not in capsys.readouterr().err:
                assert not second.done()
                time.sleep(0.01)
            run.write_stamp(run.stamp(()))  # the extra that the first one installs
        assert second.result() == 0
    assert project.installed() == []


def test_a_changed_pyproject_is_installed_again_with_all_extras(project):
    run.main(["test"])
    project.installed()
    (run.ROOT / "pyproject.toml").write_text("[project]\ndependencies = []\n")
    run.main(["train"])
    assert project.installed() == [".[test]"]


@pytest.mark.parametrize("what", ["moved", "other Python", "dead Python", "broken stamp"])
def test_an_unusable_environment_is_made_again(project, what, monkeypatch):
    run.main(["test"])
    project.installed()
    if what == "moved":
        monkeypatch.setattr(run, "ROOT", run.ROOT.rename(run.ROOT.with_name("moved")))
        monkeypatch.setattr(run, "STAMP", run.ROOT / ".venv" / "stamp.json")
    elif what == "other Python":
        monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    elif what == "dead Python":
        monkeypatch.setattr(run, "works", lambda python: False)
    else:
        run.STAMP.write_text('{"python": "3.')
    run.main(["train"])
    assert project.installed() == ["venv", "."]


@pytest.mark.parametrize("failure", [run.SetupError("no network"), KeyboardInterrupt()])
def test_an_unfinished_installation_is_made_again(project, failure, monkeypatch, capsys):
    run.main(["train"])
    project.installed()
    with monkeypatch.context() as broken:
        broken.setattr(run, "install", lambda extras: (_ for _ in ()).throw(failure))
        assert run.main(["test"]) in (1, 130)
    assert project.commands == []
    assert ("no network" in (err := capsys.readouterr().err)) or "Interrupted" in err
    run.main(["test"])
    assert project.installed() == ["venv", ".[test]"]


def test_the_command_test_runs_ruff_twice_and_pytest_last(project):
    project.codes = {"ruff": 1, "pytest": 0}
    assert run.main(["test", "--parity", "-k", "a or b"]) == 1
    assert project.commands[-3:] == [
        ["-m", "ruff", "check"],
        ["-m", "ruff", "format", "--check"],
        ["-m", "pytest", "-k", "a or b"],
    ]
    project.codes = {"pytest": 5}
    assert run.main(["test"]) == 5


def test_the_exit_code_of_the_job_is_passed_on(project):
    project.codes = {"flashlm_np": 7}
    assert run.main(["eval", "a folder"]) == 7
    assert project.commands[-1] == ["-m", "flashlm_np", "eval", "a folder"]


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["--help"], 0), (["-h"], 0)])
def test_usage(project, arguments, code, capsys):
    assert run.main(arguments) == code
    assert "python3 run.py train" in capsys.readouterr().out
    assert project.commands == []


def test_an_old_python_is_an_error_of_one_sentence(project, monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 8, 18, "final", 0))
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    assert run.main(["train"]) == 1
    expected = "FlashLM needs Python 3.10 or newer, and /usr/bin/python3 is Python 3.8.18.\n"
    assert capsys.readouterr().err == expected
    assert project.commands == []


def test_the_file_parses_on_python_3_6():
    with open(run.__file__, encoding="utf-8") as file:
        ast.parse(file.read(), feature_version=(3, 6))


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_the_error_without_venv_names_the_missing_module(project, module, monkeypatch, capsys):
    find = run.importlib.util.find_spec
    monkeypatch.setattr(
        run.importlib.util, "find_spec", lambda name: None if name == module else find(name)
    )
    assert run.main(["train"]) == 1
    assert f"lacks the standard module {module}; on Debian" in capsys.readouterr().err
    assert project.commands == []


def test_a_quiet_command_shows_its_last_lines_only_when_it_fails(capsys):
    lines = "for i in range(40): print('line', i)\n"
    run.quietly([sys.executable, "-c", lines], "no failure")
    assert "line" not in capsys.readouterr().err
    with pytest.raises(run.SetupError, match="the reason"):
        run.quietly([sys.executable, "-c", lines + "raise SystemExit(3)"], "the reason")
    printed = capsys.readouterr().err
    assert "line 24\n" not in printed
    assert "line 25\n" in printed
    assert "line 39\n" in printed


def test_a_job_returns_the_exit_code_of_the_child():
    assert run.job([sys.executable, "-c", "raise SystemExit(9)"]) == 9


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_child_handles_a_signal_itself(number, tmp_path):
    child = (
        "import signal, sys, time\n"
        f"signal.signal({int(number)}, lambda *_: (print('saved', flush=True), sys.exit(3)))\n"
        "print('ready', flush=True)\n"
        "time.sleep(20)\n"
    )
    parent = f"import run, sys; sys.exit(run.job([sys.executable, '-c', {child!r}]))"
    process = subprocess.Popen(
        [sys.executable, "-c", parent],
        cwd=run.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)
    if number == signal.SIGINT:  # a terminal sends it to the whole group
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert (out, err, process.returncode) == ("saved\n", "", 3)
