"""The imports of both packages run one way between folders, and have no cycle between files.

Imports inside functions count as well. A package's `__init__` imports the modules of its
folder, so no module below may import it.
"""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import numpy as np
import pytest

import flashlm_np
import minigrad

ROOT = Path(minigrad.__file__).parents[1]
PACKAGES = ("minigrad", "flashlm_np")
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}

# The modules and folders that each one may import.
MINIGRAD = {
    "errors": set(),
    "ops": {"errors"},
    "recording": set(),
    "guards": {"errors", "ops"},
    "engine": {"errors", "ops", "recording", "guards"},
    "raw_writes": {"errors", "engine", "guards"},
    "arrays": {"errors"},
    "conversions": {"errors", "arrays"},
    "tensor": {"errors", "arrays", "conversions", "ops", "engine", "guards"},
    "functional": {"errors", "arrays", "ops", "tensor"},
    "numpy_functions": {"functional"},
    "numpy_dispatch": {"tensor", "functional", "numpy_functions"},
    "members": {"tensor"},
    "tree": {"tensor"},
    "module": {"members", "tensor", "tree", "guards"},
    "layers": {"errors", "tensor", "functional", "module"},
    "optim": {"errors", "ops", "module", "tensor", "guards"},
    "gradcheck": {"errors", "ops", "engine", "tensor", "guards"},
    "look": {"errors", "arrays", "ops", "engine", "tensor", "module", "guards", "gradcheck"},
}
# The modules that import another library. No other module imports them.
OPTIONAL = {
    "minigrad.gradcheck.pytest_plugin": "pytest",
    "minigrad.gradcheck.torch_functions": "torch",
}
BASE = {"commands", "errors", "files", "folders", "progress", "records"}
CORE = {*BASE, "data", "ngrams", "model", "evaluation", "inference"}
FLASHLM_NP = {
    "commands": set(),
    "errors": set(),
    "files": {"errors"},
    "folders": {"errors", "files"},
    "progress": {"errors"},
    "records": {"errors", "files"},
    "data": BASE,
    "ngrams": BASE,
    "model": {*BASE, "ngrams"},
    "evaluation": {*BASE, "data", "ngrams", "model"},
    "inference": {*BASE, "data", "ngrams", "model", "evaluation"},
    "training": CORE,
    "runs": {*CORE, "training"},
    "published": {*CORE, "training", "runs"},
    "analysis": {*CORE, "training", "runs"},
    "course": {*CORE, "training"},
    "start_run": {*CORE, "training", "runs", "published"},
    "api": {*CORE, "training", "runs", "published", "analysis", "start_run"},
    "cli": {
        *(
            "__init__",
            *CORE,
            "training",
            "runs",
            "published",
            "analysis",
            "course",
            "start_run",
            "api",
        ),
    },
    "__main__": {"cli"},
}


def imported(module):
    """Yield the full names of the modules that a file imports, also inside functions."""
    path = FILES[module]
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                part = f"{name}.{alias.name}"
                yield part if part in FILES else name


def room(module):
    return module.split(".")[1] if "." in module else "__init__"


@pytest.mark.parametrize("module", [m for m in FILES if m.startswith("minigrad")])
def test_minigrad_imports_only_numpy_and_the_standard_library(module):
    for name in imported(module):
        top = name.split(".")[0]
        allowed = {"minigrad", "numpy", OPTIONAL.get(module)}
        assert top in allowed or top in sys.stdlib_module_names, name
        assert name not in OPTIONAL


@pytest.mark.parametrize("module", [m for m in FILES if "." in m])
def test_a_room_imports_only_the_rooms_below_it(module):
    package = module.split(".")[0]
    may_use = {"minigrad": MINIGRAD, "flashlm_np": FLASHLM_NP}[package]
    used = {room(name) for name in imported(module) if name.split(".")[0] == package}
    assert used - {room(module)} <= may_use[room(module)]


def test_no_imports_form_a_cycle():
    graph = {module: {n for n in imported(module) if n in FILES} - {module} for module in FILES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a cycle of imports: {' <- '.join(error.args[1])}")


def test_no_module_is_named_like_one_of_the_standard_library():
    """Python in that folder would import it instead of the standard library's module."""
    names = {path.stem for path in FILES.values()} - {"__init__", "__main__"}
    assert sorted(names & sys.stdlib_module_names) == []


def test_all_forms_of_imports_are_found():
    """The tests above would pass if `imported` found nothing."""
    assert "minigrad.ops.cross_entropy" in set(imported("minigrad.ops.tied_head"))
    assert "minigrad.functional" in set(imported("minigrad.layers"))
    assert {"numpy", "minigrad.engine"} <= set(imported("minigrad.tensor"))
    assert "flashlm_np.model.config" in set(imported("flashlm_np.runs.checkpoint"))
    for package, may_use in (("minigrad", MINIGRAD), ("flashlm_np", FLASHLM_NP)):
        assert {room(m) for m in FILES if m.startswith(f"{package}.")} == set(may_use)


def test_running_minigrad_loads_only_numpy_and_the_standard_library():
    """The modules that NumPy itself imports are not counted."""
    program = """
import sys
import numpy.random
before = set(sys.modules)
import minigrad, minigrad.gradcheck, minigrad.look
minigrad.Tensor([3.0], requires_grad=True).sum().backward()
new = {name.split(".")[0] for name in set(sys.modules) - before}
print(*sorted(new - {"minigrad", "numpy"} - sys.stdlib_module_names))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == []


def test_the_public_names_exist():
    for module in (minigrad, minigrad.optim, flashlm_np):
        assert all(hasattr(module, name) for name in module.__all__)
    assert minigrad.functional.add(1.0, 2.0).data == np.float32(3.0)
