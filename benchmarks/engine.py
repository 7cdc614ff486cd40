"""The overhead of the engine, MyGrad, HIPS autograd and PyTorch on small arrays.

    pip install mygrad autograd torch==2.13.0
    python benchmarks/engine.py [--repeats 15]

    per operation   microseconds to record x · 1.001 and walk backward over it, in a chain of
                    200 on 8 numbers
    mlp step        microseconds of the forward and backward pass of 32 rows through 64 and 32
                    tanh units to 10 numbers, mean square at the end
    deep chain      milliseconds of forward and backward through 1,000 operations
    bytes           of memory per recorded operation on one number, before the backward
                    pass of a chain of 50,000

Each library has its own process. The processes take turns, so a disturbance of the machine
slows all of them. The table has medians and, in brackets, minima.
"""

import argparse
import json
import subprocess
import sys
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.setrecursionlimit(200_000)  # some libraries walk backward by recursion

LIBRARIES = {
    "minigrad": "flashlm-np",
    "mygrad": "mygrad",
    "autograd": "autograd",
    "torch": "torch",
}
ROWS, SIZES = 32, (64, 32, 10)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--serve", choices=LIBRARIES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(*STARTS[options.serve]())
        return
    found = {}
    for library, package in LIBRARIES.items():
        try:
            found[library] = version(package)
        except PackageNotFoundError:
            print(f"{library} is not installed; left out")
    print(table(found, measure(list(found), options.repeats)))


def measure(libraries, repeats):
    """Measure each task with all libraries in turn; return the numbers by library."""
    results = {library: {} for library in libraries}
    runners = {library: start(library) for library in libraries}
    for task in ("per operation", "mlp step", "deep chain"):
        for library in libraries * repeats:
            results[library].setdefault(task, []).append(request(runners[library], task))
    for library in libraries:
        results[library]["bytes"] = [request(runners[library], "bytes")]
        runners[library].stdin.close()
        runners[library].wait()
    return results


def start(library):
    return subprocess.Popen(
        [sys.executable, __file__, "--serve", library],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def request(runner, task):
    runner.stdin.write(task + "\n")
    runner.stdin.flush()
    return json.loads(runner.stdout.readline())


def table(versions, results):
    tasks = {
        "per operation": ("µs per operation", 1e6),
        "mlp step": ("µs per MLP step", 1e6),
        "deep chain": ("ms per 1,000-deep chain", 1e3),
        "bytes": ("bytes held per operation", 1),
    }
    head = " | ".join(f"{library} {number}" for library, number in versions.items())
    lines = [f"| | {head} |", "| --- |" + " --- |" * len(versions)]
    for task, (name, unit) in tasks.items():
        cells = [unit * np.array(results[library][task]) for library in versions]
        texts = [
            f"{np.median(c):,.0f}" if unit == 1 else f"{np.median(c):.1f} ({c.min():.1f})"
            for c in cells
        ]
        lines.append(f"| {name} | {' | '.join(texts)} |")
    return "\n".join(lines)


# -- one library ------------------------------------------------------------------------------


def serve(constant, tanh, walk):
    """Read the name of a task from each line; print its seconds or bytes."""
    x, one = np.linspace(1, 2, 8), np.ones(1)
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((ROWS, SIZES[0]))
    weights = [rng.standard_normal((a, b)) / a**0.5 for a, b in pairwise(SIZES)]

    def mlp(w1, w2):
        y = tanh(tanh(constant(rows) @ w1) @ w2)
        return (y * y).mean()

    tasks = {
        "per operation": lambda: timed(lambda: walk(lambda a: chain(a, 200), [x]), 5) / 200,
        "mlp step": lambda: timed(lambda: walk(mlp, weights), 20),
        "deep chain": lambda: timed(lambda: walk(lambda a: chain(a, 1000), [x]), 1),
        "bytes": lambda: held(walk, one),
    }
    tasks["per operation"](), tasks["mlp step"]()  # warm up
    for line in sys.stdin:
        print(json.dumps(tasks[line.strip()]()), flush=True)


def timed(work, times):
    start = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - start) / times


def held(walk, one, count=50_000):
    """Return the growth of resident memory per recorded operation, before any backward pass."""
    grown = []

    class Measured(Exception):
        pass

    def recorded(a):
        before = resident()
        y = chain(a, count)
        grown.append(resident() - before)
        raise Measured(y)

    with suppress(Measured):
        walk(recorded, [one])
    return grown[0] / count


def resident():
    """Bytes in memory; NaN where there is no /proc, as on a Mac and on Windows."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text("ascii").split()[1]) * 4096 if pages.exists() else np.nan


# Each library gives three functions: one that makes a constant, its tanh, and one that takes a
# function and arrays, records the function and walks backward.


def in_minigrad():
    from minigrad import Tensor
    from minigrad import functional as F

    return Tensor, F.tanh, walk_with(lambda a: Tensor(a, requires_grad=True))


def in_mygrad():
    import mygrad as mg

    return lambda a: mg.tensor(a, constant=True), mg.tanh, walk_with(mg.tensor)


def in_torch():
    import torch

    torch.set_num_threads(1)
    return torch.tensor, torch.tanh, walk_with(lambda a: torch.tensor(a, requires_grad=True))


def in_autograd():
    import autograd.numpy as anp
    from autograd import grad

    def walk(f, arrays):
        return grad(lambda leaves: f(*leaves))(list(arrays))

    return lambda a: a, anp.tanh, walk


STARTS = {
    "minigrad": in_minigrad,
    "mygrad": in_mygrad,
    "autograd": in_autograd,
    "torch": in_torch,
}


def walk_with(leaf):
    def walk(f, arrays):
        leaves = [leaf(a) for a in arrays]
        f(*leaves).backward()
        return [leaf.grad for leaf in leaves]

    return walk


def chain(a, count):
    for _ in range(count):
        a = a * 1.001
    return a.sum()


if __name__ == "__main__":
    main()
