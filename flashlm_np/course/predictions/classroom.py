"""The predictions of a class: how near each student comes, and which questions surprise."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import mean, median

from .answers import as_shown
from .history import LEAST, History
from .kept import NUMBER, Kept

FEW = 3  # answers: of a question with fewer, the class has no opinion
MOST_QUESTIONS = 20  # in the text


@dataclass
class Question:
    """A question and the answers of the class."""

    place: str
    text: str
    rows: list[Kept] = field(default_factory=list)

    @property
    def distance(self) -> float:
        """The mean: of a choice, the share of wrong answers. (A median would be 0 or 1.)"""
        return mean(row.distance for row in self.rows)

    @property
    def answer(self) -> str:
        """The median of numbers, or the most frequent choice."""
        if self.rows[0].kind == NUMBER:
            middle = median(float(row.prediction) for row in self.rows if row.kind == NUMBER)
            return as_shown(str(middle), NUMBER)
        return Counter(row.prediction for row in self.rows).most_common(1)[0][0]

    @property
    def truth(self) -> str:
        """The most frequent truth: last digits may differ between machines."""
        kinds = {row.truth: row.kind for row in self.rows}
        truth = Counter(row.truth for row in self.rows).most_common(1)[0][0]
        return as_shown(truth, kinds[truth])


class Classroom:
    """The students' histories by name, and the questions, the most surprising first.

    rare: the number of questions that too few have answered to rank them.
    """

    def __init__(self, students: dict[str, list[Kept]]):
        self.students = {name: History(rows) for name, rows in students.items()}
        found: dict[tuple, Question] = {}
        for history in self.students.values():
            for row in history.rows:
                key = row.place, row.question
                found.setdefault(key, Question(*key)).rows.append(row)
        few = min(FEW, len(self.students))
        ranked = [question for question in found.values() if len(question.rows) >= few]
        self.rare = len(found) - len(ranked)
        self.questions = sorted(ranked, key=lambda question: question.distance, reverse=True)
        self.open = sum(not row.truth for rows in students.values() for row in rows)


def lines_of(classroom: Classroom) -> Iterator[str]:
    """The tables of the students and of the questions."""
    if len(classroom.students) == 1:
        ((name, history),) = classroom.students.items()
        yield f"{name}: {history.text}"
    else:
        yield from _student_lines(classroom)
    if classroom.open:
        yield f"Without a truth, and not counted: {classroom.open:,}."
    if classroom.questions:
        yield ""
        yield from _question_lines(classroom)


def _student_lines(classroom):
    width = max(len("student"), *map(len, classroom.students))
    line = f"{{:{width}}}  {{:>11}}  {{:>11}}  {{:>10}}".format
    yield line("student", "predictions", "first third", "last third")
    for name, history in classroom.students.items():
        distances = [f"{distance:.2f}" for distance, _ in history.thirds] or ["-", "-"]
        yield line(name, f"{len(history.rows):,}", *distances)
    compared = [history.thirds for history in classroom.students.values() if history.thirds]
    if compared:
        means = [
            mean(distance for distance, _ in thirds) for thirds in zip(*compared, strict=True)
        ]
        yield line("mean", "", *(f"{distance:.2f}" for distance in means))
    yield f"The numbers are mean distances; - has fewer than {3 * LEAST} predictions."


def _question_lines(classroom):
    shown = classroom.questions[:MOST_QUESTIONS]
    answers, truths = [q.answer for q in shown], [q.truth for q in shown]
    wide, wide_too = (
        max(len(text) for text in [*texts, "usual"]) for texts in (answers, truths)
    )
    yield f"mean distance  answers  {'usual':>{wide}}  {'truth':>{wide_too}}  question"
    for question, answer, truth in zip(shown, answers, truths, strict=True):
        yield (
            f"{question.distance:13.2f}  {len(question.rows):7}  {answer:>{wide}}  "
            f"{truth:>{wide_too}}  {question.place}: {question.text}"
        )
    if rest := classroom.questions[MOST_QUESTIONS:]:
        yield f"{len(rest):,} more have a mean distance of at most {rest[0].distance:.2f}."
    if classroom.rare:
        yield f"{classroom.rare:,} more have fewer than {FEW} answers."
