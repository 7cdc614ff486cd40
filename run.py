"""Two commands that need nothing but Python: train the model, test the project.

    python3 run.py train [arguments of `flashlm train`]
    python3 run.py test  [--parity] [--site] [arguments of pytest]

and three more, for the course:

    python3 run.py lab                             open the notebooks in JupyterLab
    python3 run.py notebooks [--check] [NAME ...]  build them from notebooks/src
    python3 run.py docs                            build the site, docs/_build/html/index.html

Every command of flashlm works the same way: `python3 run.py generate DIR`.
The first run makes the folder .venv beside this file and installs the project into it, once.
`test` checks the style with ruff, then runs the tests. `--parity` also installs PyTorch (a
large download) and runs the tests that compare this project with it. `--site` also installs the
tools of the site and runs the tests in a browser.
"""

# This file must parse on Python 3.6: an old Python then prints one sentence, not a traceback.

import contextlib
import hashlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "flashlm-np.json"
OLDEST = (3, 10)


class SetupError(Exception):
    """The environment cannot be made; the message is one sentence that says what to do."""


def main(arguments):
    """Run one command and return its exit code."""
    if sys.version_info < OLDEST:
        say(old_python(sys.version_info, sys.executable))
        return 1
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if arguments else 2
    try:
        return JOBS[arguments[0]](arguments[1:]) if arguments[0] in JOBS else flashlm(arguments)
    except SetupError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:  # only while installing: a job handles it itself
        say("\nInterrupted.")
        return 130


def old_python(version, executable):
    """The sentence for a Python that is too old."""
    return "FlashLM needs Python {}.{} or newer, and {} is Python {}.{}.{}.".format(
        *OLDEST, executable, *version[:3]
    )


def say(line, end="\n"):
    """Print to standard error, because standard output belongs to the job."""
    print(line, end=end, file=sys.stderr, flush=True)


# Jobs ----------------------------------------------------------------------------------------


def flashlm(arguments):
    """Run `flashlm ARGUMENTS` in the caller's folder."""
    prepare(extras=())
    say("Running flashlm " + " ".join(arguments))
    return job([PYTHON, "-m", "flashlm_np", *arguments])


def test(arguments):
    """Run ruff and pytest, both in any case. Pytest is last, so its summary ends the output."""
    extras = [name for name in ("parity", "site") if f"--{name}" in arguments]
    prepare(extras=("test", *extras))
    chosen = [a for a in arguments if a not in ("--parity", "--site")]
    codes = []
    for command in (["ruff", "check"], ["ruff", "format", "--check"], ["pytest", *chosen]):
        say("Running " + " ".join(command))
        codes.append(job([PYTHON, "-m", *command], cwd=ROOT))
        if codes[-1] == 128 + signal.SIGINT:
            break
        if codes[-1] and command[0] == "ruff":
            say("Failed: " + " ".join(command))
    return next((code for code in codes if code), 0)


def lab(arguments):
    """Open the notebooks in JupyterLab."""
    prepare(extras=("lab",))
    return job([PYTHON, "-m", "jupyterlab", "--notebook-dir", ROOT / "notebooks", *arguments])


def notebooks(arguments):
    """Build the notebooks from their sources, or with --check only run them."""
    prepare(extras=("site",))
    return job([PYTHON, ROOT / "notebooks" / "build.py", *arguments])


def docs(arguments):
    """Build the site; a warning is an error."""
    prepare(extras=("site",))
    built = ROOT / "docs" / "_build" / "html"
    command = ["sphinx", "-W", "--keep-going", "-q", "-b", "html", *arguments]
    code = job([PYTHON, "-m", *command, ROOT / "docs", built])
    say("The site could not be built." if code else f"Open {built / 'index.html'}")
    return code


JOBS = {"test": test, "lab": lab, "notebooks": notebooks, "docs": docs}


def job(command, cwd=None):
    """Run a command to its end; return its exit code (128 + N if signal N ended it)."""
    children = []
    with signals_left_to(children):
        children.append(subprocess.Popen([str(part) for part in command], cwd=cwd))
        code = children[0].wait()
    return code if code >= 0 else 128 - code


@contextlib.contextmanager
def signals_left_to(children):
    """Leave interruptions to the children, which may write a checkpoint, and wait for them.

    A terminal sends Ctrl-C to the children, too. A function that does nothing handles it here:
    if it were ignored, the children would inherit that. SIGTERM reaches only this process, so
    it is passed on. A signal that was ignored from outside (nohup) stays ignored.
    """
    handlers = {
        signal.SIGINT: lambda *_: None,
        signal.SIGTERM: lambda *_: [child.terminate() for child in children],
    }
    ours = [s for s in handlers if signal.getsignal(s) is not signal.SIG_IGN]
    before = {s: signal.signal(s, handlers[s]) for s in ours}
    try:
        yield
    finally:
        for s in ours:
            signal.signal(s, before[s])


# The environment -----------------------------------------------------------------------------


def prepare(extras):
    """Make sure that .venv holds the project and the extras; fast if it does already."""
    if not plan(extras)[0]:
        return
    with alone():
        changes, keep, want = plan(extras)  # another process may have made them meanwhile
        if changes:
            change(keep, want)


def plan(extras):
    """Whether something must change, whether .venv can be kept, and the wanted stamp."""
    have, want = read_stamp(), stamp(extras)
    keep = usable(have, want)
    want["extras"] = sorted({*have["extras"], *extras} if keep else extras)
    return not keep or have != want, keep, want


def change(keep, want):
    """Install the project and the wanted extras.

    The stamp is removed first and written last. An environment without a stamp is unfinished
    and is made again, so the next run repairs an interrupted installation.
    """
    if STAMP.exists():
        STAMP.unlink()
    if not keep:
        make_venv()
    install(want["extras"])
    write_stamp(want)


@contextlib.contextmanager
def alone():
    """Allow one installation at a time: a second waits. The lock ends with its process."""
    path = ROOT / ".venv.lock"
    try:
        file = path.open("w")
    except OSError as error:
        raise SetupError(f"Nothing can be written in {ROOT}: {error.strerror}.") from None
    with file:
        try:
            lock(file, wait=False)
        except OSError:
            say("Waiting for another run.py, which is installing into .venv")
            lock(file, wait=True)
        yield


def lock(file, wait):
    """Lock an open file for this process; OSError if another holds it and wait is False."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        while True:
            try:
                return msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            except OSError:
                if not wait:
                    raise
            time.sleep(1)
    fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def usable(have, want):
    """Whether .venv can be kept: finished, made here, and its Python still starts."""
    same = have is not None and all(have[key] == want[key] for key in ("python", "root"))
    return same and works(PYTHON)


def stamp(extras):
    """Describe the environment. If this differs from the stored stamp, .venv is outdated."""
    return {
        "python": "{}.{}".format(*sys.version_info),
        "root": str(ROOT),
        "pyproject": hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest(),
        "extras": sorted(extras),
    }


def read_stamp():
    """The stamp of a finished environment; None if there is no readable one."""
    try:
        found = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.keys() == stamp(()).keys() else None


def write_stamp(content):
    """Write the stamp atomically."""
    unfinished = STAMP.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(str(unfinished), str(STAMP))


def works(python):
    """Whether this interpreter starts: its Python may have been deleted or moved."""
    try:
        return subprocess.call([str(python), "-I", "-c", ""], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def make_venv():
    """Make an empty .venv for this Python; it replaces any other."""
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            raise SetupError(
                f"This Python ({sys.executable}) lacks the standard module {module}; "
                "on Debian and Ubuntu, `sudo apt install python3-venv` adds it."
            )
    say("Making .venv with Python {}.{}.{} ".format(*sys.version_info), end="")
    command = [sys.executable, "-m", "venv", "--clear", VENV]
    quietly(command, f"The folder {VENV} could not be made; the reason is above.")


def install(extras):
    """Install the project, editable, and its extras into .venv."""
    project = ".[{}]".format(",".join(extras)) if extras else "."
    say(f"Installing flashlm-np{project[1:]} into .venv ", end="")
    command = [PYTHON, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    quietly(
        [*command, "--editable", project],
        "pip could not install the project; its last lines are above. "
        "If they speak of connections, check the network, then run the same command again.",
    )


def quietly(command, failure):
    """Run a command with a dot every two seconds; show its last lines only if it fails."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(
            [str(part) for part in command],
            cwd=str(ROOT),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        wait_with_dots(child)
        if child.returncode:
            log.seek(0)
            lines = log.read().decode("utf-8", "replace").splitlines()
            say("\n" + "\n".join(lines[-15:]))
            raise SetupError(failure)
    say(f" {time.monotonic() - start:.0f} s")


def wait_with_dots(child):
    """Wait for the child; if interrupted, leave nothing running behind."""
    try:
        while True:
            try:
                child.wait(timeout=2)
                return
            except subprocess.TimeoutExpired:
                say(".", end="")
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
