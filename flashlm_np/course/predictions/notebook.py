"""Predict, reveal and show, for the cells of a notebook."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import EllipsisType
from typing import TYPE_CHECKING

from ...errors import UserError
from .answers import as_kept, as_shown, verdict
from .kept import CHOICE, NUMBER, Kept, now, read_kept, write_kept

if TYPE_CHECKING:
    from .history import History

FILE = "predictions.csv"


@dataclass
class _Question:
    """A question of this session."""

    choices: tuple = ()
    answered: bool = False
    shown: bool = False  # whether its truth is out


class Predictions:
    """The predictions of one place, in a file that all places share.

    place: the number of the notebook, such as "03".
    file: where they are kept; by default predictions.csv in the present folder.
    """

    def __init__(self, place: str, file: str | Path = FILE):
        self.place = place
        self.file = Path.cwd() / file  # a cell may change the folder later
        self._questions: dict[str, _Question] = {}

    def predict(
        self, question: str, given: float | str | EllipsisType, *, choices: Sequence = ()
    ) -> None:
        """Keep the reader's answer; `...` means that there is none.

        choices: the possible answers, texts or numbers. Without choices, a number is asked.

        A new answer replaces the old one until the truth is shown, and not later.

        Raises: UserError if the answer is of another kind, or the file is damaged.
        """
        asked = self._questions.setdefault(question, _Question())
        asked.choices, asked.answered = tuple(choices), False
        if given is ...:
            return
        kind = CHOICE if asked.choices else NUMBER
        text = as_kept(given, asked.choices, question)
        rows, old = self._rows(question)
        late = asked.shown or (old is not None and old.truth)
        asked.answered = not (late and old is None)
        if not late:
            new = Kept(now(), self.place, question, kind, text)
            write_kept(self.file, [*(row for row in rows if row is not old), new])
        elif old is None:
            print("not kept, because the truth was shown before; a new kernel begins again")
            return
        elif old.prediction != text:
            print(f"the one before the truth counts: {as_shown(old.prediction, kind)}")
            return
        print(f"kept: {as_shown(text, kind)}")

    def reveal(self, question: str, truth: float | str) -> None:
        """Print the reader's answer beside the truth, and keep both.

        Raises: UserError if the question was not asked, or the truth is no possible answer.
        """
        if (asked := self._questions.get(question)) is None:
            raise UserError(
                f"reveal: {question!r} was not asked; first run the cell with "
                f"predict({question!r}, ...)"
            )
        text = as_kept(truth, asked.choices, question)
        asked.shown = True
        if not asked.answered:
            return
        rows, old = self._rows(question)
        if old is None:
            raise UserError(
                f"reveal: {self.file} has no prediction of {question!r} any more; run the cell "
                f"with predict({question!r}, ...) again"
            )
        new = old if old.truth else replace(old, truth=text)
        if new is not old:
            write_kept(self.file, [new if row is old else row for row in rows])
        print(f"{question}: {verdict(replace(new, truth=text))}")
        first = as_shown(new.truth, new.kind)
        if first != as_shown(text, new.kind):
            print(f"the first truth counts: {first}")

    def show(self) -> "History | None":
        """Print how far all predictions in the file were, and return a picture of it.

        A notebook shows the picture below the cell. None if this session has no prediction.
        """
        if not any(question.answered for question in self._questions.values()):
            return None
        from .history import History

        history = History(read_kept(self.file))
        print(history.text)
        return history

    def _rows(self, question):
        """All rows of the file, and the one of a question of this place, if there is one."""
        rows = read_kept(self.file) if self.file.exists() else []
        key = (self.place, question)
        return rows, next((r for r in rows if (r.place, r.question) == key), None)
