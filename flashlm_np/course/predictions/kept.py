"""predictions.csv: a row per prediction, in the order in which they were made.

    date,place,question,kind,prediction,truth
    2026-11-30T21:05:09Z,03,zeros among 12 weights,number,5,4

docs/teach.md describes the columns. The page of `minigrad.look.step_through` saves the same
format.
"""

import csv
import io
import math
from dataclasses import astuple, dataclass, fields
from datetime import datetime, timezone
from pathlib import Path

from ...errors import UserError
from ...files import read_bytes, write_atomically

DATE = "%Y-%m-%dT%H:%M:%SZ"
NUMBER, CHOICE = "number", "choice"
MAX_BYTES = 10_000_000


@dataclass(frozen=True)
class Kept:
    """A prediction as the file holds it; `truth` is "" until it is shown."""

    date: str
    place: str
    question: str
    kind: str
    prediction: str
    truth: str = ""

    @property
    def distance(self) -> float:
        """How far the prediction is from the truth: from 0 to 1, or NaN without a truth."""
        if not self.truth:
            return math.nan
        if self.kind == CHOICE:
            return float(self.prediction != self.truth)
        return distance(float(self.prediction), float(self.truth))

    def problem(self) -> str:
        """The reason why a program did not write this row; "" if it may have."""
        try:
            datetime.strptime(self.date, DATE)
        except ValueError:
            return f"{self.date!r} is no date such as 2026-11-30T21:05:09Z"
        if self.kind not in (NUMBER, CHOICE):
            return f"{self.kind!r} is no kind; kinds are number and choice"
        if not (self.question and self.prediction):
            return "the question or the prediction is empty"
        numbers = (self.prediction, self.truth or "0") if self.kind == NUMBER else ()
        for text in numbers:
            if not is_finite(text):
                return f"{text!r} is no number"
        return ""


COLUMNS = [field.name for field in fields(Kept)]


def distance(given: float, truth: float) -> float:
    """|given - truth| / (|given| + |truth|): 0 if they are equal, 1 if the sign is wrong.

    It has no unit. Twice the truth and half of it are equally far.

    Example:
        >>> distance(8, 4), distance(2, 4), distance(-4, 4), distance(0, 0)
        (0.3333333333333333, 0.3333333333333333, 1.0, 0.0)
    """
    largest = max(abs(given), abs(truth))
    if largest == 0:
        return 0.0
    a, b = given / largest, truth / largest  # no overflow in the sum
    return abs(a - b) / (abs(a) + abs(b))


def is_finite(value: object) -> bool:
    """Whether a number, or a text, is a finite number."""
    try:
        return math.isfinite(float(value))
    except (ValueError, OverflowError):
        return False


def now() -> str:
    """The present time as the file writes it."""
    return datetime.now(timezone.utc).strftime(DATE)


def read_kept(path: Path) -> list[Kept]:
    """The rows of a file.

    Raises: UserError that names the file and the line, if it is not such a file.
    """
    try:
        text = read_bytes(path, MAX_BYTES).decode("utf-8-sig")  # Excel begins it with a mark
    except UnicodeDecodeError:
        raise UserError(f"{path} holds no predictions: it is no text in UTF-8") from None
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        if (header := next(lines, [])) != COLUMNS:
            found, expected = ",".join(header)[:80], ",".join(COLUMNS)
            raise UserError(
                f"{path} holds no predictions: its first line is {found!r}, expected {expected}"
            )
        return [_kept(path, lines.line_num, row) for row in lines if row]
    except csv.Error as error:
        raise UserError(f"{path}, line {lines.line_num}: {error}") from None


def _kept(path, line, row):
    if len(row) != len(COLUMNS):
        raise UserError(
            f"{path}, line {line}: it has {len(row)} columns, expected {len(COLUMNS)}"
        )
    kept = Kept(*row)
    if problem := kept.problem():
        raise UserError(f"{path}, line {line}: {problem}")
    return kept


def write_kept(path: Path, rows: list[Kept]) -> None:
    """Write all rows atomically."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(astuple, rows))
    write_atomically(path, text.getvalue().encode())
