"""Compare the rungs: their lines, their losses, and the time of a step at two sizes.

    python notebooks/ladder/compare.py [--steps N]

prints the table of docs/ladder.md. CPU time is that of all cores together. It hardly depends
on the other programs of a machine. Rung 1 is left out at the large size: a step takes minutes.
"""

import argparse
import ast
import importlib
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import rung1_scalars as sizes

RUNGS = (
    "rung1_scalars",
    "rung2_arrays",
    "rung3_minigrad",
    "rung4_blocks",
    "rung5_fast_step",
)
WIDE = {"D": 256, "H": 683, "B": 8, "T": 256}  # v3's width, and 2,048 characters in a step
HEAD = ("rung", "lines", "of code", "loss of step 1", "of the last", "ms", "CPU ms")
HEAD_WIDE = ("loss of step 5, wide", "ms", "CPU ms")


def lines(path: Path) -> tuple[int, int]:
    """All lines of a file, and those of code: no docstring, no comment, and not empty."""
    text = path.read_text(encoding="utf-8")
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    words = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, documented) and ast.get_docstring(node):
            words |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    stripped = [line.strip() for line in text.splitlines()]
    code = [i for i, s in enumerate(stripped, 1) if s and s[0] != "#" and i not in words]
    return len(stripped), len(code)


def timed(model) -> tuple[list[float], float, float]:
    """The losses of a model's steps, and the medians of their milliseconds and CPU times."""
    losses, times = [], [(time.perf_counter(), time.process_time())]
    for loss in sizes.train(model):
        losses.append(loss)
        times.append((time.perf_counter(), time.process_time()))
    steps = list(pairwise(times))
    wall, cpu = (statistics.median(b[i] - a[i] for a, b in steps) for i in range(2))
    return losses, 1000 * wall, 1000 * cpu


@contextmanager
def resized(**changes) -> Iterator[None]:
    """Inside, the rungs have other sizes than rung 1 says."""
    before = {name: vars(sizes)[name] for name in changes}
    try:
        vars(sizes).update(changes)
        _read_again()
        yield
    finally:
        vars(sizes).update(before)
        _read_again()


def _read_again():
    for name in RUNGS[1:]:  # they took the sizes of rung 1 when they were read
        importlib.reload(importlib.import_module(name))


def rows(steps: int, wide_steps: int = 5) -> list[list[str]]:
    """The cells of the table, a row for each rung."""
    cells = []
    for name in RUNGS:
        all_lines, code = lines(Path(__file__).with_name(f"{name}.py"))
        losses, ms, cpu = timed(importlib.import_module(name).Model(steps))
        ends = [f"{losses[i]:.9f}" for i in (0, -1)]
        cells.append([name, f"{all_lines}", f"{code}", *ends, f"{ms:.1f}", f"{cpu:.1f}"])
    cells[0] += ["–"] * len(HEAD_WIDE)
    with resized(**WIDE):
        for row in cells[1:]:
            losses, ms, cpu = timed(importlib.import_module(row[0]).Model(wide_steps))
            row += [f"{losses[-1]:.9f}", f"{ms:.0f}", f"{cpu:.0f}"]
    return cells


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=20, help="default: 20")
    head = [*HEAD, *HEAD_WIDE]
    for row in [head, ["---"] * len(head), *rows(parser.parse_args().steps)]:
        print(f"| {' | '.join(row)} |")
