"""The time and the page of step_through, for graphs of growing size.

    python benchmarks/viewer.py [--sizes 300 600 6001]

    recurrence      x = tanh(x w) in a plain loop: no module, one weight
    flashlm         four blocks of v3, width 32, applied again and again to 2 rows of 20 tokens

    seconds         of step_through with its check, and in brackets those of the processor,
                    which other programs on the machine hardly change
    per operation   the processor's seconds by operation, as a multiple of the first size
    page, picture   megabytes, kilobytes

A time proportional to the graph has the same seconds per operation in each row.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from flashlm_np import V3
from flashlm_np.model.flashlm import FlashLM
from minigrad import Tensor
from minigrad import functional as F
from minigrad.look import step_through

BLOCKS, OPERATIONS = 4, 18  # OPERATIONS of each application of a block


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[300, 600, 6001])
    sizes = parser.parse_args().sizes
    print("graph        operations   seconds           per operation   page MB   picture KB")
    for name, graph in (("recurrence", recurrence), ("flashlm", flashlm)):
        step_through(graph(100))  # what is read once, such as the operations' sources
        first = None
        for size in sizes:
            steps, seconds, own = timed(graph(size))
            count = len(steps.data["operations"])
            first = first or own / count
            page, picture = len(steps.html.encode()) / 1e6, len(steps.svg.encode()) / 1e3
            print(
                f"{name:12}{count:11,}{seconds:10.2f} ({own:.2f}){own / count / first:17.2f}"
                f"{page:10.2f}{picture:13.0f}",
                flush=True,
            )


def timed(loss):
    """The result of step_through, its seconds, and the processor's."""
    start, own = time.perf_counter(), time.process_time()
    steps = step_through(loss)
    return steps, time.perf_counter() - start, time.process_time() - own


def recurrence(operations):
    x = Tensor([0.5, -0.3, 0.8], requires_grad=True, name="x")
    w = Tensor([1.0, 0.9, 1.1], requires_grad=True, name="w")

    def loss():
        h = x
        for _ in range((operations - 1) // 2):
            h = F.tanh(h * w)
        return h.sum()

    return loss


def flashlm(operations):
    rng = np.random.default_rng(0)
    rounds = max(1, operations // (BLOCKS * OPERATIONS))
    sizes = {"vocab_size": 50, "d_model": 32, "blocks": BLOCKS, "recursions": rounds}
    model, ids = FlashLM(replace(V3, **sizes), rng), rng.integers(0, 50, (2, 20))
    return lambda: model.loss(ids, ids)


if __name__ == "__main__":
    main()
