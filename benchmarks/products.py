"""The time of a product with each of FlashLM v3's four ternary matrices.

    python benchmarks/products.py [--positions 1 256] [--shape O D] [--threads 1]

Three methods are compared: BLAS with T in float32, unpacking the packed bytes and then BLAS,
and look-ups in tables of sums (flashlm_np/inference/tables.py). Activations are in float32 or
in 8 bits. The table has medians in microseconds, their sum over the matrices, and that
sum divided by BLAS's. Weights and activations are random: 42 % of the weights are not 0, as at
the beginning of v3's training. Notebook 10 has more methods.
"""

import argparse
import time
from datetime import date
from functools import partial

import numpy as np
from processor import processor_name
from threadpoolctl import threadpool_limits

from flashlm_np.inference.int8 import quantize
from flashlm_np.inference.packing import pack
from flashlm_np.inference.tables import table_sums
from flashlm_np.training.memory import keep_freed_memory
from minigrad.ops.ternary import ternarize

SHAPES = {
    "out_proj": (256, 256),
    "gate_proj": (683, 256),
    "up_proj": (683, 256),
    "down_proj": (256, 683),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--positions", type=int, nargs="+", default=[1, 256])
    parser.add_argument("--shape", type=int, nargs=2, metavar=("O", "D"), help="one shape")
    parser.add_argument("--seconds", type=float, default=0.3, help="for each number (0.3)")
    parser.add_argument("--threads", type=int, default=1, help="threads of BLAS (1)")
    options = parser.parse_args()
    shapes = {"matrix": tuple(options.shape)} if options.shape else SHAPES
    print(f"{machine(options.threads)}\n")
    keep_freed_memory()  # the commands do this too
    with threadpool_limits(options.threads, user_api="blas"):
        for N in options.positions:
            print(table(shapes, N, options.seconds), end="\n\n")


def table(shapes, N, seconds):
    """Return a Markdown table for N positions, one row per method and type of activations."""
    columns = [column(shape, N, seconds) for shape in shapes.values()]
    totals = {row: sum(times[row] for times in columns) for row in columns[0]}
    heads = [f"{name} {O}×{D}" for name, (O, D) in shapes.items()]
    lines = [f"| N = {N}: µs | {' | '.join(heads)} | sum | of BLAS |"]
    lines.append("| --- " * (len(heads) + 3) + "|")
    for row, total in totals.items():
        numbers = [*(times[row] for times in columns), total]
        cells = [", ".join(row), *(f"{seconds * 1e6:,.0f}" for seconds in numbers)]
        lines.append(f"| {' | '.join(cells)} | {total / totals['BLAS', row[1]]:.1f} |")
    return "\n".join(lines)


def column(shape, N, seconds):
    """Return the median seconds of each (method, type of activations) on one matrix."""
    rng = np.random.default_rng(0)
    O, D = shape
    T, scale = ternarize(rng.standard_normal((O, D), dtype=np.float32))
    activations = {"float32": rng.standard_normal((N, D), dtype=np.float32)}
    activations["int8"], _ = quantize(activations["float32"])
    return {
        (method, kind): median(partial(product, x), seconds)
        for method, product in products(T.astype(np.float32), pack(T, scale)).items()
        for kind, x in activations.items()
    }


def products(T, packed):
    """Return functions from x (N, D) to x Tᵀ (N, O). BLAS in NumPy needs int8 as float32."""
    return {
        "BLAS": lambda x: x.astype(np.float32, copy=False) @ T.T,
        "unpack, then BLAS": lambda x: x.astype(np.float32, copy=False) @ packed.dense().T,
        "tables": lambda x: table_sums(x, packed),
    }


def median(call, seconds):
    """Return the median time of a call, repeated for `seconds` and at least five times."""
    call()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def machine(threads):
    return (
        f"{date.today()}, {threads} BLAS thread(s), {processor_name()}, NumPy {np.__version__}"
    )


if __name__ == "__main__":
    main()
