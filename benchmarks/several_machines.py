"""Measure steps of several processes: bytes by part, seconds by stage, and who waits for whom.

    mpiexec -n 2 python benchmarks/several_machines.py [--heads exact sampled] [--steps 9]
    python benchmarks/several_machines.py --threads 2         the same batch in one process
    mpiexec -n 2 ... --timeline docs/timeline.png             also draw the last three steps

The model is full-size v3, on tokens with Zipf's frequencies, and 2,048 tokens per process and
step. The last table is a model of 2, 8 and 32 machines: the measured seconds of computing, and
the measured bytes on a network of 1 or 10 gigabit per second. A ring sends 2 (n-1)/n of the
bytes per machine; nothing overlaps, nobody waits, and a message has no latency.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from flashlm_np.data.dataset import Dataset  # noqa: E402
from flashlm_np.model.config import Phase  # noqa: E402
from flashlm_np.model.models import new_model  # noqa: E402
from flashlm_np.model.presets import V3  # noqa: E402
from flashlm_np.runs.text_counts import layout_of  # noqa: E402
from flashlm_np.training.fast_step import FastStep  # noqa: E402
from flashlm_np.training.launcher import join  # noqa: E402
from flashlm_np.training.memory import keep_freed_memory  # noqa: E402
from flashlm_np.training.shards import draw_shard  # noqa: E402
from minigrad.ops import RowGradient  # noqa: E402

WARM_UP = 2  # steps that are not counted
STAGES = (
    "forward and backward",
    "waiting for other processes",
    "communication",
    "gradient norm",
    "NorMuon and AdamW",
    "averaged weights",
)
COLORS = ("#3b6ea5", "#d8d8d8", "#c44e52", "#777777", "#2a7f3f", "#a8c69f")
GIGABITS = (1, 10)
MACHINES = (2, 8, 32)
TOKENS = 2048  # of a process in a step


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heads", nargs="+", default=["exact", "sampled"])
    parser.add_argument("--steps", type=int, default=9)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--windows", type=int, default=4, help="micro-batches of a process (4)")
    parser.add_argument(
        "--computing", type=float, help="seconds for the model, if known better"
    )
    parser.add_argument("--timeline", type=Path)
    options = parser.parse_args()
    keep_freed_memory()
    processes = join()
    with processes.one_voice():
        print(f"{processes.count} processes, tokens of a process in a step: {TOKENS:,}")
        for head in options.heads:
            measure(head, options, processes)


def measure(head, options, processes):
    """Take steps with a head, and print its tables."""
    fast, data, rng = prepared(head, options, processes)
    config = fast.config
    taken, starts = [], []
    for step in range(1, WARM_UP + options.steps + 1):
        if step == WARM_UP + 1:
            sent_before = dict(getattr(processes, "sent", {}))
        starts.append(time.monotonic())
        shard = draw_shard(data, config, config.phase(step), rng, processes)
        seconds = fast.step(step, [shard.batch], rng, shard.share).seconds
        taken.append([seconds.get(stage, 0.0) for stage in STAGES])
    times = processes.all_of(np.array([starts, *np.transpose(taken)]).ravel())
    times = times.reshape(processes.count, 1 + len(STAGES), -1)[:, :, WARM_UP:]
    parts = bytes_by_part(fast)
    sent = getattr(processes, "sent", {})
    short = sum(n - sent_before.get(k, 0) for k, n in sent.items() if k != "gradients")
    print(f"\nhead {head}, {fast.workers.threads} threads per process\n")
    print(stages_table(times))
    print(traffic_table(parts, short / options.steps))
    rows = union_rows(fast, data, rng) if head == "sampled" else None
    weights = sum(p.data.nbytes for p in fast.model.parameters())
    print(model_table(options.computing or computing(times), parts, rows, weights))
    if options.timeline and processes.is_first and head == options.heads[-1]:
        draw_timeline(times[:, :, -3:], options.timeline)


def prepared(head, options, processes):
    """v3 with a head, ready to take steps, its data and its random numbers."""
    phase = Phase(1, 128, 4, options.windows * processes.count)
    config = replace(V3 if head == "exact" else V3.with_head(head), phases=(phase,))
    rng = np.random.default_rng(0)
    p = 1 / (np.arange(config.vocab_size) + 2.7)
    tokens = rng.choice(config.vocab_size, 300_000, p=p / p.sum())
    data = Dataset("Zipf", tokens, tokens[:2])
    model = new_model(config, rng, layout=layout_of(config, data))
    return FastStep(model, config, options.threads, processes), data, rng


def bytes_by_part(fast):
    """The bytes of the averaged gradients of the last step, by group of optimizer."""
    found = {}
    for group, optimizer in fast.optimizers.by_group.items():
        gradients = [p.grad for p in optimizer.parameters.values() if p.grad is not None]
        parts = [g.rows if isinstance(g, RowGradient) else g for g in gradients]
        found[group] = sum(part.nbytes for part in parts)
    return found


def union_rows(fast, data, rng):
    """The rows of the table that n machines use in a step: their tokens and the candidates."""
    rows, found = fast.model.layout.rows(data.train), {}
    for n in MACHINES:
        drawn = fast.model.lm_head.candidates.draw(rng)
        used = rng.choice(rows, n * TOKENS)
        found[n] = len(np.union1d(used, drawn))
    return found


def stages_table(times):
    """Seconds of each stage: the medians over the steps, of each process."""
    medians = np.median(times[:, 1:], axis=2)  # (processes, stages)
    names = " | ".join(f"process {rank}" for rank in range(len(medians)))
    lines = [f"| seconds, medians | {names} |", "| --- |" + " --- |" * len(medians)]
    for stage, row in zip((*STAGES, "in all"), [*medians.T, medians.sum(axis=1)], strict=True):
        lines.append(f"| {stage} | " + " | ".join(f"{s:.3f}" for s in row) + " |")
    return "\n".join(lines) + "\n"


def traffic_table(parts, short):
    lines = ["| bytes in a step | of a process |", "| --- | --- |"]
    lines += [f"| {group} | {size:,} |" for group, size in parts.items()]
    lines += [f"| ids, losses, counts | {short:,.0f} |"]
    return (
        "\n".join([*lines, f"| **in all** | **{sum(parts.values()) + short:,.0f}** |"]) + "\n"
    )


def computing(times):
    """The median seconds of process 0 in a step, without waiting and communication."""
    others = [STAGES.index(name) + 1 for name in STAGES[1:3]]
    return float(np.median(np.delete(times[0], [0, *others], axis=0).sum(axis=0)))


def model_table(seconds, parts, rows, weights):
    """Tokens per second of n machines by the model, and their part of n times one machine's.

    rows: of the table in a step of n machines, if its gradient is rows. weights: their bytes.
    """
    lines = ["| model | " + " | ".join(f"{n} machines" for n in MACHINES) + " |"]
    lines += ["| --- |" + " --- |" * len(MACHINES)]
    for gigabit in GIGABITS:
        for name, size in (("each step", None), ("64 local steps", 1), ("in 2 bits", 15)):
            cells = []
            for n in MACHINES:
                data = sum(parts.values())
                if rows:
                    data += 1024 * rows[n] - parts["adamw"]  # rows of 256 numbers
                ring = 2 * (n - 1) / n
                sent = ring * data if size is None else ring * weights / 64
                if size == 15:  # each receives the messages of all others
                    sent = (n - 1) * weights / 15 / 64
                step = seconds + 8 * sent / (gigabit * 1e9)
                cells.append(f"{n * TOKENS / step:,.0f} ({seconds / step:.0%})")
            lines.append(f"| {gigabit} gigabit, {name} | " + " | ".join(cells) + " |")
    return "\n".join([f"model, from {seconds:.3f} s of computing:\n", *lines]) + "\n"


def draw_timeline(times, path):
    """A row for each process, a bar for each stage."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1.2 + 0.6 * len(times)), layout="constrained", dpi=120)
    axes, zero = figure.add_subplot(), times[:, 0].min()
    for rank, (starts, *stages) in enumerate(times):
        for start, *seconds in zip(starts, *stages, strict=True):
            left = start - zero
            for s, color, name in zip(seconds, COLORS, STAGES, strict=True):
                label = name if rank == 0 and start == starts[0] else None
                axes.barh(rank, s, left=left, color=color, height=0.7, label=label)
                left += s
    axes.set(xlabel="seconds", yticks=range(len(times)))
    axes.set_yticklabels([f"process {rank}" for rank in range(len(times))])
    axes.invert_yaxis()
    figure.legend(loc="outside upper center", ncols=3, fontsize=8)
    figure.savefig(path)


if __name__ == "__main__":
    main()
