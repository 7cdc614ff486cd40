"""The model of rung 4 with the training step of real runs, on all cores.

The step of rung 4 is written to be read. It computes one operation after another, and holds
all logits at once. With 50,257 words they are most of its time and memory. This adds:

    workers      Each core takes its own windows, its own part of the vocabulary, and its own
                 part of the weights (flashlm_np/training/fast_step.py).
    fused head   The last layer and the loss in one operation. It holds few logits at a time.
    float32      Half of the bytes, and twice as many numbers in each instruction. It has 7
                 digits in place of 16. So a weight near a threshold is rounded another way
                 one day, and from this step on the losses are those of another model.

None of it pays at this size: a step of 64 characters is over before a second core could help.
`compare.py` measures all rungs at 24 and at 256 numbers per position.

To go on: `flashlm train` takes this step with docs/quick_start.md's configuration.

    python notebooks/ladder/rung5_fast_step.py
"""

from dataclasses import replace
from functools import partial

import numpy as np
import rung4_blocks
from rung1_scalars import STEPS

from flashlm_np.training.fast_step import FastStep


class Model(rung4_blocks.Model):
    def __init__(self, steps=STEPS, dtype=np.float64):
        config = replace(rung4_blocks.config(steps), fused=True)
        self.steps, self.taken = steps, 0
        self.network = rung4_blocks.network(config, dtype)
        self.fast = FastStep(self.network, config)

    def take(self, batch) -> float:
        return self.fast.step(self.taken, [batch]).loss


if __name__ == "__main__":
    from watch import watch

    watch(Model)
    print("\nThe same in float32:\n")
    watch(partial(Model, dtype=np.float32))
