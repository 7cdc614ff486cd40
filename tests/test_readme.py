"""The README's code runs and prints the results it shows; the links of the guides exist."""

import re
from pathlib import Path

from minigrad import TABLE

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_code_of_the_readme_runs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGES[0].read_text(encoding="utf-8"), re.DOTALL)
    engine, model = blocks
    exec(compile(engine, "README.md", "exec"), {})
    stated = re.search(r"print\(x.grad\)  # (.*)", engine).group(1)
    gradient, *report = capsys.readouterr().out.splitlines()
    assert gradient == stated
    assert report[0] == "rms_norm: auto check passed, 2 comparisons"
    exec(compile(model, "README.md", "exec"), {})
    assert "Once upon a time" in capsys.readouterr().out


def test_the_readme_counts_the_operations_of_the_table():
    counts = re.findall(r"(\d+) operations", PAGES[0].read_text(encoding="utf-8"))
    assert set(counts) == {str(len(TABLE))}


def test_the_targets_of_links_exist():
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert link.startswith("http") or (page.parent / link).exists(), f"{page}: {link}"
