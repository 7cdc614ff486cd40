"""The five rungs of notebooks/ladder: one model, the same losses, and the same text."""

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from flashlm_np.data.stories import stories

FOLDER = Path(__file__).resolve().parents[1] / "notebooks" / "ladder"
PAGE = FOLDER.parents[1] / "docs" / "ladder.md"
NAMES = [path.stem for path in sorted(FOLDER.glob("rung*.py"))]
DIGITS = 1e-12  # sums in another order differ in the 16th digit
DIGITS_OF_FLOAT32 = 1e-5


@pytest.fixture(scope="module")
def ladder():
    """Import a file of the folder by its name, as the files import each other."""
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module
    sys.path.remove(str(FOLDER))
    for path in FOLDER.glob("*.py"):
        sys.modules.pop(path.stem, None)


def losses(ladder, name, steps, taken=None, **options):
    """The losses of the first steps of a run of `steps`."""
    model = ladder(name).Model(steps, **options)
    return np.array(list(ladder("rung1_scalars").train(model))[:taken])


@pytest.fixture(scope="module")
def first_losses(ladder):
    """Those of rung 1, with which all others are compared."""
    return losses(ladder, NAMES[0], 3)


def test_there_are_five_rungs():
    assert [name[:5] for name in NAMES] == ["rung1", "rung2", "rung3", "rung4", "rung5"]


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_rung_has_the_losses_of_the_first_one(ladder, first_losses, name):
    assert first_losses[-1] < first_losses[0]
    np.testing.assert_allclose(losses(ladder, name, 3), first_losses, rtol=0, atol=DIGITS)


@pytest.mark.parametrize("name", NAMES[2:])
def test_more_steps_agree_and_learn(ladder, name):
    by_hand = losses(ladder, "rung2_arrays", 60)
    np.testing.assert_allclose(losses(ladder, name, 60), by_hand, rtol=0, atol=DIGITS)
    assert by_hand[-10:].mean() < by_hand[:10].mean() - 0.8


def test_float32_agrees_in_its_digits(ladder):
    half = losses(ladder, "rung5_fast_step", 20, dtype=np.float32)
    whole = losses(ladder, "rung5_fast_step", 20)
    assert 1e-9 < abs(half - whole).max() < DIGITS_OF_FLOAT32


def test_all_write_the_same_text(ladder):
    texts = []
    for name in NAMES:
        model = ladder(name).Model(3)
        list(ladder("rung1_scalars").train(model))
        texts.append(ladder("rung1_scalars").write(model, 12))
    assert len(texts[0]) == 12
    assert texts == [texts[0]] * len(NAMES)


# -- Planted mistakes: the comparison finds each ---------------------------------------------


def without_projection(dy, x, gain, r):
    return r * dy * gain, (dy * x * r).sum(axis=(0, 1))[None]


def a_tap_too_late(dh, v, kernel):
    dv, dkernel = np.zeros_like(v), np.zeros_like(kernel)
    for lag in range(kernel.shape[1]):
        dv[:, : v.shape[1] - lag] += dh[:, lag:] * kernel[:, -1 - lag]
        dkernel[:, lag] = (dh[:, lag:] * v[:, : v.shape[1] - lag]).sum(axis=(0, 1))
    return dv, dkernel


def overwriting(loss):
    rung1 = sys.modules["rung1_scalars"]
    loss.gradient = 1.0
    for number in reversed(rung1.GRAPH):
        for parent, slope in zip(number.parents, number.slopes, strict=True):
            parent.gradient = slope * number.gradient
    rung1.GRAPH.clear()


def unrounded(w):
    return w


MISTAKES = {
    "norm": ("rung2_arrays", "norm_backward", without_projection),
    "convolution": ("rung2_arrays", "convolution_backward", a_tap_too_late),
    "ternary": ("rung2_arrays", "ternary", unrounded),
    "rate": ("rung2_arrays", "RATE", 0.021),
    "=": ("rung1_scalars", "backward", overwriting),
    "threshold": ("rung3_minigrad", "ternary.keywords", {"threshold": 0.6, "scale": "mean"}),
    "name": ("rung4_blocks", "NAMES", "gate and up exchanged"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_changes_the_losses(ladder, first_losses, monkeypatch, mistake):
    name, attribute, wrong = MISTAKES[mistake]
    module = ladder(name)
    if mistake == "threshold":
        attribute = "ternary"
        wrong = type(module.ternary)(module.ternary.func, **wrong)
    if mistake == "name":
        own = module.NAMES
        wrong = own | {"gate": own["up"], "up": own["gate"]}
    monkeypatch.setattr(module, attribute, wrong)
    assert abs(losses(ladder, name, 3) - first_losses).max() > 1e6 * DIGITS


# -- The files -------------------------------------------------------------------------------


def test_the_first_file_imports_math_and_random_only():
    tree = ast.parse((FOLDER / "rung1_scalars.py").read_text(encoding="utf-8"))
    names = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    ]
    others = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert names == ["math", "random"]
    assert others == ["watch"]  # the clock and the options, at the end


@pytest.mark.parametrize("name", NAMES)
def test_a_rung_runs_as_a_program_in_any_folder(name, tmp_path):
    command = [sys.executable, FOLDER / f"{name}.py", "--steps", "2", "--length", "5"]
    environment = os.environ | {"PYTHONPATH": str(FOLDER.parents[1])}
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8"
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    table, *texts = ran.stdout.split(" ms a step. It writes:\n\n")
    head, first, second = table.splitlines()[:3]
    assert head.split() == ["step", "loss", "seconds"]
    assert first.split()[:2] == ["1", "4.071877"]
    assert second.split()[0] == "2"
    assert len(texts) == (2 if "rung5" in name else 1)  # the fifth trains in float32, too
    assert all(text[5] == "\n" for text in texts)  # five characters, and the end of the line


def test_no_steps_are_refused(ladder, capsys):
    with pytest.raises(SystemExit):
        ladder("watch").watch(ladder("rung2_arrays").Model, ["--steps", "0"])
    assert "--steps is 0, expected 1 or more" in capsys.readouterr().err


def test_the_text_holds_the_first_lines_of_stories():
    rng = np.random.default_rng(0)
    lines = [stories.generate(rng).split("\n")[0] for _ in range(300)]
    assert (FOLDER / "stories.txt").read_text(encoding="utf-8") == "\n".join([*lines, ""])


# -- The comparison --------------------------------------------------------------------------


def test_the_comparison_has_a_row_for_each_rung_and_leaves_the_sizes(ladder, monkeypatch):
    compare, rung1 = ladder("compare"), ladder("rung1_scalars")
    monkeypatch.setattr(compare, "WIDE", {"D": 6, "H": 10, "B": 2, "T": 12})
    rows = compare.rows(steps=2, wide_steps=2)
    assert [row[0] for row in rows] == NAMES
    assert len({len(row) for row in rows}) == 1
    assert len({tuple(row[3:5]) for row in rows}) == 1  # the losses
    (wide,) = {row[7] for row in rows[1:]}
    assert wide != rows[0][4]
    assert (rung1.D, rung1.T) == (24, 32)
    assert ladder("rung2_arrays").Model(1).weights["in"].shape == (48, 24)


def test_lines_of_code_leave_words_out(ladder, tmp_path):
    (tmp_path / "a.py").write_text('"""A.\n\nB.\n"""\n\n# C\nx = """y\nz"""  # D\n')
    assert ladder("compare").lines(tmp_path / "a.py") == (8, 2)


def test_the_page_counts_the_lines(ladder):
    text = PAGE.read_text(encoding="utf-8")
    for name in NAMES:
        (row,) = [line for line in text.splitlines() if line.startswith(f"| [{name}")]
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert tuple(map(int, cells[1:3])) == ladder("compare").lines(FOLDER / f"{name}.py")
