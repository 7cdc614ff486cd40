"""Race a training step of any preset, or of a change of it: NumPy against PyTorch.

    python benchmarks/race.py --preset v4 [--steps 7] [--threads N] [--set blocks=2 ...]

Each runner is a process with its own memory, and they take their steps in turn, as in step.py.
PyTorch has torch_parts.py or torch_matmul_free.py and torch's fused AdamW; NorMuon is that of
torch_flashlm.py, in v3's form. With the exact head all tables have dense gradients, with the
sampled one sparse ones; PyTorch has no other head. The tokens are random, with Zipf's shares.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from processor import processor_name

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from flashlm_np.data.dataset import Dataset, sample_batch  # noqa: E402
from flashlm_np.model.config import Config  # noqa: E402
from flashlm_np.model.heads.candidates import Candidates, log_uniform  # noqa: E402
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
    try:
        config = configured(options.preset, options.set)
    except (AttributeError, ValueError) as error:  # no such field, or no such value of it
        parser.error(f"--set: {error}")
    if config.head not in LOSSES and options.runners != ["numpy"]:
        parser.error(
            f"PyTorch has no head {config.head} here; choose among {', '.join(LOSSES)}"
        )
    if options.serve:
        serve(STEPS[options.serve](options.serve, config, options.threads))
        return
    print(
        f"{options.preset} {' '.join(options.set)}: {options.threads} threads, "
        f"{processor_name()}\n"
    )
    print(table(race(options), config.phases[-1].tokens))


def configured(preset, changes) -> Config:
    """The preset with changes written as FIELD=VALUE."""
    values = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise ValueError(f"{change} is not a FIELD=VALUE")
        kind = type(getattr(PRESETS[preset], name))
        values[name] = text == "True" if kind is bool else kind(text)
    return replace(PRESETS[preset], **values)


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


def random_text(config, rng):
    """Random tokens; the token r has about the share 1/(r + 1), as in a real text by rank."""
    tokens = rng.choice(config.vocab_size, 100_000, p=log_uniform(np.zeros(config.vocab_size)))
    return Dataset("random", tokens, tokens[:2])


def batches(config, text, rng):
    """A function that draws the micro-batches of the last phase."""
    phase = config.phases[-1]
    sizes = {"batch": phase.batch, "sequence": phase.sequence}
    share = {"position_share": config.position_share}
    return lambda: [
        sample_batch(text, **sizes, **share, rng=rng) for _ in range(phase.micro_batches)
    ]


def numpy_step(_, config, threads):
    from flashlm_np.model.heads.layout import TableLayout
    from flashlm_np.model.models import new_model
    from flashlm_np.training.fast_step import FastStep
    from flashlm_np.training.memory import keep_freed_memory

    keep_freed_memory()
    rng, V = np.random.default_rng(0), config.vocab_size
    text = random_text(config, rng)
    layout = TableLayout(np.arange(V), np.bincount(text.train, minlength=V), [0, V])
    fast_step = FastStep(new_model(config, rng, layout=layout), config, threads)
    draw = batches(config, text, rng)
    return lambda: fast_step.step(config.phases[-1].first_step, draw(), rng)


def torch_step(kind, config, threads):
    import torch

    from benchmarks import torch_flashlm as tf
    from benchmarks import torch_matmul_free, torch_parts, torch_sampled

    torch.set_num_threads(threads)
    rng = np.random.default_rng(0)
    text = random_text(config, rng)
    mirror = {"flashlm": torch_parts, "matmul_free": torch_matmul_free}[config.model]
    model = mirror.Model(config)
    optimizers, draw = mirror.make_optimizers(model, config), batches(config, text, rng)
    options = {"max_norm": config.clip_norm}
    if config.ema_decay:
        options["ema"] = tf.EMA(model)
    if config.head == "sampled":
        options["clip"] = torch_sampled.clip_grad_norm_
    tf.training_loss = LOSSES[config.head](kind, config, text, rng)

    def step():
        rows = [[None if a is None else torch.from_numpy(a) for a in b] for b in draw()]
        tf.train_step(model, optimizers, rows, **options)

    return step


def exact_loss(kind, config, *_):
    import torch

    from benchmarks import torch_flashlm as tf

    def loss(model, ids, targets, positions):
        y = targets.flatten() if positions is None else targets.flatten()[positions]
        z = model(ids, positions).reshape(-1, config.vocab_size)
        return tf.loss_of_logits(z, y, smoothing=config.label_smoothing, z_loss=config.z_loss)

    return torch.compile(loss) if kind == "compile" else loss


def sampled_loss(kind, config, text, rng):
    import torch

    from benchmarks import torch_sampled

    counts = np.bincount(text.train, minlength=config.vocab_size)
    candidates = Candidates(counts, config.candidates, config.candidates_from)
    log_p = torch.from_numpy(candidates.log_p.astype(np.float32))
    draw = partial(candidates.draw, rng)
    return torch_sampled.training_loss(draw, log_p, compiled=kind == "compile")


LOSSES = {"exact": exact_loss, "sampled": sampled_loss}
STEPS = {"numpy": numpy_step, "eager": torch_step, "compile": torch_step}


if __name__ == "__main__":
    main()
