"""The notebooks run without a warning, and have the cells of their sources."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
SOURCES = sorted((FOLDER / "src").glob("*.py"))
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SHORTER = {  # trainings that take long; `run.py notebooks` runs the whole ones
    "07_from_sgd_to_normuon": {
        "O=64, steps=120)": "O=64, steps=30)",
        "steps=150,": "steps=40,",
    },
    "09_train_and_be_honest": {"    steps=200,": "    steps=80,"},
    "12_a_cheaper_last_layer": {
        '{"exact": 70, "two_level": 320, "sampled": 320}': (
            '{"exact": 10, "two_level": 40, "sampled": 40}'
        )
    },
    "14_three_ways_to_see": {
        "phases=(Phase(1, WINDOW, 32),)": "phases=(Phase(1, WINDOW, 4),)",
        "own_rng.integers(1, WINDOW - 1, 32))": "own_rng.integers(1, WINDOW - 1, 4))",
    },
    "15_a_museum_of_mistakes": {
        "B=8, steps=300,": "B=8, steps=60,",
        '"steps": 1000}': '"steps": 100}',
    },
    "16_several_machines": {"STEPS = 160": "STEPS = 64"},
}
LARGEST = 600_000  # bytes: a notebook contains its figures and its step-through page


def by_name(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.stem)


def need(module):
    reason = f"no {module}; `python3 run.py notebooks` installs it"
    return pytest.importorskip(module, reason=reason)


def cells_of(notebook):
    """Return the kind and the text of each cell, which its source determines."""
    return [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]


def first_difference(name, wanted, found):
    """Describe the first cell in which a notebook and its source differ; None if none does."""
    fix = f"run `python3 run.py notebooks {name}`"
    for number, (want, have) in enumerate(zip(wanted, found, strict=False)):
        if want != have:
            return f"{name}, cell {number}: the source has {want}, the notebook {have}; {fix}"
    if len(wanted) != len(found):
        return f"{name}: the source has {len(wanted)} cells, the notebook {len(found)}; {fix}"
    return None


def committed(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_every_source_has_a_notebook_and_the_reverse():
    assert SOURCES
    sources, notebooks = ({path.stem for path in paths} for paths in (SOURCES, NOTEBOOKS))
    assert sources == notebooks, "run `python3 run.py notebooks`, and commit the notebooks"


@by_name(SOURCES)
def test_a_source_runs_and_prints_no_warning(path, tmp_path):
    """Each source is a separate process, because some change its use of memory and cores."""
    text = path.read_text(encoding="utf-8")
    for whole, shorter in SHORTER.get(path.stem, {}).items():
        assert text.count(whole) == 1, f"SHORTER: {path.name} does not have once: {whole}"
        text = text.replace(whole, shorter)
    source = tmp_path / path.name
    source.write_text(text, encoding="utf-8")
    command = [sys.executable, "-W", "ignore:FigureCanvasAgg is non-interactive", str(source)]
    environment = os.environ | {"MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"}
    ran = subprocess.run(
        command, cwd=FOLDER, env=environment, capture_output=True, encoding="utf-8", timeout=600
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""


@by_name(SOURCES)
def test_a_notebook_has_the_cells_of_its_source(path):
    wanted = cells_of(need("jupytext").read(path, fmt="py:percent"))
    notebook = FOLDER / f"{path.stem}.ipynb"
    found = cells_of(committed(notebook)) if notebook.exists() else []
    assert not (difference := first_difference(path.stem, wanted, found)), difference


def test_a_planted_difference_is_found():
    cells = [("markdown", "# 07 · Title"), ("code", "x = 1"), ("code", "x")]
    assert first_difference("07_title", cells, list(cells)) is None
    edited = [cells[0], ("code", "x = 2"), cells[2]]
    assert first_difference("07_title", cells, edited) == (
        "07_title, cell 1: the source has ('code', 'x = 1'), the notebook ('code', 'x = 2'); "
        "run `python3 run.py notebooks 07_title`"
    )
    for shorter in (cells[:2], cells[1:]):
        assert first_difference("07_title", cells, shorter)
        assert first_difference("07_title", shorter, cells)
    other_kind = [("code", "# 07 · Title"), *cells[1:]]
    assert "cell 0" in first_difference("07_title", cells, other_kind)


@by_name(NOTEBOOKS)
def test_a_notebook_is_committed_as_executed(path):
    code = [cell for cell in committed(path)["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    for number, cell in enumerate(code, 1):
        for output in cell["outputs"]:
            where = f"{path.name}, code cell {number}"
            assert output["output_type"] != "error", where
            assert output.get("name") != "stderr", where
            text = "".join(output.get("data", {}).get("text/plain", ""))
            assert " at 0x" not in text, f"{where} shows an address, which changes every time"


@by_name(NOTEBOOKS)
def test_a_notebook_is_small(path):
    assert path.stat().st_size < LARGEST


# -- the builder ---------------------------------------------------------------------------

GOOD = """# %% [markdown]
# # Title

# %%
import sys
class mine: reveal = print
print("one")
print(sys.executable)

# %%
mine.reveal("two", flush=True)
print("three")
"""


@pytest.fixture(scope="module")
def builder():
    for module in ("jupytext", "nbclient", "ipykernel"):
        need(module)
    spec = importlib.util.spec_from_file_location("build_notebooks", FOLDER / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_second_build_writes_the_same_bytes(builder, tmp_path):
    source, target = tmp_path / "07_title.py", tmp_path / "07_title.ipynb"
    source.write_text(GOOD, encoding="utf-8")
    assert builder.build(source, target).startswith("written")
    built = committed(target)
    assert cells_of(built) == cells_of(need("jupytext").read(source, fmt="py:percent"))
    outputs = [cell["outputs"] for cell in built["cells"] if cell["cell_type"] == "code"]
    assert ["".join(output["text"]) for (output,) in outputs] == [
        f"one\n{sys.executable}\n",
        "two\nthree\n",
    ]
    assert [cell["id"] for cell in built["cells"]] == ["cell-0", "cell-1", "cell-2"]
    folded = {"jupyter": {"outputs_hidden": True}}  # a truth, until the reader runs the cell
    assert [cell["metadata"] for cell in built["cells"]] == [{}, {}, folded]
    before = target.read_bytes()
    assert builder.build(source, target) == "written"
    assert target.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.suffix != ".py"] == ["07_title.ipynb"]


@pytest.mark.parametrize(
    ("last_cell", "reason"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import warnings\nwarnings.warn('beware')", "cell 3 printed a warning: "),
        ("import os\nos._exit(1)", "Kernel died"),
    ],
)
def test_a_notebook_that_fails_is_named_and_not_written(
    builder, tmp_path, monkeypatch, capsys, last_cell, reason
):
    (tmp_path / "src").mkdir()
    source = tmp_path / "src" / "07_title.py"
    source.write_text(f"{GOOD}\n# %%\n{last_cell}\n", encoding="utf-8")
    monkeypatch.setattr(builder, "HERE", tmp_path)
    assert builder.main(["07"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("07_title ")
    assert "FAILED: " in out
    assert reason in out
    assert not (tmp_path / "07_title.ipynb").exists()


def test_checking_runs_and_writes_nothing(builder, tmp_path, monkeypatch, capsys):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "07_title.py").write_text(GOOD, encoding="utf-8")
    monkeypatch.setattr(builder, "HERE", tmp_path)
    assert builder.main(["--check"]) == 0
    assert "ran" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["src"]


def test_an_unknown_name_is_refused(builder, capsys):
    with pytest.raises(SystemExit):
        builder.main(["99"])
    assert "no notebook 99" in capsys.readouterr().err


def test_the_number_of_a_notebook_is_enough(builder, tmp_path, monkeypatch, capsys):
    (tmp_path / "src").mkdir()
    for name in ("07_title.py", "08_other.py"):
        (tmp_path / "src" / name).write_text("# %%\n1\n", encoding="utf-8")
    monkeypatch.setattr(builder, "HERE", tmp_path)
    assert builder.main(["08"]) == 0
    assert capsys.readouterr().out.startswith("08_other ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["08_other.ipynb", "src"]
