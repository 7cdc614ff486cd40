"""Saying how work goes: one changing line on a terminal or in a notebook, plain lines else.

`Progress` is told of every advance; in a pipe or a log file it speaks every 15 seconds only.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PLAIN_LINE_EVERY = 15.0  # seconds


class Progress:
    """`total` units of work (None: nobody knows), of which `done` were done before."""

    def __init__(self, unit: str, total: int | None, done: int = 0, stream=None):
        self.unit, self.total, self.done = unit, total, done
        self.stream = stream or sys.stdout
        self.spoke = time.monotonic()
        self.bar = None
        if self.stream.isatty() or "ipykernel" in sys.modules:
            from tqdm import tqdm

            counts = "{n_fmt}" if total is None else "{n_fmt}/{total_fmt} {bar:20}"
            self.bar = tqdm(
                total=total,
                initial=done,
                file=self.stream,
                dynamic_ncols=True,
                bar_format=f"{unit} {counts} {{postfix}}",
            )

    def advance(self, text: str, count: int = 1) -> None:
        """Report `count` more units done, and `text`, how it goes."""
        self.done += count
        if self.bar is not None:
            self.bar.set_postfix_str(text, refresh=False)
            self.bar.update(count)
        elif time.monotonic() - self.spoke >= PLAIN_LINE_EVERY:
            of = "" if self.total is None else f"/{self.total}"
            self.say(f"{self.unit} {self.done}{of}: {text}")

    def say(self, text: str) -> None:
        """A line of its own, above the changing one."""
        self.spoke = time.monotonic()
        if self.bar is not None:
            self.bar.write(text, file=self.stream)
        else:
            print(text, file=self.stream, flush=True)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


@contextmanager
def megabytes() -> Iterator[Callable[[int, int], None]]:
    """A progress to be told how many bytes have come, and of how many."""
    progress = Progress("megabyte", None)

    def tell(done: int, total: int) -> None:
        progress.advance(f"of {total / 1e6:,.0f}", done // 10**6 - progress.done)

    try:
        yield tell
    finally:
        progress.close()


def clock(seconds: float) -> str:
    """
    >>> clock(75), clock(3675)
    ('1:15', '1:01:15')
    """
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
