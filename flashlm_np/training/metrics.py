"""metrics.csv: one row per optimizer step, written as the run goes."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from ..errors import UserError
from ..files import write_atomically

COLUMNS = (
    "step",
    "train_loss",
    "grad_norm",
    "lr_factor",
    "tokens_seen",
    "positions_scored",
    "seconds",
    "valid_loss",
    "valid_loss_error",
    "valid_smoothed",
    "valid_smoothed_error",
    "valid_bits_per_byte",
)


class Metrics:
    """The table of a run. A resumed run forgets the rows after its checkpoint.

    Units: losses in nats per token; seconds of training since the first step, evaluations not
    counted; the valid_* columns are empty at steps without an evaluation.
    """

    def __init__(self, path: Path, keep_to_step: int = 0):
        self.path = path
        kept = [row for row in read_metrics(path) if row["step"] <= keep_to_step]
        write_atomically(path, _format(kept, header=True))

    def add(self, row: dict) -> None:
        try:
            with open(self.path, "a", encoding="utf-8", newline="") as file:
                file.write(_format([row]).decode())
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}") from None


def read_metrics(path: Path) -> list[dict]:
    """The whole rows of a metrics file as numbers (None where empty); [] without a file.

    A run that was killed may leave half a row at the end, which is left out.
    """
    if not path.is_file():
        return []
    rows = csv.reader(path.read_text(encoding="utf-8").splitlines(keepends=True))
    whole = [row for row in rows if len(row) == len(COLUMNS) and row[0].isdecimal()]
    return [
        {
            column: (int(text) if column == "step" else float(text)) if text else None
            for column, text in zip(COLUMNS, row, strict=True)
        }
        for row in whole
    ]


def _format(rows, header=False) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
