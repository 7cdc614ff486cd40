"""Train a rung's model before the reader's eyes: its losses, its time, and a text it writes.

All rungs share this file. It holds nothing of the model.
"""

import argparse
import time

from rung1_scalars import STEPS, train, write

LINES = 10  # of losses; each is the mean over its steps


def watch(Model, arguments: list[str] | None = None) -> None:
    """Train Model(steps), and print what happens."""
    parser = argparse.ArgumentParser(description="Train the model of this rung.")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"default: {STEPS}")
    parser.add_argument("--length", type=int, default=200, help="of the text; default: 200")
    options = parser.parse_args(arguments)
    steps = options.steps
    if steps < 1:
        parser.error(f"--steps is {steps}, expected 1 or more")
    print("  step      loss  seconds")
    every, losses, start = -(-steps // LINES), [], time.perf_counter()
    model = Model(steps)
    for step, loss in enumerate(train(model), 1):
        losses.append(loss)
        if step % every == 0 or step == steps:
            seconds = time.perf_counter() - start
            print(f"{step:6} {sum(losses) / len(losses):9.6f} {seconds:8.1f}", flush=True)
            losses.clear()
    print(f"\n{1000 * seconds / steps:.1f} ms a step. It writes:\n")
    print(write(model, options.length))
