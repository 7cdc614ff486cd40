"""`flashlm course predictions`: the files of a class, its tables and its picture."""

from pathlib import Path

import numpy as np
import pytest
from course_commands import output_of
from pictures import outside_texts, overlapping_texts, saved_figures

from flashlm_np.cli import main
from flashlm_np.course.predictions import Predictions
from flashlm_np.course.predictions.classroom import Classroom
from flashlm_np.course.predictions.collect import collect
from flashlm_np.course.predictions.history import History, running_mean, summary, thirds
from flashlm_np.course.predictions.kept import Kept, write_kept
from flashlm_np.course.predictions.picture import class_mean
from flashlm_np.errors import UserError


def row(number, prediction, truth="4", kind="number", question=None):
    date = f"2026-11-30T21:{number // 60:02d}:{number % 60:02d}Z"
    return Kept(date, "03", question or f"question {number}", kind, str(prediction), truth)


def write(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_kept(path, list(rows))


def refused(capsys, *arguments):
    assert main(["course", "predictions", *map(str, arguments)]) == 1
    return capsys.readouterr().err


# -- the files -----------------------------------------------------------------------------


def test_a_student_is_named_as_the_folder_or_the_file(tmp_path, monkeypatch):
    for name in ("ada/predictions.csv", "bob/x/notebooks/predictions.csv", "eve.csv"):
        write(tmp_path / "in" / name, row(1, 5))
    write(tmp_path / "in" / "ada" / "predictions (1).csv", row(0, 6))
    write(tmp_path / "in" / "ada" / "metrics.csv")  # another file, deeper
    assert sorted(collect([tmp_path / "in"])[0]) == ["ada", "bob", "eve"]
    assert [r.prediction for r in collect([tmp_path / "in"])[0]["ada"]] == ["6", "5"]
    write(tmp_path / "kim" / "notebooks" / "predictions.csv", row(1, 5))
    assert list(collect([tmp_path / "kim"])[0]) == ["kim"]
    monkeypatch.chdir(tmp_path / "kim" / "notebooks")
    for path in (".", "predictions.csv"):
        students, problems = collect([Path(path)])
        assert (list(students), problems) == (["kim"], [])


def test_equal_names_below_different_folders_are_two_students(tmp_path):
    for name in ("red/ada", "red/bob", "blue/ada"):
        write(tmp_path / name / "predictions.csv", row(1, 5))
    students, _ = collect([tmp_path / "red", tmp_path / "blue"])
    assert list(students) == ["blue/ada", "red/ada", "bob"]


def test_a_file_that_is_named_twice_counts_once(tmp_path):
    write(tmp_path / "ada" / "predictions.csv", row(1, 5))
    write(tmp_path / "ada" / "predictions-copy.csv", row(1, 5))
    students, _ = collect([tmp_path, tmp_path / "ada", tmp_path / "ada" / "predictions.csv"])
    assert {name: len(rows) for name, rows in students.items()} == {"ada": 1}


def test_a_bad_file_is_named_and_the_others_are_shown(tmp_path, capsys):
    write(tmp_path / "ada.csv", *(row(n, 5) for n in range(3)))
    (tmp_path / "bob.csv").write_text("date,place\n")
    (tmp_path / "eve.csv").write_text(
        (tmp_path / "ada.csv").read_text().replace(",5,4", ",five,4", 1)
    )
    assert main(["course", "predictions", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("ada: 3 predictions with a truth, mean distance 0.11.")
    assert printed.err.splitlines() == [
        f"flashlm: left out: {tmp_path / 'bob.csv'} holds no predictions: its first line is "
        "'date,place', expected date,place,question,kind,prediction,truth",
        f"flashlm: left out: {tmp_path / 'eve.csv'}, line 2: 'five' is no number",
    ]


def test_without_predictions_the_remedy_is_named(tmp_path, capsys):
    assert f"there is no file or folder {tmp_path / 'no'}" in refused(capsys, tmp_path / "no")
    assert f"no predictions in {tmp_path}; name" in refused(capsys, tmp_path)
    write(tmp_path / "ada.csv")
    assert f"no predictions in {tmp_path}; name" in refused(capsys, tmp_path)


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path, capsys):
    write(tmp_path / "ada.csv", row(1, 5, question="\x1b[31mred"))
    assert "�[31mred" in output_of(capsys, 0, "predictions", tmp_path)


# -- the tables ----------------------------------------------------------------------------


def test_the_tables_of_a_class(tmp_path, capsys):
    """The first third is twice too large, the last is right; all get the choice wrong."""
    for name, count in (("ada", 15), ("bob", 12), ("eve", 2)):
        rows = [row(n, 8 if n < count // 3 else 4) for n in range(count)]
        rows[1] = row(1, "lower", "higher", "choice", "the loss")
        write(tmp_path / f"{name}.csv", *rows, row(99, 5, ""))
    lines = output_of(capsys, 0, "predictions", tmp_path).splitlines()
    assert lines[:7] == [
        "student  predictions  first third  last third",
        "ada               15         0.47        0.00",
        "bob               12         0.50        0.00",
        "eve                2            -           -",
        "mean                         0.48        0.00",
        "The numbers are mean distances; - has fewer than 12 predictions.",
        "Without a truth, and not counted: 3.",
    ]
    assert lines[8:11] == [
        "mean distance  answers  usual   truth  question",
        "         1.00        3  lower  higher  03: the loss",
        "         0.22        3      8       4  03: question 0",
    ]
    assert lines[-1] == "13 more have fewer than 3 answers."


def test_only_the_most_surprising_questions_are_listed(tmp_path, capsys):
    write(tmp_path / "ada.csv", *(row(n, 4 + n) for n in range(30)))
    lines = output_of(capsys, 0, "predictions", tmp_path / "ada.csv").splitlines()
    assert lines[3].endswith("question 29")
    assert lines[22].endswith("question 10")
    assert lines[23] == "10 more have a mean distance of at most 0.53."


def test_the_first_question_is_the_one_that_most_get_wrong():
    """A median would be 0 for one of them and 1 for the other."""
    classroom = Classroom(
        {
            str(student): [
                row(1, "yes" if student < 6 else "no", "no", "choice", "six of ten"),
                row(2, "yes" if student < 4 else "no", "no", "choice", "four of ten"),
                row(3, 6, "4", question="all a fifth"),
            ]
            for student in range(10)
        }
    )
    found = [(q.text, q.distance, q.answer, q.truth) for q in classroom.questions]
    assert found == [
        ("six of ten", 0.6, "yes", "no"),
        ("four of ten", 0.4, "no", "no"),
        ("all a fifth", pytest.approx(0.2), "6", "4"),
    ]


# -- getting better ------------------------------------------------------------------------


def test_few_predictions_are_not_compared():
    assert thirds(np.zeros(11)) == []
    assert summary(np.zeros(0)) == "0 predictions with a truth."
    assert summary(np.full(11, 0.25)) == (
        "11 predictions with a truth, mean distance 0.25. From 12 on, the first third is "
        "compared with the last."
    )


def test_a_difference_is_compared_with_its_standard_error():
    noise = np.tile([-0.1, 0.1], 6)
    falling = np.repeat([0.8, 0.5, 0.2], 4) + noise
    assert "0.80 ± 0.06, of the last third: 0.20 ± 0.06. The last ones are nearer." in summary(
        falling
    )
    assert summary(falling[::-1]).endswith("The last ones are farther.")
    assert summary(0.5 + noise).endswith("So far, the difference may be chance.")
    assert summary(np.zeros(12)).endswith("So far, the difference may be chance.")


def test_the_running_mean_has_ten_predictions_at_most():
    distances = np.arange(30.0)
    mean = running_mean(distances)
    assert np.isnan(mean[:3]).all()
    assert mean[3] == 1.5
    assert mean[29] == np.mean(distances[20:])


def test_the_mean_of_the_class_goes_as_far_as_half_of_it():
    nan = np.nan
    means = [np.array([nan, 1.0, 1.0, 1.0]), np.array([nan, 3.0, 2.0]), np.array([nan, 2.0])]
    np.testing.assert_array_equal(class_mean(means), [nan, 2.0, 1.5])


# -- the pictures --------------------------------------------------------------------------


def synthetic_class(folder, students=12):
    """Students who come nearer, each at a pace of their own. Some stop early."""
    rng = np.random.default_rng(0)
    for student in range(students):
        rows = []
        for n in range(int(rng.integers(15, 60))):
            spread = rng.uniform(0.5, 1.5) * (0.3 + np.exp(-n / 15))
            text = f"the $number$ of things in a long question that fills two lines, {n}"
            rows.append(row(n, f"{4 * np.exp(rng.normal(0.3, spread)):.3g}", question=text))
            if n % 5 == 0:
                wrong = rng.random() < spread / 2
                rows[-1] = row(n, "lower" if wrong else "higher", "higher", "choice")
        write(folder / f"student {student}" / "predictions.csv", *rows)


@pytest.mark.filterwarnings("error")
def test_the_picture_of_a_class_has_no_overlapping_texts_and_no_names(
    tmp_path, capsys, monkeypatch
):
    synthetic_class(tmp_path)
    figures = saved_figures(monkeypatch)
    picture = tmp_path / "class.png"
    printed = output_of(capsys, 0, "predictions", tmp_path, "--picture", picture)
    assert printed.endswith(f"The same as a picture: {picture}\n")
    assert picture.read_bytes().startswith(b"\x89PNG")
    left, right = figures[0].axes
    assert len(left.lines) == 12 + 1
    assert len(right.patches) == 10
    lengths = [bar.get_width() for bar in right.patches]
    assert lengths == sorted(lengths)
    assert overlapping_texts(figures[0]) == outside_texts(figures[0]) == []
    texts = [text.get_text() for axes in figures[0].axes for text in axes.get_yticklabels()]
    assert not any("student" in text for text in texts)


@pytest.mark.filterwarnings("error")
def test_the_picture_of_a_class_that_knows_no_truth(tmp_path, capsys):
    for name in ("ada", "bob"):
        write(tmp_path / f"{name}.csv", row(1, 5, ""))
    picture = tmp_path / "class.png"
    assert "not counted: 2." in output_of(
        capsys, 0, "predictions", tmp_path, "--picture", picture
    )
    assert picture.is_file()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [0, 1, 3, 40])
def test_the_picture_of_one_reader(tmp_path, capsys, monkeypatch, count):
    rows = [row(n, 4 + n % 7) for n in range(count)]
    write(tmp_path / "predictions.csv", *rows, row(99, 5, ""))
    figures = saved_figures(monkeypatch)
    file, picture = tmp_path / "predictions.csv", tmp_path / "one.png"
    printed = output_of(capsys, 0, "predictions", file, "--picture", picture)
    assert f"{count} prediction{'s' if count != 1 else ''} with a truth" in printed
    assert overlapping_texts(figures[0]) == outside_texts(figures[0]) == []


def test_a_notebook_shows_the_picture_of_all_places(tmp_path, capsys):
    file = tmp_path / "predictions.csv"
    write(file, *(row(n, 8) for n in range(5)))
    mine = Predictions("04", file)
    mine.predict("the last", 4)
    mine.reveal("the last", 4)
    history = mine.show()
    assert capsys.readouterr().out.endswith(
        "6 predictions with a truth, mean distance 0.28. From 12 on, the first third is "
        "compared with the last.\n"
    )
    assert history._repr_png_().startswith(b"\x89PNG")
    assert repr(history) == "History: 6 predictions"


def test_without_a_truth_there_is_no_picture():
    history = History([row(1, 5, "")])
    assert history._repr_png_() is None
    assert history.text == "0 predictions with a truth."


def test_a_path_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(UserError, match="there is no file or folder"):
        collect([tmp_path / "no"])
