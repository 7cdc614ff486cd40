"""The project holds nothing that another system or console would understand differently."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("minigrad", "flashlm_np", "tests", "benchmarks", "notebooks", "docs")
FILES = [
    path.relative_to(ROOT)
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*"))
    if not {"__pycache__", "_build", ".ipynb_checkpoints"} & set(path.parts)
]
PROGRAMS = [
    Path("run.py"),
    *(p for p in FILES if p.suffix == ".py" and p.parts[0] != "tests"),
]


def tree(path):
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


# Files ---------------------------------------------------------------------------------------


def test_windows_and_mac_can_hold_all_files():
    reserved = r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?"
    for path in FILES:
        for name in path.parts:
            assert not re.search(r'[<>:"\\|?*\x00-\x1f]|[ .]$', name), path
            assert not re.fullmatch(reserved, name, re.IGNORECASE), path
        assert len(str(path)) < 120, f"{path}: Windows allows 260 letters for the whole path"
    names = [str(path).lower() for path in FILES]
    assert len(names) == len(set(names)), "two names differ only in capitals"


def test_a_text_file_is_opened_with_its_encoding():
    """Python's default is UTF-8 on Linux, and an older code page on Windows."""
    named = re.compile(r"encoding=|'utf-8'|'ascii'|'[rwax]\+?b'|'[rwax]b\+?'")
    for path in PROGRAMS:
        for call in (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)):
            if re.search(r"^open$|\.(read_text|write_text)$", ast.unparse(call.func)):
                line = f"{path}:{call.lineno}: {ast.unparse(call)}"
                assert named.search(line), line


def test_every_module_is_imported_where_the_modules_of_posix_are_missing():
    modules = [
        ".".join(p.with_suffix("").parts).removesuffix(".__init__")
        for p in PROGRAMS
        if p.parts[0] in ("minigrad", "flashlm_np")
    ]
    code = f"""
import importlib, os, signal, sys
sys.modules["fcntl"] = sys.modules["resource"] = None
for name in ("fork", "killpg", "mkfifo", "geteuid", "sched_getaffinity", "setsid"):
    vars(os).pop(name, None)
for name in ("SIGKILL", "SIGHUP", "SIGALRM", "setitimer", "pthread_sigmask"):
    vars(signal).pop(name, None)
for name in {modules}:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name in ("fcntl", "resource"):
            raise
from flashlm_np.training.memory import peak_memory
from flashlm_np.training.threads import Workers
assert peak_memory() is None
assert Workers().threads
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


# Commands ------------------------------------------------------------------------------------


def messages(path):
    """The strings of a module that are no docstrings."""
    nodes = list(ast.walk(tree(path)))
    kinds = (ast.Module, ast.FunctionDef, ast.ClassDef)
    docs = [
        n.body[0].value
        for n in nodes
        if isinstance(n, kinds) and n.body and isinstance(n.body[0], ast.Expr)
    ]
    for node in nodes:
        if isinstance(node, ast.Constant) and type(node.value) is str and node not in docs:
            yield node.value


def test_a_message_takes_the_commands_in_it_from_one_place():
    """commands.command writes `python3 run.py`, `py run.py` or `flashlm`, as it works here.

    "made by flashlm prepare" names a command. `flashlm prepare --out DIR` would be typed.
    """
    typed = re.compile(r"\bpython3? |\bpy |run\.py|\bflashlm \w+ (?=[-A-Z.])")
    for path in PROGRAMS:
        if path.parts[0] == "flashlm_np" and path.name != "commands.py":
            for text in messages(path):
                in_a_file = text.startswith("To check: ")  # of the workbook, for any system
                assert in_a_file or not typed.search(text), f"{path}: {text}"


GUIDES = ["README.md", "docs/quick_start.md", "docs/course.md", "docs/teach.md"]
GUIDES += ["flashlm_np/course/workbook.md", "notebooks/src/00_first_look.py"]


@pytest.mark.parametrize("path", GUIDES)
def test_a_guide_says_how_windows_names_python(path):
    assert "`py`" in (ROOT / path).read_text(encoding="utf-8")


def test_guides_name_python_in_one_way():
    """`python3` starts run.py, and `python` is the one of the active .venv."""
    other = re.compile(r"\bpython (\.\./)?run\.py|\bpython3 (-m|benchmarks)")
    for path in (p for p in FILES if p.suffix == ".md" or p.match("notebooks/src/*.py")):
        found = other.search((ROOT / path).read_text(encoding="utf-8"))
        assert not found, f"{path}: {found[0]}"
