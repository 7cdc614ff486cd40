"""The truncated SVD of GPT-2's embedding: seconds, memory, and the error against the full SVD.

    python benchmarks/embedding.py [--tokens 50257] [--width 768] [--kept 256]

The table is synthetic: correlated columns whose singular values fall by a factor of about 100,
as GPT-2's do. Each method runs in its own process, whose peak memory is printed. The error is
the largest difference of an entry, up to the sign of its column, over the largest entry. The
reference is the full SVD in float64.
"""

import argparse
import json
import subprocess
import sys
import time

import numpy as np

from flashlm_np.training.initial_embedding import row_blocks, truncated_svd
from flashlm_np.training.memory import peak_memory


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=50257)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--kept", type=int, default=256)
    parser.add_argument("--method", choices=METHODS, help="run only this one, and print JSON")
    options = parser.parse_args()
    if options.method:
        print(json.dumps(measure(options)))
        return
    print(f"{'method':>26} {'seconds':>8} {'peak MB':>8} {'error':>9}")
    reference = None
    for method in METHODS:
        command = [sys.executable, __file__, *sys.argv[1:], "--method", method]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        rows = np.array(found["rows"])
        reference = rows if reference is None else reference
        rows = rows * np.sign((rows * reference).sum(axis=0))
        error = np.abs(rows - reference).max() / np.abs(reference).max()
        print(f"{method:>26} {found['seconds']:8.2f} {found['peak'] / 1e6:8.0f} {error:9.1e}")


def measure(options):
    """Run one method on the table; return its time, the peak memory and some rows."""
    X = table(options.tokens, options.width)
    start = time.perf_counter()
    reduced = METHODS[options.method](X, options.kept)  # (V, D)
    seconds = time.perf_counter() - start
    rows = reduced[:: max(1, len(reduced) // 500)]
    return {"seconds": seconds, "peak": peak_memory(), "rows": rows.tolist()}


def table(V, C):
    """Make a matrix (V, C) in float32 by blocks, with known decreasing singular values."""
    rng = np.random.default_rng(0)
    mix, _ = np.linalg.qr(rng.standard_normal((C, C)))
    mix = (mix * np.exp(-np.linspace(0, np.log(100), C))[:, None]).astype(np.float32)
    X = np.empty((V, C), np.float32)
    for start in range(0, V, 4096):
        block = X[start : start + 4096]
        block[:] = rng.standard_normal(block.shape, dtype=np.float32) @ mix
    return X


def full_svd(X, D, dtype):
    U, S, _ = np.linalg.svd(X.astype(dtype), full_matrices=False)
    return U[:, :D] * S[:D]


METHODS = {
    "full SVD in float64": lambda X, D: full_svd(X, D, np.float64),
    "full SVD in float32": lambda X, D: full_svd(X, D, np.float32),
    "by XᵀX in float64": lambda X, D: truncated_svd(lambda: row_blocks(X), D).table,
}


if __name__ == "__main__":
    main()
