"""What the README shows is so: its code runs and prints what it says, its links exist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_code_of_the_readme_runs(capsys):
    (code,) = re.findall(
        r"```python\n(.*?)```", PAGES[0].read_text(encoding="utf-8"), re.DOTALL
    )
    exec(compile(code, "README.md", "exec"), {})
    promised = re.search(r"print\(x.grad\)  # (.*)", code).group(1)
    gradient, *report = capsys.readouterr().out.splitlines()
    assert gradient == promised
    assert report[0] == "rms_norm: projection check passed, 2 comparisons"


def test_links_lead_somewhere():
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert link.startswith("http") or (page.parent / link).exists(), f"{page}: {link}"
