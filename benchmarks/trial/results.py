"""The results: one file of JSON lines, each a measurement, to which several processes append.

    data      the tokens that all runs of a file share, and the losses of the counted models
    time      seconds per step of a contender in a phase
    profile   the parts of such a step, in seconds
    head      seconds of the head alone, forward and both gradients
    rate      the loss of a contender at one factor of the learning rate, after a short time
    loss      the loss of a run at one of its marks, or at its end, with those of its blocks
    curve     the loss of a run on the way, on fewer tokens

A line has its date and its machine. A line that a killed process left incomplete is ignored.
"""

import json
import math
import os
from datetime import date
from pathlib import Path

from filelock import FileLock

from benchmarks.processor import processor_name
from flashlm_np.errors import UserError
from flashlm_np.files import append


class Results:
    """The lines of a file, and a way to add some."""

    def __init__(self, path: Path):
        self.path = path
        self._found, self._size = [], 0  # the lines of the file when it had so many bytes

    def lines(self, kind: str, **wanted) -> list[dict]:
        """All lines of a kind whose entries are as wanted, in the order of the file."""
        wanted = {"kind": kind, **wanted}
        return [
            line for line in self._all() if all(line.get(k) == v for k, v in wanted.items())
        ]

    def _all(self):
        size = self.path.stat().st_size if self.path.exists() else 0
        if size != self._size:  # lines are only added, by this process or another
            text = self.path.read_text("utf-8")
            self._found, self._size = list(filter(None, map(_parsed, text.splitlines()))), size
        return self._found

    def add(self, kind: str, **entries) -> dict:
        """Append a line, and wait until it is on the disk."""
        rounded = {key: _rounded(value) for key, value in entries.items()}
        line = {"kind": kind, **rounded, "date": str(date.today()), "machine": machine()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self.path}.lock"):
            start = "" if self._ends_with_a_line() else "\n"  # after an incomplete one
            append(self.path, (start + json.dumps(line) + "\n").encode(), durable=True)
        return line

    def expect_data(self, **entries) -> None:
        """Write the line of the data, or see that the file's is the same.

        Raises UserError if the results in the file belong to other data, or other tokens.
        """
        found = self.lines("data")
        if not found:
            self.add("data", **entries)
        elif any(found[0][key] != entries[key] for key in ("fingerprint", "tokens")):
            raise UserError(
                f"{self.path} holds results on other data, {found[0]['name']} with "
                f"{found[0]['train']:,} training tokens, judged on {found[0]['tokens']:,} "
                "others; choose another --results"
            )

    def _ends_with_a_line(self):
        if not self.path.exists() or not self.path.stat().st_size:
            return True
        with open(self.path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"


def _parsed(line):
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _rounded(value):
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return list(map(_rounded, value))
    if isinstance(value, float):  # JSON has no NaN
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value


def machine() -> str:
    """The processor and its cores."""
    return f"{processor_name()}, {os.cpu_count()} cores"
