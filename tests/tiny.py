"""A model and a run that are small enough for fast tests."""

from dataclasses import replace

import numpy as np

from flashlm_np.model.config import Phase
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.presets import QUICKSTART

CONFIG = replace(
    QUICKSTART,
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
