"""The time of one token: by streaming, and by a forward pass over the whole context.

    python benchmarks/streaming.py [--models v3 small_v3] [--rounds 9] [--context 256]

The weights are random; trained weights take the same time. Each round runs all methods, so a
disturbance of the machine slows all of them. The figure of a round is the mean of its calls.

The lower bound of a head in float32 is the time to read its table once by the fastest of
several methods, measured in the same rounds. Every token reads v3's table (51 MB) from memory
again. The table of small_v3 (2 MB) stays in a cache, and Python takes most of the time.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.step import machine  # noqa: E402
from flashlm_np.inference.text_generator import generate_fast, new_stream  # noqa: E402
from flashlm_np.model.models import new_model  # noqa: E402
from flashlm_np.model.presets import PRESETS  # noqa: E402
from flashlm_np.training.threads import Workers  # noqa: E402
from minigrad import no_grad  # noqa: E402

SECONDS = 0.2  # of each method in a round


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=PRESETS, default=["v3", "small_v3"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--context", type=int, default=256)
    options = parser.parse_args()
    workers = Workers()
    lines = [
        "| model | method | ms per token (least to most) | tokens/s | times the full forward "
        "| times the bound |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in options.models:
        methods, about = prepare(name, options.context, workers)
        lines += rows(name, measure(methods, options.rounds))
        print(about, flush=True)
    print(f"\n{machine(workers.threads)}\n", *lines, sep="\n")


def prepare(name, context, workers):
    """Return functions that compute logits or read the table, by name, and a line on sizes."""
    # With 0.2, some tokens are much likelier than others, as after training.
    config, rng = replace(PRESETS[name], embedding_std=0.2), np.random.default_rng(0)
    model = new_model(config, rng)
    table = model.lm_head.weight.data
    ids = rng.integers(0, config.vocab_size, context)
    h, slices = table[:1].copy(), workers.slices(len(table), len(table))
    forever = generate_fast(model, ids, 10**9, rng, temperature=0.5)
    methods = {
        "full forward again": lambda: forward(model, ids[None]),
        "full forward, last logits only": lambda: model.next_logits(ids[None]),
        "streaming": reader(new_stream(model), ids),
        "generate, temperature 0.5": lambda: next(forever),
        "read: sum": lambda: table.sum(),
        "read: sums on all cores": lambda: workers.map(lambda s: table[s].sum(), slices),
        "read: a BLAS product with a vector": lambda: h @ table.T,
        "read: a dot product per row": lambda: np.vecdot(table, h),
    }
    return methods, (
        f"{name}: state {new_stream(model).state().nbytes:,} bytes; head {table.nbytes:,} bytes"
    )


def forward(model, ids):
    with no_grad():
        return model(ids)


def reader(stream, ids):
    """Return a function that reads the last token of `ids`; the state has the others."""
    state, last = stream.state(), ids[-1]
    stream.prefill(state, ids[:-1])
    return lambda: stream.step(state, last)


def measure(methods, rounds):
    """Return the seconds per call of each method, one figure per round."""
    seconds = {method: [] for method in methods}
    for _ in range(rounds):
        for method, run in methods.items():
            run()  # loads its own weights into the caches
            calls, start = 0, time.perf_counter()
            while time.perf_counter() < start + SECONDS:
                run()
                calls += 1
            seconds[method].append((time.perf_counter() - start) / calls)
    return seconds


def rows(name, seconds):
    """Yield lines of the table: medians, ratios of medians, and the fastest method to read."""
    median = {method: np.median(values) for method, values in seconds.items()}
    bound = min((method for method in median if method.startswith("read")), key=median.get)
    whole = median["full forward again"]
    for method, values in seconds.items():
        if method.startswith("read") and method != bound:
            continue
        label = f"lower bound ({method})" if method == bound else method
        yield (
            f"| {name} | {label} | {1e3 * median[method]:.3f} ({1e3 * min(values):.3f} to "
            f"{1e3 * max(values):.3f}) | {1 / median[method]:,.0f} "
            f"| {whole / median[method]:.1f} | {median[method] / median[bound]:.2f} |"
        )


if __name__ == "__main__":
    main()
