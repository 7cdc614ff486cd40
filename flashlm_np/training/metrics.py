"""metrics.csv: one row per optimizer step, appended while the run goes on."""

import csv
import io
from dataclasses import fields
from pathlib import Path

from ..errors import UserError
from ..evaluation.evaluate import Evaluation
from ..files import write_atomically

OF_STEP = ("step", "train_loss", "grad_norm", "lr_factor")
OF_RUN = ("tokens_seen", "positions_scored", "seconds")  # totals so far
OF_EVALUATION = tuple(f"valid_{f.name}" for f in fields(Evaluation) if f.name != "tokens")
COLUMNS = (*OF_STEP, *OF_RUN, *OF_EVALUATION)


class Metrics:
    """The table of a run. A resumed run drops the rows after its checkpoint.

    Units: losses in nats per token; seconds of training since the first step, without the
    evaluations. The valid_* columns are empty at steps without an evaluation.
    """

    def __init__(self, path: Path, keep_to_step: int = 0):
        self.path = path
        kept = [row for row in read_metrics(path) if row["step"] <= keep_to_step]
        text = io.StringIO()
        _writer(text).writeheader()
        _writer(text).writerows(kept)
        write_atomically(path, text.getvalue().encode())

    def add(self, row: dict) -> None:
        """Append the row of one step, by column name. Other entries are left out."""
        try:
            with open(self.path, "a", encoding="utf-8", newline="") as file:
                _writer(file).writerow(row)
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}") from None


def _writer(file) -> csv.DictWriter:
    return csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")


def read_metrics(path: Path) -> list[dict]:
    """The rows of a metrics file as numbers, None where empty. Without a file: no rows.

    A killed run may leave half a row at the end. It is left out.
    """
    if not path.is_file():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if None not in row.values()]
    return [
        {column: float(text) if text else None for column, text in row.items()}
        | {"step": int(row["step"])}
        for row in rows
    ]
