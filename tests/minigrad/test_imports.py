"""minigrad stands on NumPy and the standard library, and its arrows run one way."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad

ROOT = Path(minigrad.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# errors ← ops ← engine ← tensor ← module ← layers, optim: what each room may use of minigrad.
MAY_USE = {
    "errors": set(),
    "ops": {"errors"},
    "engine": {"errors", "ops"},
    "tensor": {"errors", "ops", "engine"},
    "functional": {"ops", "tensor"},
    "module": {"engine", "tensor"},
    "layers": {"tensor", "functional", "module"},
    "optim": {"tensor", "module"},
    "gradcheck": {"errors", "ops", "engine", "tensor"},
    "look": {"errors", "ops", "engine", "tensor", "module", "gradcheck"},
}


def room_of(file):
    return file.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(file):
    """Every module that the file imports, minigrad's own as minigrad.room."""
    package = ["minigrad", *file.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            if name == "minigrad":  # from . import room
                yield from (f"minigrad.{alias.name}" for alias in node.names)
            else:
                yield name


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_only_numpy_and_the_standard_library(file):
    for name in imported(file):
        top = name.split(".")[0]
        assert top in {"minigrad", "numpy"} or top in sys.stdlib_module_names, name


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_arrows_run_one_way(file):
    room = room_of(file)
    if room == "__init__":
        return
    used = {name.split(".")[1] for name in imported(file) if name.startswith("minigrad.")}
    assert used - {room} <= MAY_USE[room]


def test_the_reading_of_imports_sees_all_forms():
    """The two tests above would pass if `imported` found nothing."""
    assert set(imported(ROOT / "ops" / "rows.py")) >= {"numpy", "minigrad.errors"}
    assert "minigrad.ops.embedding" in set(imported(ROOT / "ops" / "rows.py"))
    assert "minigrad.functional" in set(imported(ROOT / "layers.py"))
    assert {room_of(file) for file in FILES} == {*MAY_USE, "__init__"}


def test_nothing_else_is_loaded_by_running_it():
    """Not even by the imports of imports: numpy's own aside, all that is loaded is standard."""
    program = """
import sys
import numpy
before = set(sys.modules)
import minigrad, minigrad.gradcheck, minigrad.look
minigrad.Tensor([3.0], requires_grad=True).sum().backward()
new = {name.split(".")[0] for name in set(sys.modules) - before}
print(*sorted(new - {"minigrad", "numpy"} - sys.stdlib_module_names))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == []


def test_the_names_that_are_promised_are_there():
    assert all(hasattr(minigrad, name) for name in minigrad.__all__)
    assert all(hasattr(minigrad.optim, name) for name in minigrad.optim.__all__)
    assert minigrad.functional.add(1.0, 2.0).data == np.float32(3.0)
