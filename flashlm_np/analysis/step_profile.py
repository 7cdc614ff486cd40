"""The time of a training step: `flashlm profile`.

It answers two questions. How long does each operation of a step take, forward and backward, and
each stage after them? And which part of a step is the output layer, which was 86 % of the
training of FlashLM's author? The second is answered for all scored positions and for a quarter
of them, plain and fused, in time and in multiply-adds. The ceiling is how many times as fast a
step would be if the head cost nothing.
"""

import statistics
import time
from dataclasses import dataclass, replace

import numpy as np

from minigrad.look import Profile, profile

from ..data.dataset import Dataset
from ..model.config import Config, Phase
from ..model.heads import HEADS
from ..model.models import new_model
from ..runs.text_counts import ngrams_of
from ..training.fast_step import FastStep
from ..training.memory import peak_memory
from ..training.shards import draw_shard
from .multiply_adds import multiply_adds

# The operations of the heads; the exact one's are fused or plain.
HEAD = ("tied_head", "linear", "cross_entropy", "exact_nll", "bit_head", *HEADS)
WARM_UP = 2  # steps that are not counted


@dataclass
class StepProfile:
    """Several steps of one configuration: their operations, and the median time of a step."""

    config: Config
    phase: Phase
    profile: Profile
    steps: int
    seconds: float
    stages: dict[str, float]  # seconds of each stage of a step

    @property
    def head_seconds(self) -> float:
        """The time of a step in the head, forward and backward."""
        costs = self.profile.stats.items()
        return sum(cost.seconds for (name, _), cost in costs if name in HEAD) / self.steps

    @property
    def head_multiply_adds(self) -> float | None:
        """The head's fraction of the multiply-adds of forward and backward.

        None if the head is not exact: those of the others depend on the targets.
        """
        if self.config.head != "exact":
            return None
        counts = multiply_adds(self.config, self.phase)
        del counts["newton-schulz"]  # it belongs to the optimizer
        return counts["head"] / sum(counts.values())

    @property
    def ceiling(self) -> float:
        """How many times as fast a step would be without the head."""
        return self.seconds / max(1e-9, self.seconds - self.head_seconds)


def measure(
    config: Config, phase: Phase, steps: int, threads: int | None = None
) -> StepProfile:
    """Profile `steps` steps of a phase on random tokens."""
    rng = np.random.default_rng(config.seed)
    config = replace(config, phases=(replace(phase, first_step=1),))
    tokens = rng.integers(0, config.vocab_size, 100_000)
    dataset = Dataset("random", tokens, tokens[:2])
    model = new_model(config, rng, ngrams=ngrams_of(config, dataset))
    fast_step = FastStep(model, config, threads)

    def step():
        start = time.perf_counter()
        shard = draw_shard(dataset, config, phase, rng, fast_step.processes)
        stages = fast_step.step(1, [shard.batch], rng).seconds
        # A clock may stand still, and the times are divided by that of a step.
        return stages | {"a step": max(1e-9, time.perf_counter() - start)}

    for _ in range(WARM_UP):
        step()
    with profile(fast_step.workers.threads) as operations:
        taken = [step() for _ in range(steps)]
    medians = {name: statistics.median(stages[name] for stages in taken) for name in taken[0]}
    return StepProfile(config, phase, operations, steps, medians.pop("a step"), medians)


def measure_heads(
    config: Config, phase: Phase, steps: int, threads: int | None = None
) -> list[StepProfile]:
    """Profile a plain and a fused head, with all positions scored and with a quarter.

    Other heads than v3's exact one have one form here. (Composed, that of the MatMul-free model
    is a bit_linear like others.)
    """
    has_two = config.model == "flashlm" and config.head == "exact"
    forms = (False, True) if has_two else (config.fused,)
    return [
        measure(replace(config, position_share=part, fused=fused), phase, steps, threads)
        for part in (1.0, 0.25)
        for fused in forms
    ]


def step_table(step: StepProfile) -> str:
    """The operations, the stages, and the rest: batches, waiting, Python."""
    seconds, stages = step.seconds, dict(step.stages)
    operations = sum(cost.seconds for cost in step.profile.stats.values())
    stages["forward and backward"] = operations / step.steps
    stages["the rest"] = seconds - sum(stages.values())
    memory = peak_memory()
    lines = [f"{name:29}{1e3 * s:20.2f}{s / seconds:10.1%}" for name, s in stages.items()]
    last = f"{'a step':29}{1e3 * seconds:20.2f}{1:10.1%}{_gflops(step):>10}"
    last += "" if memory is None else f"   peak {memory / 1e6:,.0f} MB"
    return "\n".join([step.profile.table(step.steps, seconds), "", *lines, last])


def _gflops(step):
    """Those of the counted products, per second; nothing where the head's are not counted."""
    if step.config.head != "exact":
        return ""
    return f"{2e-9 * sum(multiply_adds(step.config, step.phase).values()) / step.seconds:.1f}"


def head_table(heads: list[StepProfile]) -> str:
    """The head's part of a step for each of `measure_heads`, and the most to gain from it."""
    lines = [
        f"{'the head':34}{'step ms':>9}{'head ms':>9}{'of time':>9}{'of mult-adds':>14}"
        f"{'ceiling':>9}"
    ]
    for step in heads:
        whole = step.config.position_share == 1
        part = step.head_multiply_adds
        of_products = "not counted" if part is None else f"{part:.1%}"
        positions = "all positions" if whole else "a quarter of the positions"
        lines.append(
            f"{positions + ', ' + head_form(step):34}"
            f"{1e3 * step.seconds:9.1f}{1e3 * step.head_seconds:9.1f}"
            f"{step.head_seconds / step.seconds:9.1%}{of_products:>14}"
            f"{step.ceiling:8.2f}x"
        )
    return "\n".join(lines)


def head_form(step: StepProfile) -> str:
    """The form of the exact head, or the name of another."""
    if step.config.head != "exact":
        return step.config.head
    return "fused" if step.config.fused else "plain"
