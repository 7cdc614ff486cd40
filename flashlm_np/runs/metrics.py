"""metrics.csv: one row per optimizer step, appended while the run goes on."""

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path

from ..errors import UserError
from ..files import append, read_bytes, write_atomically

OF_STEP = ("step", "train_loss", "grad_norm", "lr_factor")
OF_RUN = ("tokens_seen", "positions_scored", "seconds")  # totals so far
SCORES = ("loss", "loss_error", "smoothed", "smoothed_error", "bits_per_byte")
OF_EVALUATION = tuple(f"valid_{name}" for name in SCORES)  # of an Evaluation
COLUMNS = (*OF_STEP, *OF_RUN, *OF_EVALUATION)
HEADER = dict(zip(COLUMNS, COLUMNS, strict=True))


class Metrics:
    """The table of a run. A resumed run drops the rows after its checkpoint.

    Units: losses in nats per token; seconds of training since the first step, without the
    evaluations. The valid_* columns are empty at steps without an evaluation.

    A file that cannot be written, because Excel has it open or the disk is full, does not end
    the run: the rows wait in memory.

    say: prints a sentence about rows that are dropped, or that wait.
    """

    def __init__(self, path: Path, keep_to_step: int = 0, say: Callable[[str], None] = print):
        self.path, self.say, self._told = path, say, False
        kept = [row for row in read_metrics(path, say) if row["step"] <= keep_to_step]
        self._waiting, self._whole = [HEADER, *kept], True
        self.sync()

    def add(self, row: dict) -> None:
        """Append the row of one step, by column name. Other entries are left out."""
        self._waiting.append(row)
        if not self._whole:  # replacing the file may wait for other programs, as sync() does
            self._write(durable=False)

    def sync(self) -> None:
        """Put all rows on the disk, so that even a crash of the system keeps them."""
        self._write(durable=True)

    def close(self) -> None:
        """Write the rows that wait, or say that they are missing."""
        self.sync()
        if self._waiting:
            self.say(f"{self.path} still cannot be written, and lacks the rows that waited")

    def _write(self, durable):
        try:
            if self._whole:
                write_atomically(self.path, _csv(self._waiting))
            else:
                append(self.path, _csv(self._waiting), durable)
        except UserError as error:
            if not self._told:
                self.say(f"{error}; the run goes on, and writes its rows later")
            self._told = True
        else:
            self._waiting, self._whole = [], False


def _csv(rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writerows(rows)
    return text.getvalue().encode()


def read_metrics(path: Path, say: Callable[[str], None] = lambda text: None) -> list[dict]:
    """The rows of a metrics file as numbers, None where empty. Without a file: no rows.

    A line that is cut, or does not consist of numbers, is left out. Of several rows for one
    step the last one counts. `say` gets a sentence about what is left out.
    """
    if not path.is_file():
        return []
    first, *lines = read_bytes(path).removeprefix(b"\xef\xbb\xbf").split(b"\n")
    names = _header(first)
    if names is None:  # lost or damaged
        names, lines = COLUMNS, [first, *lines]
    cut = lines.pop() if lines else b""  # after the last line end
    rows = [row for line in lines if (row := _row(names, line)) is not None]
    by_step = {row["step"]: row for row in rows}
    damaged, repeated = len(lines) - len(rows) + (cut != b""), len(rows) - len(by_step)
    if damaged or repeated:
        say(
            f"{path} has {damaged:,} damaged and {repeated:,} repeated lines, which are left "
            f"out; the other {len(by_step):,} are good"
        )
    return [by_step[step] for step in sorted(by_step)]


def _header(line):
    """The names of the columns, if they are there."""
    names = line.decode("utf-8", "replace").strip().split(",")
    return names if set(COLUMNS) <= set(names) else None


def _row(names, line):
    """A line as numbers by column, or None if it is damaged."""
    try:
        texts = next(csv.reader([line.decode().rstrip("\r")]))
        numbers = [float(text) if text else None for text in texts]
        row = dict(zip(names, numbers, strict=True))
        row["step"] = int(row["step"])
    except (ValueError, TypeError, OverflowError, StopIteration, csv.Error):
        return None
    loss = row["train_loss"]
    return row if row["step"] > 0 and loss is not None and math.isfinite(loss) else None
