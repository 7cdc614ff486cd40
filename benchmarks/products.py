"""Every way to multiply by FlashLM v3's four ternary matrices, timed.

    python benchmarks/products.py [--positions 1 256] [--shape O D] [--threads 1]

The ways are those of flashlm_np/inference/products.py. Each is given a matrix that is prepared
and activations that are in floats or in 8 bits already. The table has medians in microseconds,
their sum over the matrices, and how many times the sum of BLAS that is. Weights and activations
are random: 42 % of the weights are not 0, as when v3 begins.
"""

import argparse
import platform
import time
from datetime import date
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from flashlm_np.inference.int8 import quantize
from flashlm_np.inference.packing import from_weights
from flashlm_np.inference.products import WAYS
from flashlm_np.training.memory import keep_freed_memory

SHAPES = {
    "out_proj": (256, 256),
    "gate_proj": (683, 256),
    "up_proj": (683, 256),
    "down_proj": (256, 683),
}
BY_HAND = ("signed sums", "bit slices", "tables")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--positions", type=int, nargs="+", default=[1, 256])
    parser.add_argument("--shape", type=int, nargs=2, metavar=("O", "D"), help="this one only")
    parser.add_argument("--seconds", type=float, default=0.3, help="for each number (0.3)")
    parser.add_argument("--threads", type=int, default=1, help="that BLAS may use (1)")
    options = parser.parse_args()
    shapes = {"matrix": tuple(options.shape)} if options.shape else SHAPES
    print(f"{machine(options.threads)}\n")
    keep_freed_memory()  # as the commands do
    with threadpool_limits(options.threads, user_api="blas"):
        for N in options.positions:
            print(table(shapes, N, options.seconds), end="\n\n")


def table(shapes, N, seconds):
    """Markdown for N positions: a row for each way and kind of activations."""
    columns = [column(shape, N, seconds) for shape in shapes.values()]
    totals = {row: sum(times[row] for times in columns) for row in columns[0]}
    heads = [f"{name} {O}×{D}" for name, (O, D) in shapes.items()]
    lines = [f"| N = {N}: µs | {' | '.join(heads)} | sum | of BLAS |"]
    lines.append("| --- " * (len(heads) + 3) + "|")
    for row, total in totals.items():
        numbers = [*(times[row] for times in columns), total]
        cells = [", ".join(row), *(f"{seconds * 1e6:,.0f}" for seconds in numbers)]
        lines.append(f"| {' | '.join(cells)} | {total / totals['BLAS', row[1]]:.1f} |")
    for kind in ("float32", "int8"):
        best = min(BY_HAND, key=lambda way: totals[way, kind])
        lines.append(f"\n{kind}: the fastest without a multiplication is {best}")
    return "\n".join(lines)


def column(shape, N, seconds):
    """Median seconds of each (way, kind of activations) on one matrix."""
    rng = np.random.default_rng(0)
    O, D = shape
    packed = from_weights(rng.standard_normal((O, D), dtype=np.float32))
    x = rng.standard_normal((N, D), dtype=np.float32)
    times = {}
    for way, (prepare, sums) in WAYS.items():
        prepared = prepare(packed)
        for kind, activations in (("float32", x), ("int8", quantize(x)[0])):
            times[way, kind] = median(lambda: sums(activations, prepared), seconds)  # noqa: B023
    return times


def median(work, seconds):
    """The median time of what is repeated for so long, and at least five times."""
    work()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def machine(threads):
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else []:
        if line.startswith("model name"):
            name = line.partition(":")[2].strip()
            break
    return f"{date.today()}, {threads} BLAS thread(s), {name}, NumPy {np.__version__}"


if __name__ == "__main__":
    main()
