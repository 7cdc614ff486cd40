"""The picture of a class: how near its predictions come, and which questions surprise it."""

import textwrap
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...files import written_atomically
from ...progress import printable
from .classroom import Classroom, Question
from .history import BLUE, ORANGE, RED, WINDOW, draw_history, running_mean

MOST_BARS = 10


def draw(path: Path, classroom: Classroom) -> None:
    """Left, the running means of the students; right, the questions. It holds no names."""
    figure = Figure(figsize=(12, 4.8), layout="constrained", dpi=120)
    left, right = figure.subplots(1, 2, width_ratios=(1.2, 1))
    if len(classroom.students) == 1:
        draw_history(left, *classroom.students.values())
    else:
        _draw_students(left, classroom)
    _draw_questions(right, classroom.questions[:MOST_BARS][::-1])
    with written_atomically(path) as file:
        figure.savefig(file, format=path.suffix[1:].lower())


def class_mean(means: list[np.ndarray]) -> np.ndarray:
    """The mean of the students' running means, as far as half of the students have come."""
    length = sorted(map(len, means))[len(means) // 2]
    rows = [
        np.pad(row, (0, max(0, length - len(row))), constant_values=np.nan) for row in means
    ]
    table = np.array([row[:length] for row in rows])  # (students, predictions)
    known = ~np.isnan(table)
    counts = known.sum(axis=0)
    sums = np.where(known, table, 0).sum(axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _draw_students(axes: Axes, classroom: Classroom) -> None:
    means = [running_mean(history.distances) for history in classroom.students.values()]
    for number, mean in enumerate(means):
        label = "a student" if number == 0 else None
        axes.plot(np.arange(1, len(mean) + 1), mean, color=BLUE, lw=0.8, alpha=0.5, label=label)
    mean = class_mean(means)
    axes.plot(np.arange(1, len(mean) + 1), mean, color=RED, lw=3, label="the class")
    axes.set_ylim(0, 1)
    axes.set_xlim(left=1)
    axes.set_xlabel("predictions in order")
    axes.set_ylabel(f"mean distance of the last {WINDOW}")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_questions(axes: Axes, questions: list[Question]) -> None:
    """A bar per question, the most surprising on top, its usual answer and the truth."""
    names = [textwrap.shorten(f"{q.place}: {q.text}", 72, placeholder=" …") for q in questions]
    labels = [_plain(textwrap.fill(name, 38)) for name in names]
    places = np.arange(len(questions))
    bars = axes.barh(places, [q.distance for q in questions], 0.6, color=ORANGE)
    answers = [_plain(f"said {q.answer}, is {q.truth}") for q in questions]
    axes.bar_label(bars, answers, fontsize=7, padding=3)
    axes.set_yticks(places, labels, fontsize=8)
    axes.set_xlim(0, 1.6)
    axes.set_xticks([0, 0.5, 1])
    axes.set_xlabel("mean distance; beside it: usual answer and truth")
    axes.spines[["top", "right"]].set_visible(False)


def _plain(text):
    return printable(text).replace("$", r"\$")  # to matplotlib, a pair of them holds a formula
