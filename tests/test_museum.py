"""The page of the museum has the numbers of its notebook, exhibit by exhibit."""

import json
import math
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "15_a_museum_of_mistakes.ipynb"
PAGE = (ROOT / "docs" / "museum.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"\d+\.\d+|\d+")


def printed():
    """The numbers that the cells of each exhibit print; exhibit 0 is the introduction."""
    numbers: dict[int, list[float]] = {0: []}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown" and (
            heading := re.search(r"^## (\d+)\.", text, re.M)
        ):
            numbers[int(heading[1])] = []
        for output in cell.get("outputs", []):
            found = NUMBER.findall("".join(output.get("text", "")))
            numbers[max(numbers)] += [float(number) for number in found]
    return numbers


ROWS = [
    line.strip("| ").split(" | ") for line in PAGE.splitlines() if re.match(r"\| \d+ \|", line)
]
EXHIBITS = {int(cells[0]): cells for cells in ROWS if len(cells) == 5}
PRINTED = printed()


def test_the_page_and_the_notebook_have_the_same_exhibits():
    assert list(EXHIBITS) == list(range(1, 13))
    assert list(PRINTED) == list(range(13))


@pytest.mark.parametrize("exhibit", EXHIBITS)
def test_the_numbers_of_the_page_are_printed_by_the_notebook(exhibit):
    """A perplexity may be printed as its loss in nats."""
    _, _, reported, true, _ = EXHIBITS[exhibit]
    for number in NUMBER.findall(f"{reported} {true}"):
        digits = len(number.partition(".")[2])
        known = PRINTED[exhibit] + [math.exp(n) for n in PRINTED[exhibit] if n < 10]
        last_place = 0.6 * 10**-digits  # the notebook has rounded, too
        assert any(abs(n - float(number)) <= last_place for n in known), number


def test_each_tool_of_the_page_exists():
    text = " ".join(cells[4] for cells in EXHIBITS.values())
    tools = set(re.findall(r"`(\w+)`", text))
    evaluation = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "flashlm_np" / "evaluation").glob("*.py")
    )
    assert len(tools) > 7
    assert [t for t in sorted(tools - {"gradcheck"}) if f"def {t}(" not in evaluation] == []
