"""The model of rung 3 from flashlm_np's parts: a configuration in place of a class.

Rung 3 is one model. To try another mixer or another size, one writes another class. This adds:

    Config       a record of all sizes and choices, each checked. FlashLM v3, v4 and the small
                 model of this folder are three configurations of the same blocks.
    names        that a checkpoint keeps: block.glu.gate_proj.weight
    train_step   with micro-batches, clipping, a schedule, and the average of the weights. This
                 model uses the schedule only.

    python notebooks/ladder/rung4_blocks.py
"""

import math

import numpy as np
from rung1_scalars import RATE, STEPS, B, D, H, K, T, V, initial_weights

from flashlm_np.model.config import Config
from flashlm_np.model.flashlm import FlashLM
from flashlm_np.model.phase import Phase
from flashlm_np.training.optimizers import Optimizers
from flashlm_np.training.step import train_step

NAMES = {  # those of rung 1, and those of a checkpoint
    "embedding": "embedding.weight",
    "norm1": "block.norm1.scale",
    "in": "block.token_mixer.in_proj.weight",
    "kernel": "block.token_mixer.conv.weight",
    "out": "block.token_mixer.out_proj.weight",
    "norm2": "block.norm2.scale",
    "gate": "block.glu.gate_proj.weight",
    "up": "block.glu.up_proj.weight",
    "down": "block.glu.down_proj.weight",
    "norm3": "final_norm.scale",
}


def config(steps: int) -> Config:
    """The configuration that is rung 1's model and training."""
    return Config(
        vocab_size=V,
        d_model=D,
        glu_ratio=H / D,
        mixer="depthwise",
        taps=K,
        recursions=1,
        ternary_threshold=0.5,
        ternary_scale="mean",
        embedding="random",
        fused=False,  # the last layer in two operations, which can be read
        steps=steps,
        schedule_steps=0,
        warmup_steps=0,
        decay_share=1.0,  # the rate falls from the first step on
        phases=(Phase(1, T, B),),
        position_share=1.0,
        label_smoothing=0.0,
        z_loss=0.0,
        matrix_optimizer="adamw",
        adamw_lr=RATE,
        weight_decay=0.0,
        clip_norm=math.inf,
        ema_decay=0.0,
    )


def network(config: Config, dtype=np.float64) -> FlashLM:
    """FlashLM with the weights of rung 1."""
    model = FlashLM(config, np.random.default_rng(0), dtype)
    state = model.state_dict()
    own = {NAMES[name]: np.array(rows) for name, rows in initial_weights().items()}
    tied = {"lm_head.weight": own["embedding.weight"]}
    model.load_state_dict(
        {name: w.astype(dtype).reshape(state[name].shape) for name, w in (own | tied).items()}
    )
    return model


class Model:
    def __init__(self, steps=STEPS):
        self.steps, self.taken, self.network = steps, 0, network(config(steps))
        self.optimizers = Optimizers(self.network, config(steps))

    def step(self, windows) -> float:
        """Take one training step, and return the loss before it."""
        self.taken += 1
        ids, answers = np.array(windows)[:, :-1], np.array(windows)[:, 1:]  # (B, T) each
        return self.take((ids, answers, None))  # None: all positions are scored

    def take(self, batch) -> float:
        return train_step(self.network, self.optimizers, self.taken, [batch]).loss

    def logits(self, ids) -> np.ndarray:
        """The logits of the character after ids."""
        return self.network.next_logits(np.array([ids[-K:]]))[0]


if __name__ == "__main__":
    from watch import watch

    watch(Model)
