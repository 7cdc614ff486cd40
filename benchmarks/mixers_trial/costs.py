"""What a mixer remembers after N tokens, and the time of the next token: by streaming.

The weights are random; trained ones take the same time.
"""

import statistics
import time

import numpy as np

from benchmarks.trial.contender import Trial
from benchmarks.trial.results import Results
from flashlm_np.inference.streaming import Stream
from flashlm_np.model.flashlm import FlashLM

TEXT_LENGTHS = (100, 1_000, 10_000, 100_000)
MEASURED = 21  # tokens of which the median is taken


def measure_costs(
    trial: Trial, results: Results, names: list[str], lengths: tuple[int, ...] = TEXT_LENGTHS
) -> None:
    """Add a "stream" line for each contender and text length that has none."""
    for name in names:
        missing = [n for n in lengths if not results.lines("stream", contender=name, tokens=n)]
        if missing:
            config = trial.config(name)
            model = FlashLM(config, np.random.default_rng(0))
            for line in after_tokens(Stream(model), config.vocab_size, sorted(missing)):
                results.add("stream", contender=name, **line)
                print(f"{name}: {line}", flush=True)


def after_tokens(stream: Stream, vocab_size: int, lengths: list[int]):
    """For each length, the bytes of the state and the seconds of the next tokens."""
    state, rng = stream.state(), np.random.default_rng(0)
    for length in lengths:
        stream.prefill(state, rng.integers(0, vocab_size, length - state.position))
        seconds = []
        nbytes = state.nbytes
        for token in rng.integers(0, vocab_size, MEASURED).tolist():
            start = time.perf_counter()
            stream.step(state, token)
            seconds.append(time.perf_counter() - start)
        yield {"tokens": length, "bytes": nbytes, "seconds": statistics.median(seconds)}
