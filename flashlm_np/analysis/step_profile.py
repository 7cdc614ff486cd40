"""Where a training step's time goes: `flashlm profile`.

Two questions. Of one step, what does each operation cost, forward and backward, and each stage
after them? And the one that FlashLM's author raised, who found the output layer to be 86 % of
training: which share of a step is the head, with all positions scored or a quarter, plain or
fused, in time and in multiply-adds, and how much faster could a step at best become if the head
cost nothing at all?
"""

from __future__ import annotations

import io
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from minigrad.look import Profile, profile

from ..data.dataset import Dataset, sample_batch
from ..files import write_atomically
from ..model.config import Config, Phase
from ..model.flashlm import FlashLM
from ..training.fast_step import Recipe
from ..training.memory import keep_freed_memory, peak_memory
from .multiply_adds import multiply_adds

HEAD = ("tied_head", "linear", "cross_entropy")  # the operations of the head, fused and plain
WARM_UP = 2  # steps that are not counted
VARIANTS = [(share, fused) for share in (1.0, 0.25) for fused in (False, True)]


@dataclass
class Measured:
    """Some steps of one configuration: their profile, and the median seconds of each."""

    profile: Profile
    steps: int
    seconds: float
    stages: dict[str, float]

    @property
    def head_seconds(self) -> float:
        """Of a step, in the head, forward and backward."""
        shares = self.profile.shares.items()
        return sum(s.seconds for (name, _), s in shares if name in HEAD) / self.steps


def measure(config: Config, phase: Phase, steps: int, threads: int | None = None) -> Measured:
    """Take `steps` steps of a phase on random tokens, and watch them."""
    rng = np.random.default_rng(config.seed)
    config = replace(config, phases=(replace(phase, first_step=1),))
    recipe = Recipe(FlashLM(config, rng), config, threads)
    tokens = rng.integers(0, config.vocab_size, 100_000)
    corpus = Dataset("random", tokens, tokens[:2])
    workers = recipe.workers.threads

    def step():
        start = time.perf_counter()
        batches = [
            sample_batch(
                corpus,
                batch=phase.batch,
                sequence=phase.sequence,
                position_share=config.position_share,
                rng=rng,
            )
            for _ in range(phase.micro_batches)
        ]
        result = recipe.step(1, batches)
        return time.perf_counter() - start, result.seconds

    for _ in range(WARM_UP):
        step()
    with profile(workers) as watched:
        taken = [step() for _ in range(steps)]
    stages = {
        name: float(np.median([laps.get(name, 0.0) for _, laps in taken]))
        for name in taken[0][1]
    }
    return Measured(watched, steps, float(np.median([s for s, _ in taken])), stages)


def run(
    config: Config, number: int, steps: int, threads: int | None, picture: Path | None
) -> None:
    """Print the profile of the preset's phase `number`, from 1, and the head's share of it."""
    keep_freed_memory()
    phase = sorted(config.phases, key=lambda phase: phase.first_step)[number - 1]
    print(f"Phase {number} of {config.preset}, {phase}: {phase.tokens:,} tokens per step")
    measured = measure(config, phase, steps, threads)
    print(step_table(measured, multiply_adds(config, phase)))
    heads = {}
    for share, fused in VARIANTS:
        variant = replace(config, position_share=share, fused=fused)
        heads[share, fused] = measure(variant, phase, max(2, steps // 2), threads)
    print(f"\n{head_table(config, phase, heads)}")
    if picture:
        draw(picture, config, phase, measured, heads)
        print(f"\nThe same as a picture: {picture}")


def step_table(measured: Measured, work: dict[str, int]) -> str:
    """Operations, stages, and what is left for the rest: batches, waiting, Python."""
    seconds = measured.seconds
    lines = [measured.profile.table(measured.steps, seconds), ""]
    stages = dict(measured.stages)
    watched = sum(s.seconds for s in measured.profile.shares.values()) / measured.steps
    stages["forward and backward"] = watched
    stages["the rest"] = seconds - sum(stages.values())
    lines += [f"{name:29}{1e3 * s:20.2f}{s / seconds:10.1%}" for name, s in stages.items()]
    products = sum(work.values())
    lines.append(
        f"{'a step':29}{1e3 * seconds:20.2f}{1:10.1%}{2e-9 * products / seconds:10.1f}"
        + ("" if peak_memory() is None else f"   peak {peak_memory() / 1e6:,.0f} MB")
    )
    return "\n".join(lines)


def head_table(config: Config, phase: Phase, heads: dict) -> str:
    """The head's share, four times, and the most that any faster head could gain."""
    lines = [
        f"{'the head':28}{'step ms':>9}{'head ms':>9}{'of time':>9}{'of mult-adds':>14}"
        f"{'ceiling':>9}"
    ]
    for (share, fused), measured in heads.items():
        of_time, of_work = _shares(config, phase, share, measured)
        name = f"{_positions(share)}, {'fused' if fused else 'plain'}"
        lines.append(
            f"{name:28}{1e3 * measured.seconds:9.1f}{1e3 * measured.head_seconds:9.1f}"
            f"{of_time:9.1%}{of_work:14.1%}{1 / (1 - of_time):8.2f}x"
        )
    return "\n".join(lines)


def _shares(config, phase, share, measured):
    """The head's share of a step in time, and of forward and backward in multiply-adds."""
    work = multiply_adds(replace(config, position_share=share), phase)
    del work["newton-schulz"]
    return measured.head_seconds / measured.seconds, work["head"] / sum(work.values())


def _positions(share):
    return "all positions" if share == 1 else "a quarter of the positions"


def draw(path: Path, config: Config, phase: Phase, measured: Measured, heads: dict) -> None:
    """Left, what each operation of a step costs; right, the head's share, four times."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.4), layout="constrained", dpi=120)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    _draw_operations(left, measured)
    _draw_heads(right, config, phase, heads)
    figure.suptitle(f"A training step of {config.preset}, {phase.tokens:,} tokens")
    data = io.BytesIO()
    figure.savefig(data, format="png")
    write_atomically(path, data.getvalue())


def _draw_operations(axes, measured):
    shares, steps = measured.profile.shares, measured.steps
    total = Counter()
    for (name, _), share in shares.items():
        total[name] += share.seconds
    names = [name for name, _ in total.most_common(8)][::-1]
    for direction, color in (("forward", "#3b6ea5"), ("backward", "#c44e52")):
        before = [
            1e3 * shares[n, "forward"].seconds / steps if direction == "backward" else 0
            for n in names
        ]
        widths = [1e3 * shares[n, direction].seconds / steps for n in names]
        axes.barh(names, widths, left=before, color=color, label=direction)
    stages = [name for name in measured.stages if name != "forward and backward"]
    axes.barh(
        stages, [1e3 * measured.stages[s] for s in stages], color="#888888", label="after them"
    )
    axes.set(xlabel="milliseconds per step")
    axes.legend(fontsize=8, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)


def _draw_heads(axes, config, phase, heads):
    for place, ((share, _), measured) in enumerate(heads.items()):
        head, rest = measured.head_seconds, measured.seconds - measured.head_seconds
        of_time, of_work = _shares(config, phase, share, measured)
        axes.bar(place, rest, color="#bbbbbb", label=None if place else "the rest of the step")
        axes.bar(place, head, bottom=rest, color="#dd9a50", label=None if place else "the head")
        axes.text(
            place,
            measured.seconds,
            f"{of_time:.0%} of time\n{of_work:.0%} of mult-adds\n"
            f"ceiling {1 / (1 - of_time):.1f}x",
            ha="center",
            va="bottom",
            fontsize=8,
        )
    names = [
        f"{'all' if share == 1 else 'a quarter'},\n{'fused' if fused else 'plain'}"
        for share, fused in heads
    ]
    axes.set_xticks(range(len(heads)), names)
    axes.set_ylim(0, 1.35 * max(m.seconds for m in heads.values()))
    axes.set_xlim(-0.7, len(heads) - 0.3)
    axes.set(ylabel="seconds per step", xlabel="scored positions, form of the head")
    axes.legend(fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
