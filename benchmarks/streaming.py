"""The time of one token: read one at a time, and with the whole context again for each.

    python benchmarks/streaming.py [--models v3 quickstart] [--rounds 9] [--context 256]

The weights are random, which takes the same time as trained ones. The ways take turns in every
round, so that a disturbance of the machine disturbs all. The figure of a round is the mean of
its calls.

The lower bound of a head in float32 is one reading of its table, in the fastest of several
ways, measured in the same rounds. v3's table (51 MB) comes from memory again for every token.
The quickstart's (2 MB) stays in a cache, and Python takes the time.
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
from flashlm_np.inference.streaming import Stream  # noqa: E402
from flashlm_np.inference.text_generator import generate_fast  # noqa: E402
from flashlm_np.model.config import PRESETS  # noqa: E402
from flashlm_np.model.flashlm import FlashLM  # noqa: E402
from flashlm_np.training.threads import Workers  # noqa: E402
from minigrad import no_grad  # noqa: E402

SECONDS = 0.2  # of each way in a round


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=PRESETS, default=["v3", "quickstart"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--context", type=int, default=256)
    options = parser.parse_args()
    workers = Workers()
    lines = [
        "| model | way | ms per token (least to most) | tokens/s | times the full forward "
        "| times the bound |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in options.models:
        ways, about = prepare(name, options.context, workers)
        lines += rows(name, measure(ways, options.rounds))
        print(about, flush=True)
    print(f"\n{machine(workers.threads)}\n", *lines, sep="\n")


def prepare(name, context, workers):
    """The ways to a token's logits and to read the table, by name, and a line about sizes."""
    # A table so large that some tokens are much likelier than others, as after training.
    config, rng = replace(PRESETS[name], embedding_std=0.2), np.random.default_rng(0)
    model = FlashLM(config, rng)
    table = model.lm_head.weight.data
    ids = rng.integers(0, config.vocab_size, context)
    h, slices = table[:1].copy(), workers.slices(len(table), len(table))
    forever = generate_fast(model, ids, 10**9, rng, temperature=0.5)
    ways = {
        "full forward again": lambda: forward(model, ids[None]),
        "the same, last logits only": lambda: model.next_logits(ids[None]),
        "streaming": reader(Stream(model), ids),
        "generate, temperature 0.5": lambda: next(forever),
        "read: sum": lambda: table.sum(),
        "read: sums on all cores": lambda: workers.map(lambda s: table[s].sum(), slices),
        "read: a BLAS product with a vector": lambda: h @ table.T,
        "read: a dot product per row": lambda: np.vecdot(table, h),
    }
    return ways, (
        f"{name}: state {Stream(model).state().nbytes:,} bytes; head {table.nbytes:,} bytes"
    )


def forward(model, ids):
    with no_grad():
        return model(ids)


def reader(stream, ids):
    """A function that reads one token more, after the prompt `ids`."""
    state, last = stream.state(), ids[-1]
    stream.prefill(state, ids[:-1])
    return lambda: stream.step(state, last)


def measure(ways, rounds):
    """Seconds per call of each way, a figure per round."""
    seconds = {way: [] for way in ways}
    for _ in range(rounds):
        for way, run in ways.items():
            run()  # brings its own weights back into the caches
            calls, start = 0, time.perf_counter()
            while time.perf_counter() < start + SECONDS:
                run()
                calls += 1
            seconds[way].append((time.perf_counter() - start) / calls)
    return seconds


def rows(name, seconds):
    """Lines of the table: medians, ratios of medians, and of the ways to read the quickest."""
    median = {way: np.median(values) for way, values in seconds.items()}
    bound = min((way for way in median if way.startswith("read")), key=median.get)
    whole = median["full forward again"]
    for way, values in seconds.items():
        if way.startswith("read") and way != bound:
            continue
        label = f"lower bound ({way})" if way == bound else way
        yield (
            f"| {name} | {label} | {1e3 * median[way]:.3f} ({1e3 * min(values):.3f} to "
            f"{1e3 * max(values):.3f}) | {1 / median[way]:,.0f} | {whole / median[way]:.1f} "
            f"| {median[way] / median[bound]:.2f} |"
        )


if __name__ == "__main__":
    main()
