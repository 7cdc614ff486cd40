"""Training on the tasks with a known answer, and the accuracy against the distance.

A model learns all tasks at once, each step one of them in turn, in windows of one length. The
distances of a step are drawn evenly on a logarithmic scale. Then it is asked at each distance,
also at larger ones than it was trained on. Each mixer has the same steps, tokens and rates to
choose from; the rate is chosen by the mean accuracy of a seed that is not reported.
"""

from dataclasses import replace
from statistics import fmean

import numpy as np

from benchmarks.trial.contender import Trial
from benchmarks.trial.results import Results
from benchmarks.trial.tasks import CHOICE_SEED
from flashlm_np.data.known_answers import SPAN, TASKS, TOKENS, Questions
from flashlm_np.evaluation.recall import ROOM, accuracy_by_distance
from flashlm_np.model.config import Config
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.phase import Phase
from flashlm_np.training.fast_step import FastStep

from .contenders import mixer_of

DISTANCES = (8, 16, 32, 64, 128, 256, 512)
TOKENS_PER_STEP = 2048
EMBEDDING_STD = 0.3  # a token must be told from others from the first step on


def measure_recall(
    trial: Trial,
    results: Results,
    names: list[str],
    lengths: list[int],
    steps: int,
    seeds: list[int],
    threads: int | None = None,
) -> None:
    """Add a "recall" line for each contender, length and seed that has none."""
    for length in lengths:
        about = {"length": length, "steps": steps}
        for name in names:
            _measure(trial, results, name, CHOICE_SEED, about, threads)
        for mixer in dict.fromkeys(map(mixer_of, names)):
            best = best_of(results, [n for n in names if mixer_of(n) == mixer], **about)
            for seed in seeds:
                _measure(trial, results, best, seed, about, threads)


def best_of(results: Results, names: list[str], **about) -> str | None:
    """The contender with the best mean accuracy of the choice; None if none was measured."""
    means = {}
    for name in names:
        for line in results.lines("recall", contender=name, seed=CHOICE_SEED, **about):
            means[name] = fmean(right for right, _ in _flat(line["right"]))
    return max(means, key=means.__getitem__, default=None)


def _flat(right):
    return [pair for of_task in right.values() for pair in of_task.values()]


def _measure(trial, results, name, seed, about, threads):
    about = {"contender": name, "seed": seed, **about}
    if results.lines("recall", **about):
        return
    model = trained(trial.config(name, seed), about["length"], about["steps"], threads)
    rng, right = np.random.default_rng((seed, 1)), {}
    for task in TASKS:
        right[task] = {}
        for distance in DISTANCES:
            # Windows as in training, and longer ones only where the distance asks for them.
            length = max(about["length"], distance + ROOM)
            found = accuracy_by_distance(model, task, [distance], rng, length=length)
            right[task][str(distance)] = [found[distance].right, found[distance].questions]
    results.add("recall", **about, right=right)
    mean = fmean(right for right, _ in _flat(right))
    print(f"{name} seed {seed}, windows of {about['length']}: {mean:.1%} right", flush=True)


def trained(config: Config, length: int, steps: int, threads: int | None = None) -> FlashLM:
    """A model of this mixer that has learned the tasks in windows of `length` tokens."""
    phase = Phase(1, length, max(1, TOKENS_PER_STEP // length), 1)
    plain = config if config.head == "exact" else replace(config, head="exact")
    config = replace(
        plain,
        vocab_size=TOKENS,
        embedding="random",
        embedding_std=EMBEDDING_STD,
        steps=steps,
        schedule_steps=0,
        decay_share=0.5,
        phases=(phase,),
        position_share=1.0,
        label_smoothing=0.0,
        z_loss=0.0,
    )
    rng = np.random.default_rng(config.seed)
    model = FlashLM(config, rng)
    fast_step = FastStep(model, config, threads)
    for step in range(1, steps + 1):
        fast_step.step(step, [drawn(rng, step, phase).batch], rng)
    return model


def drawn(rng: np.random.Generator, step: int, phase: Phase) -> Questions:
    """The questions of a step: the tasks in turn, at all distances that fit."""
    task = list(TASKS)[step % len(TASKS)]
    logarithms = rng.uniform(np.log(SPAN), np.log(phase.sequence - ROOM), phase.batch)
    return TASKS[task](rng, phase.sequence, np.rint(np.exp(logarithms)).astype(int))
