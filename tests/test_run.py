"""The commands of run.py: a recorder stands in for the installation and for processes."""

import ast
import contextlib
import errno
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

import run
from flashlm_np import errors

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project in a folder with a space; `commands` records every command.

    The commands that make .venv and install do nothing; a job ends with the next of
    `codes[its module]`, then with 0.
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
    """Records each command from its module on, instead of starting a process."""

    def __init__(self):
        self.commands, self.codes, self.folders, self.defaults = [], {}, [], []

    def record(self, command):
        interpreter, isolated, *rest = map(str, command)
        assert interpreter in (str(run.PYTHON), sys.executable)
        assert isolated == "-I"  # no module of the caller's folder or of PYTHONPATH
        self.commands.append(rest[rest.index("-m") + 1 :] if "-m" in rest else rest)

    def quietly(self, command, failure):
        self.record(command)

    def job(self, command, cwd=None, later=(), defaults=None):
        self.record(command)
        self.folders.append(cwd)
        self.defaults.append(defaults)
        codes = self.codes.get(self.commands[-1][0], [])
        return codes.pop(0) if codes else 0

    def installed(self):
        """The changes of .venv since the last call: "venv" and the argument of pip."""
        setup = [c for c in self.commands if c[0] in ("venv", "pip")]
        self.commands.clear()
        return ["venv" if c[0] == "venv" else c[-1] for c in setup]


def test_only_the_first_run_makes_and_installs_the_environment(project):
    assert run.main(["train"]) == 0
    assert project.installed() == ["venv", "."]
    assert run.main(["generate", "runs/one"]) == 0
    assert project.commands == [["flashlm_np", "generate", "runs/one"]]


def test_extras_are_added_and_never_removed(project):
    for arguments, installed in [
        (["train"], ["venv", "."]),
        (["test", "--quick"], [".[quick]"]),
        (["test"], [".[mpi,prepare,quick,test]"]),
        (["train"], []),
        (["test", "--parity"], [".[mpi,parity,prepare,quick,test]"]),
        (["test"], []),
        (["test", "--quick"], []),
        (["test", "--parity"], []),
        (["docs"], [".[mpi,parity,prepare,quick,site,test]"]),
        (["test", "--site"], []),
        (["notebooks", "--check"], []),
        (["lab"], [".[lab,mpi,parity,prepare,quick,site,test]"]),
    ]:
        run.main(arguments)
        assert project.installed() == installed, arguments


def test_flashlm_gets_the_extra_that_it_asks_for(project, capsys):
    project.codes = {"flashlm_np": [run.PACKAGE_MISSING, 5]}
    assert run.main(["prepare", "a b.parquet"]) == 5
    assert project.installed() == ["venv", ".", ".[prepare]"]
    shown = shlex.quote("a b.parquet") if os.name != "nt" else '"a b.parquet"'
    assert f"Running flashlm prepare {shown}\n" in (err := capsys.readouterr().err)
    assert err.endswith("Running it again\n")
    project.codes = {"flashlm_np": [run.PACKAGE_MISSING]}  # that package is not in the extra
    assert run.main(["prepare", "a b.parquet"]) == run.PACKAGE_MISSING
    assert len(project.commands) == 1


def test_the_numbers_of_other_files_are_theirs():
    project = run.ROOT / "pyproject.toml"
    extras = re.findall(r"^(\w+) = \[", section(project, "optional-dependencies"), re.MULTILINE)
    assert {*extras, ""} == run.MEGABYTES.keys()
    assert run.PACKAGE_MISSING == errors.PACKAGE_MISSING
    assert run.INTERRUPTED == errors.INTERRUPTED


def section(path, name):
    """A section of a TOML file, whose heading ends in `name]`; Python 3.10 has no tomllib."""
    return path.read_text(encoding="utf-8").partition(f"{name}]\n")[2].partition("\n[")[0]


def test_it_says_how_much_it_installs(project, capsys):
    run.main(["test", "--quick"])
    run.main(["test"])
    size = run.MEGABYTES
    said = re.findall(r"np\[(.*)\] into .venv, about (\d+) MB", capsys.readouterr().err)
    assert said == [
        ("quick", str(size[""] + size["quick"])),
        ("mpi,prepare,quick,test", str(size["mpi"] + size["prepare"] + size["test"])),
    ]
    (run.ROOT / "pyproject.toml").write_text("[project]\ndependencies = []\n")
    run.main(["test"])
    assert "np[mpi,prepare,quick,test] into .venv Running" in capsys.readouterr().err


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
    assert project.installed() == [".[mpi,prepare,quick,test]"]


@pytest.mark.parametrize("what", ["moved", "other Python", "dead Python"])
def test_an_unusable_environment_is_made_again(project, what, monkeypatch):
    run.main(["test"])
    project.installed()
    if what == "moved":
        monkeypatch.setattr(run, "ROOT", run.ROOT.rename(run.ROOT.with_name("moved")))
        monkeypatch.setattr(run, "STAMP", run.ROOT / ".venv" / "stamp.json")
    elif what == "other Python":
        monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    else:
        monkeypatch.setattr(run, "works", lambda python: False)
    run.main(["train"])
    assert project.installed() == ["venv", "."]


@pytest.mark.parametrize("extras", [5, None, ["gone"], [["test"]], {"test": 1}])
def test_a_stamp_that_run_py_did_not_write_is_no_stamp(project, extras):
    run.main(["test"])
    project.installed()
    good = run.STAMP.read_text()
    for text in (json.dumps({**json.loads(good), "extras": extras}), good[:20], "[1]", "{}"):
        run.STAMP.write_text(text)
        run.main(["train"])
        assert project.installed() == ["venv", "."], text


@pytest.mark.parametrize("failure", [run.SetupError("no network"), KeyboardInterrupt()])
def test_an_unfinished_installation_is_made_again(project, failure, monkeypatch, capsys):
    run.main(["train"])
    project.installed()
    with monkeypatch.context() as broken:
        broken.setattr(run, "install", lambda *_: (_ for _ in ()).throw(failure))
        assert run.main(["test"]) in (1, 130)
    assert project.commands == []
    assert ("no network" in (err := capsys.readouterr().err)) or "Interrupted" in err
    run.main(["test", "--quick"])
    assert project.installed() == ["venv", ".[quick]"]


def test_the_command_test_runs_ruff_twice_and_pytest_last(project):
    project.codes = {"ruff": [1], "pytest": [0]}
    assert run.main(["test", "--parity", "-k", "a or b"]) == 1
    parallel = ["-n", "logical", "--maxprocesses", "4", "--dist", "loadfile"]
    assert project.commands[-3:] == [
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["pytest", *parallel, "-k", "a or b"],
    ]
    assert project.defaults[-1] == {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    project.codes = {"pytest": [5]}
    assert run.main(["test"]) == 5


def test_an_interrupted_style_check_ends_the_command_test(project):
    run.main(["test"])
    project.commands.clear()
    project.codes = {"ruff": [1, run.INTERRUPTED]}
    assert run.main(["test"]) == run.INTERRUPTED
    assert project.commands == [["ruff", "check"], ["ruff", "format", "--check"]]


def test_the_quick_tests_are_files_of_the_project(project, capsys):
    assert run.main(["test", "--quick", "-k", "a or b"]) == 0
    assert project.commands[-1] == ["pytest", "-q", "-n", "2", *run.QUICK, "-k", "a or b"]
    assert "They leave out: hard gradients" in capsys.readouterr().err
    root = Path(__file__).resolve().parents[1]
    assert all((root / path.replace("--ignore=", "")).exists() for path in run.QUICK)
    assert run.main(["test", "--quick", "--site"]) == 1
    assert "--quick leaves out the tests of --parity and --site" in capsys.readouterr().err


def test_the_exit_code_of_the_job_is_passed_on(project):
    project.codes = {"flashlm_np": [7]}
    assert run.main(["eval", "a folder"]) == 7
    assert project.commands[-1] == ["flashlm_np", "eval", "a folder"]


def test_only_flashlm_runs_in_the_folder_of_the_caller(project):
    """JupyterLab, pytest and Sphinx run or read configurations that lie in their folder."""
    for command in ("train", "test", "lab", "notebooks", "docs"):
        run.main([command])
        assert project.folders[-1] == (None if command == "train" else run.ROOT), command


def test_the_playground_needs_no_environment(project):
    """Any Python makes it, in the folder of the caller."""
    run.main(["playground", "a folder", "--copy"])
    ((program, *arguments),) = project.commands
    assert Path(program) == run.ROOT / "docs" / "playground" / "build.py"
    assert arguments == ["a folder", "--copy"]
    assert project.folders == [None]


@pytest.mark.parametrize("module", ["flashlm_np", "pip", "venv", "pytest"])
def test_no_module_of_the_callers_folder_is_run(module, tmp_path, monkeypatch, capfd):
    if find_spec(module) is None:  # an environment without pip, as uv makes it
        pytest.skip(f"{module} is not installed")
    for name in ("random", "json", "numpy", "tiktoken", "sitecustomize", module):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('code of the folder')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}")  # an empty part is the folder
    monkeypatch.setattr(run, "PYTHON", sys.executable)
    assert run.job(run.python(module, "--help")) == 0
    printed = capfd.readouterr()
    assert "usage" in printed.out.lower()
    assert "code of the folder" not in printed.err


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["--help"], 0), (["-h"], 0)])
def test_usage(project, arguments, code, capsys):
    assert run.main(arguments) == code
    usage = capsys.readouterr().out
    assert "python3 run.py train" in usage
    commands = re.findall(r"^    (\w+)  ", flashlm_help(), re.MULTILINE)
    assert ", ".join(commands) in usage
    assert project.commands == []


def flashlm_help():
    command = [sys.executable, "-m", "flashlm_np", "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_an_old_python_is_an_error_of_one_sentence(project, monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 8, 18, "final", 0))
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    assert run.main(["train"]) == 1
    error = capsys.readouterr().err
    assert "needs Python 3.10 or newer, and /usr/bin/python3 is Python 3.8.18: install" in error
    assert error.count("\n") == 1
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


def test_a_job_gets_variables_that_are_not_set(monkeypatch):
    monkeypatch.setenv("SET", "kept")
    monkeypatch.delenv("UNSET", raising=False)
    child = "import os, sys; sys.exit(os.environ['SET'] + os.environ['UNSET'] != 'kepttwo')"
    defaults = {"SET": "one", "UNSET": "two"}
    assert run.job([sys.executable, "-c", child], defaults=defaults) == 0
    assert "UNSET" not in os.environ


def test_a_job_returns_the_exit_code_of_the_child():
    assert run.job([sys.executable, "-c", "raise SystemExit(9)"]) == 9


def test_a_stamp_is_not_written_into_a_file_that_is_there(project, monkeypatch):
    monkeypatch.setattr(run.secrets, "token_hex", lambda size: "planted")
    victim = run.ROOT / "victim"
    victim.write_text("kept")
    planted = run.STAMP.with_suffix(".tmp-planted")
    planted.hardlink_to(victim)
    with pytest.raises(FileExistsError):
        run.write_stamp({})
    assert victim.read_text() == "kept"
    planted.unlink()
    run.write_stamp({})
    assert [path.name for path in run.STAMP.parent.iterdir()] == [run.STAMP.name]


@posix
def test_a_folder_without_locks_is_used_without_one(project, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    assert run.main(["train"]) == 0
    assert project.installed() == ["venv", "."]


def test_what_the_system_refuses_is_one_sentence(project, monkeypatch, capsys):
    def refuse(content):
        raise PermissionError(errno.EACCES, "Permission denied", "stamp.json")

    monkeypatch.setattr(run, "write_stamp", refuse)
    assert run.main(["train"]) == 1
    expected = "run.py cannot go on: [Errno 13] Permission denied: 'stamp.json'\n"
    assert capsys.readouterr().err.endswith(expected)


# A command that installs: it starts another process, which shows by a file that it runs.
INSTALLATION = """
import os, pathlib, subprocess, sys
pathlib.Path("group").write_text(str(os.getpgrp()))
inner = "import pathlib, time; pathlib.Path('started').touch(); time.sleep(60)"
subprocess.call([sys.executable, "-c", inner], close_fds=False)
"""


@contextlib.contextmanager
def installing(folder):
    """A process of run.py that installs into a folder with INSTALLATION."""
    (folder / "pyproject.toml").touch()
    program = (
        f"import run, sys; run.ROOT = run.Path({str(folder)!r}); run.make_venv = lambda: None\n"
        "run.STAMP = run.ROOT / '.venv' / 'stamp.json'\n"
        "run.install = lambda *_: run.quietly([sys.executable, '-c', "
        f"{INSTALLATION!r}], 'failed')\n"
        "sys.exit(run.main(['train']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=run.ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (folder / "started").exists():
        assert process.poll() is None
        time.sleep(0.01)
    yield process
    process.wait()
    process.stderr.close()


def is_free(folder):
    """Whether no process of an installation runs: each holds the lock."""
    with (folder / ".venv.lock").open("a") as file:
        return run.lock(file, wait=False)


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interrupted_installation_leaves_nothing_running(name, tmp_path):
    with installing(tmp_path) as process:
        assert not is_free(tmp_path)
        process.send_signal(getattr(signal, name))
        assert process.wait(timeout=10) == 130
        assert process.stderr.read() == "\nInterrupted.\n"
    assert is_free(tmp_path)


@posix
def test_an_installation_whose_run_py_was_killed_keeps_the_lock(tmp_path):
    with installing(tmp_path) as process:
        process.kill()
        process.wait()
        assert not is_free(tmp_path)
        os.killpg(int((tmp_path / "group").read_text()), signal.SIGKILL)
    while not is_free(tmp_path):
        time.sleep(0.01)


@posix
def test_ctrl_c_waits_while_the_python_of_flashlm_starts(capfd):
    program = (
        "import os, signal, sys\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"  # before flashlm is imported
        "sys.argv[1:] = ['stories']\n"
        "from flashlm_np.cli import command\n"
        "command()\n"
    )
    assert run.job([sys.executable, "-c", program], later=[signal.SIGINT]) == 130
    assert capfd.readouterr() == ("", "flashlm: interrupted\n")
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 3)])
def test_the_child_handles_a_signal_itself(number, code):
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
    assert (out, err, process.returncode) == ("saved\n", "", code)


@pytest.mark.skipif(shutil.which("git") is None, reason="needs Git")
@pytest.mark.skipif(not (run.ROOT / ".git").exists(), reason="needs the repository")
def test_a_clone_on_windows_keeps_the_line_ends(tmp_path):
    git = ["git", "-c", "core.autocrlf=true"]
    subprocess.run([*git, "clone", "-q", str(run.ROOT), str(tmp_path / "clone")], check=True)
    listing = subprocess.check_output([*git, "ls-files", "--eol"], cwd=tmp_path / "clone")
    found = {line.split()[1] for line in listing.splitlines()}
    assert found == {b"w/lf", b"w/-text", b"w/none"}
