"""Long work: its progress on a terminal, in a notebook or a log file, and how to stop it."""

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tqdm import tqdm

PLAIN_LINE_EVERY = 15.0  # seconds

clock = tqdm.format_interval  # of seconds: "01:15" or "1:01:15"


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)


def printable(text: str) -> str:
    """Text without control characters: they could control a terminal and are not valid XML."""
    return re.sub(r"[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "�", text)


def about(seconds: float) -> str:
    """A duration in words: "about 40 seconds", "about 3 minutes", "about 2.5 hours"."""
    if seconds < 90:
        amount, unit = f"{max(1, seconds):.0f}", "second"
    elif seconds < 90 * 60:
        amount, unit = f"{seconds / 60:.0f}", "minute"
    else:
        amount, unit = f"{seconds / 3600:.2g}", "hour"
    return f"about {amount} {unit}{'' if amount == '1' else 's'}"


def rate(count: float, seconds: float) -> float:
    """The count per second. A clock may stand still, so 0 seconds count as a billionth."""
    return count / max(seconds, 1e-9)


class Progress:
    """Count `unit`s of work from `done` to `total` (None: unknown).

    A terminal or a notebook gets a bar (tqdm), a pipe or a log file a plain line every 15
    seconds.
    """

    def __init__(self, unit: str, total: int | None, done: int = 0):
        self.unit, self.total, self.done, self.last_line = unit, total, done, time.monotonic()
        in_notebook = type(sys.stdout).__module__.startswith("ipykernel")
        counts = "{n_fmt}" if total is None else "{n_fmt}/{total_fmt} {bar:20}"
        self.bar = tqdm(
            total=total,
            initial=done,
            file=sys.stdout,
            dynamic_ncols=True,
            bar_format=f"{unit} {counts} {{desc}}",
            disable=not (sys.stdout.isatty() or in_notebook),
        )

    def advance(self, text: str, count: int = 1) -> None:
        """Add `count` units; `text` describes the work at this moment."""
        self.done += count
        self.bar.set_description_str(text, refresh=False)
        self.bar.update(count)
        if self.bar.disable and time.monotonic() - self.last_line >= PLAIN_LINE_EVERY:
            of = "" if self.total is None else f"/{self.total}"
            self.write(f"{self.unit} {self.done}{of}: {text}")

    def write(self, text: str) -> None:
        """Print a line of its own, above the bar."""
        self.last_line = time.monotonic()
        with tqdm.external_write_mode():
            print(text, flush=True)

    def close(self) -> None:
        self.bar.close()


class Stopped(Exception):
    """The user asked the run to stop, and its last step is saved."""


@contextmanager
def stop_requests(quiet: bool = False) -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets, so the step under way is finished first.

    A second signal interrupts at once. Outside the main thread Python allows no handlers, and
    the event is never set. With `quiet`, nothing is printed.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def request(signum, frame):
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        if quiet:
            return
        with suppress(OSError):  # standard error may be closed
            os.write(2, b"\nStopping after this step; a second Ctrl-C stops at once.\n")

    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, request) for number in signals]
    try:
        yield stop
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
