"""Compare one training step of full-size FlashLM v3 in NumPy and in PyTorch.

    python benchmarks/step.py [--phases 1a 1b 1c] [--steps 7] [--threads N] [--plot speed.png]

Each runner is a process with its own memory. The runners take their steps in turn, so a
disturbance of the machine slows all of them. The mathematics, the shapes of the batches and the
number of threads are the same: benchmarks/torch_flashlm.py, eager and through torch.compile.
"1a" is v3's phase with a frozen embedding; "1a trained" is the same with a trained one.

The lower bound is a time that no implementation can beat on this machine: the multiply-adds of
the step at the speed of one large matrix product. The NumPy process measures that speed between
the steps.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
from processor import processor_name

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from flashlm_np.analysis.multiply_adds import seconds_at_peak  # noqa: E402
from flashlm_np.model.config import Phase  # noqa: E402
from flashlm_np.model.presets import V3  # noqa: E402
from flashlm_np.training.memory import keep_freed_memory, peak_memory  # noqa: E402

PHASES = {
    "1a": Phase(1, 64, 4, 4, frozen_embedding=True),
    "1a trained": Phase(1, 64, 4, 4),
    "1b": Phase(1, 128, 4, 4),
    "1c": Phase(1, 256, 4, 8),
}
RUNNERS = {"numpy": "NumPy", "eager": "PyTorch", "compile": "torch.compile"}
WARM_UP = 2  # steps that are not timed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phases", nargs="+", choices=PHASES, default=list(PHASES))
    parser.add_argument("--runners", nargs="+", choices=RUNNERS, default=list(RUNNERS))
    parser.add_argument("--steps", type=int, default=7, help="timed steps of each (7)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--plot", type=Path, help="also draw the table")
    parser.add_argument("--serve", choices=RUNNERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, PHASES[options.phases[0]], options.threads)
        return
    results = [measure(phase, options) for phase in options.phases]
    print(f"\n{machine(options.threads)}\n")
    print(table(results))
    if options.plot:
        draw(results, options.plot)


# -- the parent ------------------------------------------------------------------------------


class Runner:
    """A process that takes a step or measures the peak on request."""

    def __init__(self, kind, phase, threads):
        command = [sys.executable, __file__, "--serve", kind, "--phases", phase]
        # A waiting torch process must not use the cores of the running one.
        settings = {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "passive"}
        self.process = subprocess.Popen(
            [*command, "--threads", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | settings,
        )

    def request(self, task):
        self.process.stdin.write(f"{task}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(phase, options):
    """Run all runners on one phase; return seconds per step, peak bytes and peak FLOP/s."""
    runners, seconds, peaks = {}, {}, []
    for kind in options.runners:
        try:
            runner = Runner(kind, phase, options.threads)
            warm = [runner.request("step") for _ in range(WARM_UP)]
            print(f"{phase}: {RUNNERS[kind]} first step {warm[0]:.2f} s", flush=True)
            runners[kind], seconds[kind] = runner, []
        except (ValueError, OSError):
            print(f"{phase}: {RUNNERS[kind]} does not run here; left out", flush=True)
    for _ in range(options.steps):
        for kind, runner in runners.items():
            seconds[kind].append(runner.request("step"))
        if "numpy" in runners:
            peaks.append(runners["numpy"].request("peak"))
    memory = {kind: runner.request("memory") for kind, runner in runners.items()}
    for runner in runners.values():
        runner.close()
    return {"phase": phase, "seconds": seconds, "memory": memory, "peak": max(peaks, default=0)}


def table(results):
    """Return a Markdown table: medians with the spread, ratios, the lower bound, memory."""
    lines = [
        "| phase | runner | s per step (least to most) | tokens/s | PyTorch / this "
        "| bound / this | peak MB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for result in results:
        phase, least = PHASES[result["phase"]], lower_bound(result)
        eager = np.median(result["seconds"].get("eager", [np.nan]))
        for kind, seconds in result["seconds"].items():
            median = np.median(seconds)
            lines.append(
                f"| {result['phase']} | {RUNNERS[kind]} | {median:.3f} ({min(seconds):.3f} to "
                f"{max(seconds):.3f}) | {phase.tokens / median:,.0f} | {eager / median:.2f} "
                f"| {least / median:.0%} | {result['memory'][kind] / 1e6:,.0f} |"
            )
        lines.append(
            f"| {result['phase']} | lower bound | {least:.3f} at "
            f"{result['peak'] / 1e9:.0f} GFLOP/s | {phase.tokens / least:,.0f} "
            f"| {eager / least:.2f} | | |"
        )
    return "\n".join(lines)


def lower_bound(result):
    phase, peak = PHASES[result["phase"]], result["peak"]
    return seconds_at_peak(V3, phase, peak) if peak else np.nan


def draw(results, path):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.2), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    colors = {"numpy": "#2a7f3f", "eager": "#c44e52", "compile": "#dd9a50"}
    for place, result in enumerate(results):
        count = len(result["seconds"])
        for i, (kind, seconds) in enumerate(result["seconds"].items()):
            rate = PHASES[result["phase"]].tokens / np.array(seconds)
            x = place + (i - (count - 1) / 2) * 0.27
            axes.bar(x, np.median(rate), 0.25, color=colors[kind])
            axes.plot([x, x], [rate.min(), rate.max()], color="#222222", lw=1)
            axes.text(x, rate.max() + 60, f"{np.median(rate):,.0f}", ha="center", fontsize=8)
        top = PHASES[result["phase"]].tokens / lower_bound(result)
        axes.plot([place - 0.42, place + 0.42], [top, top], color="#333333", ls="--", lw=1)
    for kind in results[0]["seconds"]:
        axes.bar(0, 0, color=colors[kind], label=RUNNERS[kind])
    axes.plot(
        [], [], color="#333333", ls="--", lw=1, label="lower bound: the multiply-adds alone"
    )
    axes.set_xticks(range(len(results)), [f"phase {result['phase']}" for result in results])
    axes.set(ylabel="tokens per second", title="A training step of FlashLM v3, full size")
    axes.set_ylim(0, 1.2 * axes.get_ylim()[1])
    axes.legend(fontsize=8, ncols=2, loc="upper right")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def machine(threads):
    return f"{date.today()}, {threads} threads, {processor_name()}, NumPy {np.__version__}"


# -- a runner ---------------------------------------------------------------------------------


def serve(kind, phase, threads):
    step = numpy_step(phase, threads) if kind == "numpy" else torch_step(kind, phase, threads)
    for line in sys.stdin:
        what = line.strip()
        if what == "step":
            start = time.perf_counter()
            step()
            answer = time.perf_counter() - start
        else:
            answer = matrix_peak() if what == "peak" else peak_memory() or np.nan
        print(answer, flush=True)


def numpy_step(phase, threads):
    from flashlm_np.data.dataset import Dataset, sample_batch
    from flashlm_np.model.flashlm import FlashLM
    from flashlm_np.training.fast_step import FastStep

    keep_freed_memory()
    rng = np.random.default_rng(0)
    config = replace(V3, phases=(phase,))
    model = FlashLM(config, rng)
    fast_step = FastStep(model, config, threads)
    tokens = rng.integers(0, V3.vocab_size, 100_000).astype(np.uint16)
    corpus = Dataset("random", tokens, tokens[:2])

    def step():
        batches = [
            sample_batch(
                corpus,
                batch=phase.batch,
                sequence=phase.sequence,
                position_share=V3.position_share,
                rng=rng,
            )
            for _ in range(phase.micro_batches)
        ]
        fast_step.step(1000, batches)

    return step


def torch_step(kind, phase, threads):
    import torch

    from benchmarks import torch_flashlm as tf

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = tf.FlashLM()
    optimizers, average = tf.make_optimizers(model), tf.EMA(model)
    if kind == "compile":
        tf.training_loss = torch.compile(tf.training_loss)
    tokens = torch.randint(0, V3.vocab_size, (100_000,))

    def batch():
        starts = torch.randint(0, len(tokens) - phase.sequence - 1, (phase.batch, 1))
        windows = tokens[starts + torch.arange(phase.sequence + 1)]
        positions = tf.sample_positions(phase.batch * phase.sequence)
        return windows[:, :-1].contiguous(), windows[:, 1:].contiguous(), positions

    def step():
        batches = [batch() for _ in range(phase.micro_batches)]
        tf.train_step(
            model, optimizers, batches, freeze_embedding=phase.frozen_embedding, ema=average
        )

    return step


def matrix_peak(size=2048):
    """Floating-point operations per second of one large product, the best of three."""
    a = np.ones((size, size), np.float32)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        a @ a
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)


if __name__ == "__main__":
    main()
