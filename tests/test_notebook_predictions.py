"""Each prediction that a notebook asks for is compared with a truth that it computes."""

import ast
import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
SOURCES = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("src/*.py")}
MANY = 3  # predictions from which on a notebook shows how far they were


def calls_of_mine(text):
    """Return (method, call) for each call such as `mine.reveal(...)`, in order."""
    calls = [
        (node.func.attr, node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "mine"
    ]
    return sorted(calls, key=lambda pair: pair[1].lineno)


def cell_of(text, line):
    """Return the number of the cell that contains a line."""
    return sum(start.startswith("# %%") for start in text.split("\n")[:line])


def question_of(call):
    """Return the question, a text that stands in the call; None if it does not."""
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) else None


def problems_of(text):
    """Return a sentence for each mistake in the predictions of a source."""
    problems, asked, revealed = [], {}, {}
    for method, call in calls_of_mine(text):
        question, second = question_of(call), call.args[1] if call.args[1:] else None
        constant = second.value if isinstance(second, ast.Constant) else None
        if method == "show":
            continue
        if not isinstance(question, str):
            problems.append(f"line {call.lineno}: the question is not a text in the call")
        elif question in (known := {"predict": asked, "reveal": revealed}[method]):
            problems.append(f"{question!r}: two times {method}")
        else:
            known[question] = cell_of(text, call.lineno)
            if method == "predict" and constant is not ...:
                problems.append(f"{question!r}: it has an answer")
            if method == "reveal" and (second is None or constant is not None):
                problems.append(f"{question!r}: its truth is not computed")
    problems += [f"{question!r}: never revealed" for question in asked.keys() - revealed]
    problems += [f"{question!r}: never asked" for question in revealed.keys() - asked]
    problems += [
        f"{question!r}: revealed in cell {revealed[question]}, asked in cell {cell}"
        for question, cell in asked.items()
        if revealed.get(question, cell + 1) <= cell
    ]
    if len(asked) >= MANY and not text.rstrip().endswith("\n\n# %%\nmine.show()"):
        problems.append("the last cell is not mine.show()")
    return problems


def places_of(text):
    """Return the places of all `Predictions("...")`."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    return [question_of(c) for c in calls if getattr(c.func, "id", "") == "Predictions"]


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_every_prediction_is_revealed_once_and_later(name):
    assert problems_of(SOURCES[name]) == []
    asks = bool(calls_of_mine(SOURCES[name]))
    assert places_of(SOURCES[name]) == [name[:2]] * asks


def test_questions_are_unique_over_the_course():
    seen = {}
    for name, text in sorted(SOURCES.items()):
        for method, call in calls_of_mine(text):
            if method == "predict":
                question = question_of(call)
                assert question not in seen, f"{question!r} is in {seen[question]} and {name}"
                seen[question] = name
    assert len(seen) > 50


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_a_notebook_is_committed_without_answers(name):
    notebook = FOLDER / f"{name}.ipynb"
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if "mine.predict(" in source or "mine.show(" in source:
            assert cell["outputs"] == [], f"{name} shows {cell['outputs']}"


RIGHT = """# %%
mine = Predictions("00")

# %%
mine.predict("zeros", ...)
mine.predict("ones", ..., choices=("few", "many"))
mine.predict("twos", ...)

# %%
T = [0, 1]
mine.reveal("zeros", T.count(0))
mine.reveal("ones", "few" if T.count(1) < 3 else "many")
mine.reveal("twos", T.count(2))

# %%
mine.show()
"""
PLANTED = {
    "a number is typed": ("T.count(0))", "1)", "'zeros': its truth is not computed"),
    "an answer is left": ('"zeros", ...', '"zeros", 7', "'zeros': it has an answer"),
    "another name": ('reveal("twos"', 'reveal("two"', "'twos': never revealed"),
    "never asked": ('predict("twos"', 'predict("two"', "'twos': never asked"),
    "two truths": ('reveal("twos"', 'reveal("zeros"', "'zeros': two times reveal"),
    "asked twice": ('predict("twos"', 'predict("zeros"', "'zeros': two times predict"),
    "one cell": ("# %%\nT = ", "T = ", "'zeros': revealed in cell 2, asked in cell 2"),
    "a variable": ('reveal("twos"', "reveal(name", "line 13: the question is not a text"),
    "no picture": ("mine.show()\n", "", "the last cell is not mine.show()"),
}


def test_right_predictions_have_no_problem():
    assert problems_of(RIGHT) == []
    assert places_of(RIGHT) == ["00"]


@pytest.mark.parametrize("mistake", PLANTED)
def test_a_planted_mistake_is_found(mistake):
    old, new, problem = PLANTED[mistake]
    assert old in RIGHT
    assert any(text.startswith(problem) for text in problems_of(RIGHT.replace(old, new)))
