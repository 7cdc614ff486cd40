"""Saying how a run goes: one changing line on a terminal or in a notebook, plain lines else.

`Progress` is told of every step; in a pipe or a log file it speaks every 15 seconds only.
"""

from __future__ import annotations

import sys
import time

PLAIN_LINE_EVERY = 15.0  # seconds


class Progress:
    """`total` optimizer steps, of which `done` were taken by an earlier run."""

    def __init__(self, total: int, done: int = 0, stream=None):
        self.total, self.stream = total, stream or sys.stdout
        self.spoke = time.monotonic()
        self.bar = None
        if self.stream.isatty() or "ipykernel" in sys.modules:
            from tqdm import tqdm

            self.bar = tqdm(
                total=total,
                initial=done,
                file=self.stream,
                dynamic_ncols=True,
                bar_format="step {n_fmt}/{total_fmt} {bar:20} {postfix}",
            )

    def step(self, step: int, loss: float, tokens_per_second: float, seconds_left: float):
        """Report one optimizer step; `loss` is in nats per token."""
        text = f"loss {loss:.3f}, {tokens_per_second:,.0f} tokens/s, {clock(seconds_left)} left"
        if self.bar is not None:
            self.bar.set_postfix_str(text, refresh=False)
            self.bar.update(1)
        elif time.monotonic() - self.spoke >= PLAIN_LINE_EVERY:
            self.say(f"step {step}/{self.total}: {text}")

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


def clock(seconds: float) -> str:
    """
    >>> clock(75), clock(3675)
    ('1:15', '1:01:15')
    """
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
