"""The code of the guides runs in order and prints the output they give; their patches apply."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from flashlm_np.cli import main
from flashlm_np.course.exercises import EXERCISES
from minigrad.look.operation_docs import docstring_sections

ROOT = Path(__file__).resolve().parents[1]
GUIDES = (
    "quick_start",
    "step_by_step",
    "write_an_operation",
    "check_gradients",
    "runs",
    "ngrams",
    "stories",
    "mixers",
    "museum",
)
OWN = "write_an_operation"


def guide(name):
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def blocks(name):
    """Return (language, text) of every fenced block."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", guide(name), re.MULTILINE | re.DOTALL)


def run_code(name, replaced="", by=""):
    """Run the code of a guide, compare with the texts that it gives, return all it prints."""
    namespace, printed = {"__name__": "guide"}, [""]
    for language, text in blocks(name):
        if language == "text":
            assert printed[-1] == text
        elif language == "python":
            if "import torch" in text and find_spec("torch") is None:
                break  # the rest of the guide needs it
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(text.replace(replaced, by), f"{name}.md", "exec"), namespace)
            printed.append(out.getvalue())
    return printed


@pytest.mark.parametrize("name", GUIDES)
def test_the_code_of_a_guide_prints_the_output_that_it_gives(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_code(name)


def test_the_transformer_has_60_lines_and_learns_in_a_few_steps():
    measured = [text for language, text in blocks("transformer") if language == "console"]
    model = next(text for language, text in blocks("transformer") if language == "python")
    assert len(model.splitlines()) <= 60
    printed = run_code("transformer", "STEPS = 1000", "STEPS = 10")
    (training,) = (text for text in printed if "validation" in text)
    losses = [float(loss) for loss in re.findall("validation (.*)", training)]
    assert 7.6 > losses[0] > losses[-1]
    assert losses[-1] < 6.5

    def without_numbers(text):
        return re.sub(r"[\d.,]+", "#", text)

    assert without_numbers(training) == without_numbers(measured[0])


def test_the_guide_for_teachers_has_the_output_of_the_grader(tmp_path, capsys):
    (_, wrong), (_, output) = blocks("teach")[:2]
    assert main(["course", "start", str(tmp_path / "workbook")]) == 0
    (file,) = (tmp_path / "workbook").glob("*_rms_norm.py")
    text = file.read_text(encoding="utf-8")
    file.write_text(text[: text.index("def rms_norm_backward")] + wrong, encoding="utf-8")
    capsys.readouterr()
    assert main(["course", "check", str(tmp_path / "workbook"), "rms_norm"]) == 1
    assert capsys.readouterr().out == output


def test_the_guide_for_teachers_has_every_exercise_and_every_notebook():
    rows = re.findall(r"^\| (\d\d) .*? \| (.*?) \|", guide("teach"), re.MULTILINE)
    exercises = [name for _, cell in rows for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(exercises) == sorted(exercise.name for exercise in EXERCISES)
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert [number for number, _ in rows] == [path.name[:2] for path in notebooks]


def test_the_page_of_the_guide_has_all_sections():
    sections = docstring_sections(own_page().split('"""')[1])
    assert sections["title"].startswith("Soft threshold: ")
    assert set(sections) == {"title", "forward", "backward", "saved", "source"}


def own_page():
    return next(text for language, text in blocks(OWN) if language == "python")


def patched(text, patch):
    """Apply a patch to `text`: find the lines with a space, add the lines with a +."""
    for hunk in patch.split("@@\n")[1:]:
        lines = hunk.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] == " ")
        assert text.count(before) == 1, f"found {text.count(before)} times:\n{before}"
        text = text.replace(before, "".join(line[1:] for line in lines))
    return text


def test_with_the_patches_of_the_guide_the_new_operation_passes_all_tests(tmp_path):
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("minigrad", "flashlm_np", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "minigrad/ops/soft_threshold.py").write_text(own_page(), encoding="utf-8")
    changed = ["minigrad/ops/soft_threshold.py"]
    for patch in (text for language, text in blocks(OWN) if language == "diff"):
        changed.append(re.match(r"\+\+\+ (.*)\n", patch).group(1))
        path = tmp_path / changed[-1]
        path.write_text(patched(path.read_text(encoding="utf-8"), patch), encoding="utf-8")
    tests = ["tests/minigrad/test_operations.py", "tests/minigrad/test_planted_bugs.py"]
    selected = ["-k", "soft_threshold or every_operation or miss_some"]
    for command in (
        ["ruff", "check", "--no-cache", *changed],
        ["ruff", "format", "--check", "--no-cache", *changed],
        ["pytest", "-q", "-p", "no:cacheprovider", *tests, *selected],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"(\d+) passed", done.stdout).group(1)) >= 30
