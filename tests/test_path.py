"""The student's path is the same list in every place, and its files exist."""

import re
from pathlib import Path

import pytest

import flashlm_np
import minigrad

ROOT = Path(__file__).resolve().parents[1]
FILE = re.compile(r"(?:minigrad|flashlm_np)/\w+(?:/\w+)*\.py")


def path_of(text):
    """Return the files that a table or a docstring lists, one in a line."""
    lines = [line.strip() for line in text.splitlines()]
    return [found[0] for line in lines if (found := FILE.match(line.lstrip("| [")))]


PATH = path_of(minigrad.__doc__)


def test_the_nineteen_files_of_the_path_exist():
    assert len(PATH) == len(set(PATH)) == 19
    assert all((ROOT / file).is_file() for file in PATH)


@pytest.mark.parametrize("place", ["flashlm_np", "README.md", "docs/index.md"])
def test_the_path_is_the_same_everywhere(place):
    text = flashlm_np.__doc__ if place == "flashlm_np" else (ROOT / place).read_text("utf-8")
    found = path_of(text)
    start = found.index(PATH[0])
    assert found[start : start + len(PATH)] == PATH
