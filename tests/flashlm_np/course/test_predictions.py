"""Predictions in a notebook: kept, compared with the truth, never lost."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from flashlm_np.course.predictions import Predictions
from flashlm_np.course.predictions.kept import Kept, distance, read_kept, write_kept
from flashlm_np.errors import UserError

QUESTION = "zeros among 12 weights"
HEADER = "date,place,question,kind,prediction,truth"
ROW = "2026-11-30T21:05:09Z,03,zeros,number,5,4"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def mine():
    return Predictions("03")


def rows():
    return [(r.place, r.question, r.kind, r.prediction, r.truth) for r in read_file()]


def read_file():
    return read_kept(Predictions("03").file)


def test_without_a_prediction_nothing_is_printed_written_or_shown(mine, folder, capsys):
    (folder / "predictions.csv").write_text("not ours")  # and the file is not even read
    mine.predict(QUESTION, ...)
    mine.predict("the loss", ..., choices=("lower", "higher"))
    mine.reveal(QUESTION, 4)
    mine.reveal("the loss", "higher")
    assert mine.show() is None
    assert capsys.readouterr().out == ""
    assert (folder / "predictions.csv").read_text() == "not ours"


def test_a_number_is_kept_at_once_and_shown_beside_the_truth(mine, capsys):
    mine.predict(QUESTION, 5)
    assert rows() == [("03", QUESTION, "number", "5", "")]
    mine.reveal(QUESTION, np.int64(4))
    assert rows() == [("03", QUESTION, "number", "5", "4")]
    assert capsys.readouterr().out == (
        f"kept: 5\n{QUESTION}: you said 5, it is 4 (distance 0.11)\n"
    )


@pytest.mark.parametrize("given", [0.25, np.float32(0.25), np.array(0.25), np.float64(0.25)])
def test_numbers_of_any_type_are_kept(mine, capsys, given):
    mine.predict(QUESTION, given)
    mine.reveal(QUESTION, given)
    assert rows() == [("03", QUESTION, "number", "0.25", "0.25")]
    assert "you said 0.25, and that is right" in capsys.readouterr().out


def test_a_choice_is_right_or_wrong(mine, capsys):
    mine.predict("the loss", " Lower", choices=("lower", "the same", "higher"))
    mine.predict("best step", "1e-5", choices=(1e-2, 1e-5))
    mine.reveal("the loss", "higher")
    mine.reveal("best step", np.float64(1e-5))
    assert capsys.readouterr().out.splitlines()[2:] == [
        "the loss: you said lower, it is higher",
        "best step: you said 1e-05, and that is right",
    ]
    assert [row.distance for row in read_file()] == [1, 0]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([5], "[5] is a value of type list"),
        ("20 %", "'20 %' is a text"),
        (True, "True is a value of type bool"),
        (None, "None is a value of type NoneType"),
        (np.zeros(2), "is a value of type ndarray"),
        (1j, "1j is a value of type complex"),
        (math.nan, "asks for a finite number"),
        (-math.inf, "asks for a finite number"),
        (10**400, "asks for a finite number"),
    ],
)
def test_a_value_that_is_no_number_is_refused_and_not_kept(mine, folder, given, reason):
    with pytest.raises(UserError) as error:
        mine.predict(QUESTION, given)
    assert QUESTION in str(error.value)
    assert reason in str(error.value)
    mine.reveal(QUESTION, 4)
    assert not list(folder.iterdir())


def test_a_text_that_is_none_of_the_choices_is_refused(mine, folder):
    with pytest.raises(UserError, match="'maybe' is none of the choices 'yes', 'no'"):
        mine.predict("can it pass", "maybe", choices=("yes", "no"))
    with pytest.raises(UserError, match="True is none of the choices 1, 2"):
        mine.predict("how many", True, choices=(1, 2))
    with pytest.raises(UserError, match="'perhaps' is none of the choices 'yes', 'no'"):
        mine.reveal("can it pass", "perhaps")
    assert not list(folder.iterdir())


def test_the_last_prediction_before_the_truth_counts(mine, capsys):
    mine.predict(QUESTION, 5)
    mine.predict(QUESTION, 6)
    mine.reveal(QUESTION, 4)
    mine.predict(QUESTION, 4)
    mine.predict(QUESTION, 6)
    assert capsys.readouterr().out.splitlines() == [
        "kept: 5",
        "kept: 6",
        f"{QUESTION}: you said 6, it is 4 (distance 0.2)",
        "the one before the truth counts: 6",
        "kept: 6",
    ]
    assert rows() == [("03", QUESTION, "number", "6", "4")]


def test_the_first_truth_counts(mine, capsys):
    mine.predict(QUESTION, 5)
    mine.reveal(QUESTION, 4)
    mine.reveal(QUESTION, 7)  # after a change of the code
    assert capsys.readouterr().out.splitlines()[2:] == [
        f"{QUESTION}: you said 5, it is 7 (distance 0.17)",
        "the first truth counts: 4",
    ]
    assert rows() == [("03", QUESTION, "number", "5", "4")]


def test_a_prediction_after_the_truth_is_not_kept(mine, folder, capsys):
    mine.predict(QUESTION, ...)
    mine.reveal(QUESTION, 4)
    mine.predict(QUESTION, 4)
    assert "not kept, because the truth was shown before" in capsys.readouterr().out
    mine.reveal(QUESTION, 4)
    assert capsys.readouterr().out == ""
    assert not list(folder.iterdir())


def test_a_prediction_whose_truth_was_shown_without_it_stays(mine, capsys):
    mine.predict(QUESTION, 5)
    mine.predict(QUESTION, ...)
    mine.reveal(QUESTION, 4)
    mine.predict(QUESTION, 4)
    assert "the one before the truth counts: 5" in capsys.readouterr().out
    mine.reveal(QUESTION, 4)
    assert rows() == [("03", QUESTION, "number", "5", "4")]


def test_a_new_session_knows_what_was_kept(mine, capsys):
    mine.predict(QUESTION, 5)
    mine.reveal(QUESTION, 4)
    again = Predictions("03")
    again.predict(QUESTION, 4)
    again.reveal(QUESTION, 4)
    assert "the one before the truth counts: 5" in capsys.readouterr().out
    Predictions("04").predict(QUESTION, 6)  # another place: another question
    assert [row[:4] for row in rows()] == [
        ("03", QUESTION, "number", "5"),
        ("04", QUESTION, "number", "6"),
    ]


def test_the_truth_of_a_question_that_was_not_asked_is_a_mistake(mine):
    with pytest.raises(
        UserError, match=r"'the sum' was not asked; .*predict\('the sum', \.\.\."
    ):
        mine.reveal("the sum", 3)


def test_the_file_stays_in_the_first_folder(mine, folder, monkeypatch):
    (folder / "other").mkdir()
    monkeypatch.chdir(folder / "other")
    mine.predict(QUESTION, 5)
    assert (folder / "predictions.csv").is_file()


def test_a_lost_file_is_named(mine, folder):
    mine.predict(QUESTION, 5)
    (folder / "predictions.csv").unlink()
    with pytest.raises(UserError, match=r"predictions\.csv has no prediction of .* any more"):
        mine.reveal(QUESTION, 4)


# -- the file ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "its first line is ''"),
        ("a,b\n1,2\n", "its first line is 'a,b'"),
        (f"{HEADER}\n{ROW}\n1,2\n", "line 3: it has 2 columns, expected 6"),
        (f"{HEADER}\n{ROW.replace('number', 'text')}\n", "line 2: 'text' is no kind"),
        (f"{HEADER}\n{ROW.replace(',5,', ',five,')}\n", "line 2: 'five' is no number"),
        (f"{HEADER}\n{ROW.replace(',4', ',nan')}\n", "line 2: 'nan' is no number"),
        (f"{HEADER}\n{ROW.replace('2026-', '')}\n", "line 2: .* is no date"),
        (f"{HEADER}\n{ROW.replace('zeros', '')}\n", "line 2: the question .* is empty"),
        (f"{HEADER}\n{ROW.replace('zeros', chr(34))}\n", "line [23]: unexpected end of data"),
        ("\xff\xfe", "it is no text in UTF-8"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused_and_stays(mine, folder, text, reason):
    path = folder / "predictions.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=rf"predictions\.csv.*{reason}"):
        mine.predict(QUESTION, 5)
    assert path.read_bytes() == text.encode("latin-1")


def test_a_file_that_a_spreadsheet_saved_is_read(folder):
    (folder / "predictions.csv").write_bytes(
        b"\xef\xbb\xbf" + f"{HEADER}\r\n{ROW}\r\n\r\n".encode()
    )
    assert read_file() == [Kept(*ROW.split(","))]


def test_the_file_of_the_guide_is_read(folder):
    guide = (Path(__file__).parents[3] / "docs" / "teach.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```text\n(date,.*?)```", guide, re.DOTALL)
    (folder / "predictions.csv").write_text(text, encoding="utf-8")
    assert [round(kept.distance, 2) for kept in read_file()] == [0.11, 1]


def test_any_text_is_read_back(folder):
    row = Kept("2026-11-30T21:05:09Z", 'a "b", c', "two\nlines; ∂ ü", "choice", "2, 3", "=")
    write_kept(folder / "predictions.csv", [row])
    assert read_file() == [row]


# -- the distance --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "truth", "expected"),
    [
        (4, 4, 0),
        (0, 0, 0),
        (8, 4, 1 / 3),
        (4, 8, 1 / 3),
        (40, 4, 9 / 11),
        (-4, 4, 1),
        (0, 4, 1),
        (1e308, -1e308, 1),
        (1.5e308, 0.5e308, 0.5),
        (5e-324, 5e-324, 0),
    ],
)
def test_the_distance_has_no_unit_and_is_at_most_1(given, truth, expected):
    assert distance(given, truth) == pytest.approx(expected, abs=1e-15)


def test_without_a_truth_there_is_no_distance():
    assert math.isnan(Kept("2026-11-30T21:05:09Z", "03", QUESTION, "number", "5").distance)
