"""Race a training step of any preset with the exact head: NumPy against PyTorch.

    python benchmarks/race.py --preset v4 [--steps 7] [--threads N] [--set blocks=2 ...]

Each runner is a process with its own memory, and they take their steps in turn, as in step.py.
PyTorch has torch_parts.py or torch_matmul_free.py, dense gradients of all tables, and torch's
fused AdamW; NorMuon is that of torch_flashlm.py, in v3's form.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from processor import processor_name

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from flashlm_np.data.dataset import Dataset, sample_batch  # noqa: E402
from flashlm_np.model.config import Config  # noqa: E402
from flashlm_np.model.presets import PRESETS  # noqa: E402

RUNNERS = {"numpy": "NumPy", "eager": "PyTorch", "compile": "torch.compile"}
WARM_UP = 2  # steps that are not timed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=PRESETS, default="v4")
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--runners", nargs="+", choices=RUNNERS, default=list(RUNNERS))
    parser.add_argument("--steps", type=int, default=7, help="timed steps of each (7)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--serve", choices=RUNNERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    config = configured(options.preset, options.set)
    if options.serve:
        serve(STEPS[options.serve](options.serve, config, options.threads))
        return
    print(
        f"{options.preset} {' '.join(options.set)}: {options.threads} threads, "
        f"{processor_name()}\n"
    )
    print(table(race(options), config.phases[-1].tokens))


def configured(preset, changes) -> Config:
    """The preset with changes written as FIELD=VALUE, and with the exact head."""
    values = {}
    for name, text in (change.split("=") for change in changes):
        kind = type(getattr(PRESETS[preset], name))
        values[name] = text == "True" if kind is bool else kind(text)
    return replace(PRESETS[preset], head="exact", **values)


def race(options) -> dict[str, list[float]]:
    """The seconds of each step, by runner."""
    command = [sys.executable, __file__, *sys.argv[1:], "--serve"]
    processes = {
        kind: subprocess.Popen(
            [*command, kind], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for kind in options.runners
    }
    seconds = {kind: [] for kind in processes}
    for _ in range(WARM_UP + options.steps):
        for kind, process in processes.items():
            process.stdin.write("step\n")
            process.stdin.flush()
            seconds[kind].append(float(process.stdout.readline()))
    for process in processes.values():
        process.stdin.close()
        process.wait()
    return {kind: taken[WARM_UP:] for kind, taken in seconds.items()}


def table(seconds, tokens) -> str:
    lines = [
        "| | seconds, median (least to most) | tokens/s | times NumPy's |",
        "| --- " * 4 + "|",
    ]
    ours = np.median(seconds.get("numpy", [np.nan]))
    for kind, taken in seconds.items():
        median = np.median(taken)
        lines.append(
            f"| {RUNNERS[kind]} | {median:.3f} ({min(taken):.3f} to {max(taken):.3f}) "
            f"| {tokens / median:,.0f} | {median / ours:.2f} |"
        )
    return "\n".join(lines)


# -- a runner ---------------------------------------------------------------------------------


def serve(step):
    for _ in sys.stdin:
        start = time.perf_counter()
        step()
        print(time.perf_counter() - start, flush=True)


def batches(config, rng):
    """A function that draws the micro-batches of the last phase from random tokens."""
    tokens = rng.integers(0, config.vocab_size, 100_000)
    corpus, phase = Dataset("random", tokens, tokens[:2]), config.phases[-1]
    sizes = {"batch": phase.batch, "sequence": phase.sequence}
    share = {"position_share": config.position_share}
    return lambda: [
        sample_batch(corpus, **sizes, **share, rng=rng) for _ in range(phase.micro_batches)
    ]


def numpy_step(_, config, threads):
    from flashlm_np.model.models import new_model
    from flashlm_np.training.fast_step import FastStep
    from flashlm_np.training.memory import keep_freed_memory

    keep_freed_memory()
    rng = np.random.default_rng(0)
    fast_step, draw = FastStep(new_model(config, rng), config, threads), batches(config, rng)
    return lambda: fast_step.step(config.phases[-1].first_step, draw(), rng)


def torch_step(kind, config, threads):
    import torch

    from benchmarks import torch_flashlm as tf
    from benchmarks import torch_matmul_free, torch_parts

    torch.set_num_threads(threads)
    mirror = {"flashlm": torch_parts, "matmul_free": torch_matmul_free}[config.model]
    model = mirror.Model(config)
    optimizers, average = mirror.make_optimizers(model, config), tf.EMA(model)
    draw = batches(config, np.random.default_rng(0))

    def loss(model, ids, targets, positions):
        y = targets.flatten() if positions is None else targets.flatten()[positions]
        z = model(ids, positions).reshape(-1, config.vocab_size)
        return tf.loss_of_logits(z, y, smoothing=config.label_smoothing, z_loss=config.z_loss)

    tf.training_loss = torch.compile(loss) if kind == "compile" else loss

    def step():
        rows = [[None if a is None else torch.from_numpy(a) for a in b] for b in draw()]
        tf.train_step(model, optimizers, rows, max_norm=config.clip_norm, ema=average)

    return step


STEPS = {"numpy": numpy_step, "eager": torch_step, "compile": torch_step}


if __name__ == "__main__":
    main()
