"""A model and a run that are small enough for fast tests."""

from dataclasses import replace
from functools import partial

import numpy as np

from flashlm_np.model.config import Phase
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.presets import SMALL_V3
from flashlm_np.training.fast_step import FastStep
from flashlm_np.training.optimizers import Optimizers
from flashlm_np.training.step import train_step

CONFIG = replace(
    SMALL_V3,
    d_model=16,
    conv_groups=4,
    dilations=(1, 3),
    stories=20,
    steps=6,
    warmup_steps=2,
    decay_share=0.1,
    phases=(Phase(1, 24, 2, 2, frozen_embedding=True), Phase(3, 32, 2, 1)),
    position_share=0.5,
    eval_every=3,
    eval_tokens=300,
    save_every=2,
)

# The same as options of `flashlm train`, for texts and for stories.
TEXT_OPTIONS = """
    --mixer gated_convs
    --d-model 16 --conv-groups 4 --dilations 1 3 --steps 6 --warmup-steps 2
    --decay-share 0.1 --phases 1:24:2:2:frozen 3:32:2:1 --position-share 0.5
    --eval-every 3 --eval-tokens 300 --save-every 2
""".split()  # noqa: SIM905 (as a user types them)
OPTIONS = [*TEXT_OPTIONS, "--stories", "20"]


def small_model(dtype=np.float64, **changes):
    """Make a model of 31 tokens with random weights, also where they start constant."""
    config = replace(CONFIG, vocab_size=31, **changes)
    rng = np.random.default_rng(5)
    model = FlashLM(config, rng, dtype)
    for p in model.parameters():
        p.data += 0.1 * rng.standard_normal(p.shape).astype(dtype)
    return model, config


def optimizers_and_step(model, config, threads=None):
    """The optimizers of a model, and the function that takes a step.

    That is the plain step, or with `threads` the fast one.
    """
    if threads:
        fast = FastStep(model, config, threads)
        return fast.optimizers, fast.step
    optimizers = Optimizers(model, config)
    return optimizers, partial(train_step, model, optimizers)


def three_steps(model, config, micro_batches, threads=None, rng=None):
    """Weights, optimizer state, averages and results after three steps on the same batches."""
    optimizers, step = optimizers_and_step(model, config, threads)
    results = [step(number, micro_batches, rng) for number in (1, 2, 3)]
    arrays = model.state_dict() | optimizers.state_dict()
    return arrays, [(r.loss, r.grad_norm) for r in results]
