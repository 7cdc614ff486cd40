"""C programs of tests: compiled where there is a compiler, and run."""

import shutil
import subprocess

import pytest

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
FLAGS = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic"]


def skip_without_compiler():
    if COMPILER is None:
        pytest.skip("no C compiler (cc, gcc or clang) on this machine")


def compile_c(folder):
    """Make the program `model` of model.c."""
    command = [COMPILER, *FLAGS, "model.c", "-o", "model", "-lm"]
    subprocess.run(command, cwd=folder, check=True, timeout=60)
    return folder / "model"


def generated(program, prompt, count):
    """The ids with which the program continues the prompt."""
    command = [str(program), str(count), *map(str, prompt)]
    found = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return [int(line) for line in found.stdout.split()]
