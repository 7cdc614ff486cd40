"""The commands that a message tells its reader to type."""

import os
import re
import shlex
import shutil
from pathlib import Path

RUN = Path(__file__).resolve().parents[1] / "run.py"
WINDOWS = os.name == "nt"
NAMES = ("py", "python") if WINDOWS else ("python3", "python")  # conda on Windows has no py
PYTHON = next(filter(shutil.which, NAMES), NAMES[0])


def command(*arguments: str | Path) -> str:
    """A command line of flashlm, quoted so that it can be copied into a shell.

    It starts run.py where that is the surer way: in the project's folder, and where the shell
    finds no `flashlm` because its environment is not active.

    Example:
        >>> command("train", "--resume", Path("runs/mine"))  # doctest: +ELLIPSIS
        '... train --resume runs/mine'
    """
    program = ["flashlm"]
    if RUN.is_file() and (in_project() or shutil.which("flashlm") is None):
        program = [PYTHON, RUN.name if in_project() else RUN]
    return " ".join(map(quoted, [*program, *arguments]))


def in_project() -> bool:
    """Whether the present folder is the project's own."""
    return Path.cwd() == RUN.parent


def quoted(argument: str | Path) -> str:
    """One argument of a command line, quoted if the shell needs it.

    A path that begins with a dash would be read as an option, so it gets "./" before it.
    """
    text = str(argument)
    if isinstance(argument, Path) and text.startswith("-"):
        text = os.path.join(".", text)
    if not WINDOWS:
        return shlex.quote(text)
    # Double quotes are the ones that both shells of Windows know; no path contains them.
    return text if re.fullmatch(r"[\w.:\\/+=@-]+", text) else f'"{text}"'
