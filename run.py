"""Two commands that need nothing but Python: train the model, test the project.

    python3 run.py train [arguments of `flashlm train`]
    python3 run.py test  [--quick | --parity --site] [arguments of pytest]

and four more, for the course:

    python3 run.py lab                             open the notebooks in JupyterLab
    python3 run.py notebooks [--check] [NAME ...]  build them from notebooks/src
    python3 run.py docs                            build the site, docs/_build/html/index.html
    python3 run.py playground --serve              the page that trains in a browser

Every command of flashlm works the same way, such as `python3 run.py generate runs/quickstart`:
train, eval, generate, prepare, embed, convert, stories, profile, inspect, export, course.
`python3 run.py COMMAND --help` describes one. On Windows, write `py` for `python3`.

The first run makes the folder .venv beside this file and installs the project into it, once.
A command that needs more packages adds them.

`test` checks the style with ruff, then runs all tests, on each core but at most four; `-n 0` is
an argument of pytest for one process. `--parity` also installs PyTorch (a large download) and
runs the tests that compare this project with it. `--site` also installs the tools of the site
and runs the tests in a browser. `--quick` runs in less than a minute: the gradients of all
operations, the planted bugs, the model, a training step and generation.
"""

# This file must parse on Python 3.6: an old Python then prints one sentence, not a traceback.

import contextlib
import hashlib
import importlib.util
import itertools
import json
import os
import secrets
import shlex
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
INTERRUPTED = 130  # the usual exit code after Ctrl-C
PACKAGE_MISSING = 69  # the exit code of flashlm if it needs the extra `prepare`
QUICK = (  # arguments of pytest
    "tests/minigrad",
    "--ignore=tests/minigrad/test_hard_gradients.py",
    "--ignore=tests/minigrad/test_step_through.py",
    "--ignore=tests/minigrad/test_doctests.py",
    "tests/flashlm_np/model",
    "tests/flashlm_np/training/test_step.py",
    "tests/flashlm_np/inference/test_generate.py",
)
# Arguments of pytest; later ones replace them, such as -n 0 for a single process.
PARALLEL = ("-n", "logical", "--maxprocesses", "4", "--dist", "loadfile")
# Each of these processes has one core, so threads of BLAS would only wait for each other.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# The size of each extra in .venv; "" is the project itself (Linux, Python 3.11, 2026-11).
MEGABYTES = {
    "": 185,
    "mpi": 42,
    "prepare": 240,
    "quick": 12,
    "test": 30,
    "site": 320,
    "lab": 170,
    "parity": 740,  # with CUDA, which PyPI's PyTorch for Linux brings, several times as much
}


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
    except OSError as error:
        say(f"run.py cannot go on: {error}")
        return 1
    except KeyboardInterrupt:  # only outside jobs, which handle it themselves
        say("\nInterrupted.")
        return INTERRUPTED


def old_python(version, executable):
    """The sentence for a Python that is too old."""
    return (
        "FlashLM needs Python {}.{} or newer, and {} is Python {}.{}.{}: install a newer one "
        "from python.org, or start run.py with one that you have, such as python3.12."
    ).format(*OLDEST, executable, *version[:3])


def say(line, end="\n"):
    """Print to standard error, because standard output belongs to the job."""
    print(line, end=end, file=sys.stderr, flush=True)


# Jobs ----------------------------------------------------------------------------------------


def flashlm(arguments):
    """Run `flashlm ARGUMENTS` in the caller's folder; add the extra `prepare` when needed."""
    prepare(extras=())
    say("Running " + shown(["flashlm", *arguments]))
    code = job(python("flashlm_np", *arguments), later=[signal.SIGINT])
    if code == PACKAGE_MISSING and prepare(extras=("prepare",)):
        say("Running it again")
        code = job(python("flashlm_np", *arguments), later=[signal.SIGINT])
    return code


def test(arguments):
    """Run ruff and pytest, both in any case. Pytest is last, so its summary ends the output."""
    options = [name for name in ("quick", "parity", "site") if f"--{name}" in arguments]
    chosen = [a for a in arguments if a not in ("--quick", "--parity", "--site")]
    if "quick" in options:
        return quick_test(options, chosen)
    prepare(extras=("mpi", "prepare", "quick", "test", *options))
    codes = []
    tests = ["pytest", *PARALLEL, *chosen]
    for command in (["ruff", "check"], ["ruff", "format", "--check"], tests):
        say("Running " + shown(command))
        codes.append(job(python(*command), cwd=ROOT, defaults=ONE_THREAD))
        if codes[-1] == INTERRUPTED:
            raise KeyboardInterrupt
        if codes[-1] and command[0] == "ruff":
            say("Failed: " + shown(command))
    return next((code for code in codes if code), 0)


def quick_test(options, chosen):
    """Run the tests of QUICK on two cores."""
    if len(options) > 1:
        raise SetupError("--quick leaves out the tests of --parity and --site; choose one.")
    prepare(extras=("quick",))
    say("Running the quick tests, a minute. They leave out: hard gradients, step_through,")
    say("texts, runs, exports, the course, notebooks, guides, commands, the style of the code.")
    return job(python("pytest", "-q", "-n", "2", *QUICK, *chosen), cwd=ROOT)


def lab(arguments):
    """Open the notebooks in JupyterLab. It would run configurations in the caller's folder."""
    prepare(extras=("lab",))
    folder = ROOT / "notebooks"
    return job(python("jupyterlab", "--notebook-dir", folder, *arguments), cwd=ROOT)


def notebooks(arguments):
    """Build the notebooks from their sources, or with --check only run them."""
    prepare(extras=("site",))
    return job([PYTHON, "-I", ROOT / "notebooks" / "build.py", *arguments], cwd=ROOT)


def docs(arguments):
    """Build the site; a warning is an error."""
    prepare(extras=("site",))
    built = ROOT / "docs" / "_build" / "html"
    options = ["-W", "--keep-going", "-q", "-b", "html", *arguments]
    code = job(python("sphinx", *options, ROOT / "docs", built), cwd=ROOT)
    say("The site could not be built." if code else f"Open {built / 'index.html'}")
    return code


def playground(arguments):
    """Make the page that runs in a browser. That needs no package, and so no .venv."""
    program = ROOT / "docs" / "playground" / "build.py"
    return job([sys.executable, "-I", program, *arguments])


JOBS = {
    "test": test,
    "lab": lab,
    "notebooks": notebooks,
    "docs": docs,
    "playground": playground,
}


def python(module, *arguments):
    """The command that runs a module with the Python of .venv.

    -I keeps the caller's folder and PYTHONPATH off the module path: a random.py that lies there
    would be run in place of the standard library's. It also makes Python pass over PYTHONUTF8.
    """
    return [PYTHON, "-I", "-X", f"utf8={sys.flags.utf8_mode}", "-m", module, *arguments]


def shown(command):
    """A command as a shell reads it."""
    if os.name == "nt":
        return subprocess.list2cmdline(command)
    return " ".join(map(shlex.quote, command))


def job(command, cwd=None, later=(), defaults=None):
    """Run a command to its end; return its exit code (128 + N if signal N ended it).

    defaults: variables of the environment, for those that are not set.

    A terminal sends Ctrl-C to the command, too, which may write a checkpoint: wait for it.
    SIGTERM reaches only this process, so it is passed on. The signals `later` wait until the
    command unblocks them: Python, while it starts, would print a traceback.
    """
    children, caught = [], []

    def handle(number, frame):
        caught.append(number)
        if number == signal.SIGTERM:
            for child in children:
                child.terminate()

    with signals_handled_by(handle):
        with blocked(later):  # the command inherits that
            # mpiexec gives its process a connection, which is the child's: a file descriptor.
            alone = "PMI_FD" not in os.environ
            parts = [str(part) for part in command]
            environment = dict(defaults or {}, **os.environ)
            children.append(subprocess.Popen(parts, cwd=cwd, env=environment, close_fds=alone))
        code = children[0].wait()
    if code and signal.SIGINT in caught:
        return INTERRUPTED
    return code if code >= 0 else 128 - code


@contextlib.contextmanager
def blocked(signals):
    """Let these signals wait, on systems that can."""
    if not signals or not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def signals_handled_by(handle):
    """Call handle(number, frame) for Ctrl-C, SIGTERM and a closed terminal.

    If a signal were ignored here, the children would inherit that. A signal that was ignored
    from outside (nohup) stays ignored.
    """
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [getattr(signal, name) for name in names]  # Windows has no SIGHUP
    ours = [n for n in numbers if signal.getsignal(n) is not signal.SIG_IGN]
    before = {n: signal.signal(n, handle) for n in ours}
    try:
        yield
    finally:
        for n in ours:
            signal.signal(n, before[n])


# The environment -----------------------------------------------------------------------------


def prepare(extras):
    """Make sure that .venv holds the project and the extras; return whether it was changed."""
    if not plan(extras)[0]:
        return False
    with alone():
        changes, had, want = plan(extras)  # another process may have made them meanwhile
        if changes:
            change(had, want)
    return True


def plan(extras):
    """Whether .venv must change, its extras (None if it cannot be kept), the wanted stamp."""
    have, want = read_stamp(), stamp(extras)
    had = have["extras"] if usable(have, want) else None
    want["extras"] = sorted({*(had or ()), *extras})
    return have != want or had is None, had, want


def change(had, want):
    """Install the project and the wanted extras.

    The stamp is removed first and written last. An environment without a stamp is unfinished
    and is made again, so the next run repairs an interrupted installation.
    """
    if STAMP.exists():
        STAMP.unlink()
    if had is None:
        make_venv()
    new = {"", *want["extras"]} if had is None else {*want["extras"]}.difference(had)
    install(want["extras"], sum(MEGABYTES[extra] for extra in new))
    write_stamp(want)


@contextlib.contextmanager
def alone():
    """Allow one installation at a time: a second waits. The lock ends with its process.

    The processes of an installation inherit the lock. So it also holds if only they survive.
    """
    path = ROOT / ".venv.lock"
    try:
        file = path.open("a")
    except OSError as error:
        raise SetupError(f"Nothing can be written in {ROOT}: {error.strerror}.") from None
    with file:
        os.set_inheritable(file.fileno(), True)
        if not lock(file, wait=False):
            say("Waiting for another run.py, which is installing into .venv")
            lock(file, wait=True)
        yield


def lock(file, wait):
    """Lock an open file for this process; False if another holds it and wait is False."""
    try:
        import fcntl
    except ImportError:  # Windows
        return lock_on_windows(file, wait)
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a network folder that has no locks: go on without one
        return True
    return True


def lock_on_windows(file, wait):
    """The same with the first byte of the file, which need not exist."""
    import msvcrt

    while True:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            return True
        except OSError:
            if not wait:
                return False
        time.sleep(1)


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
    if not isinstance(found, dict) or found.keys() != stamp(()).keys():
        return None
    extras = found["extras"]
    known = isinstance(extras, list) and all(extra in [*MEGABYTES] for extra in extras)
    return found if known else None


def write_stamp(content):
    """Write the stamp atomically."""
    unfinished = STAMP.with_suffix(".tmp-" + secrets.token_hex(4))
    with unfinished.open("x", encoding="utf-8") as file:
        file.write(json.dumps(content, indent=1) + "\n")
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
    command = [sys.executable, "-I", "-m", "venv", "--clear", VENV]
    quietly(command, f"The folder {VENV} could not be made; the reason is above.")


def install(extras, megabytes):
    """Install the project, editable, and its extras into .venv."""
    project = ".[{}]".format(",".join(extras)) if extras else "."
    amount = f", about {megabytes} MB" if megabytes else ""  # none: pyproject.toml has changed
    say(f"Installing flashlm-np{project[1:]} into .venv{amount} ", end="")
    command = python("pip", "install", "--no-input", "--disable-pip-version-check")
    command += ["--no-user"]  # .venv refuses --user, which the settings of pip may ask for
    command += ["--no-compile"]  # most modules are never imported
    command += ["--prefer-binary"]  # an older wheel, where the newest release has none
    command += ["--editable", project]
    quietly(
        command,
        "pip could not install the project; its last lines are above. "
        "If they speak of connections, check the network, then run the same command again.",
    )


def quietly(command, failure):
    """Run a command with a dot every two seconds; show its last lines only if it fails."""
    start, caught = time.monotonic(), []
    with tempfile.TemporaryFile() as log, signals_handled_by(lambda *a: caught.append(a)):
        child = subprocess.Popen(
            [str(part) for part in command],
            cwd=str(ROOT),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            close_fds=False,  # the lock of `alone` is inherited
            start_new_session=True,  # so that `end` can end what the child has started
        )
        wait_with_dots(child, caught)
        if caught:
            end(child)
            raise KeyboardInterrupt
        if child.returncode:
            log.seek(0)
            lines = log.read().decode("utf-8", "replace").splitlines()
            say("\n" + "\n".join(lines[-15:]))
            raise SetupError(failure)
    say(f" {time.monotonic() - start:.0f} s")


def wait_with_dots(child, caught):
    """Wait for the end of the child, or until a signal was caught."""
    tenths = itertools.count(1)
    while not caught:
        try:
            child.wait(timeout=0.1)
            return
        except subprocess.TimeoutExpired:
            say("." if next(tenths) % 20 == 0 else "", end="")


def end(child):
    """End a process and, where the system has sessions, all that it has started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    child.kill()
    child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
