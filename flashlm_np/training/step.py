"""One optimizer step of FlashLM: gradients of some micro-batches, clipping, update, average.

    loss   the mean of the micro-batches' losses, in nats per scored token; the label smoothing
           and the z-loss of the configuration are a part of it
    g      ∂loss/∂weight: each micro-batch adds its part
    g ← g · min(1, clip_norm / ‖g‖), with the norm over all weights together
    w ← w - update made of g: by NorMuon for the matrices of the block, by AdamW for the
        embedding, the head, the convolutions, gains and biases (optimizers.py)
    a ← d a + (1-d) w, the running average of the weights

fast_step.py takes the same step on all cores. The tests hold both equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from minigrad.optim import clip_grad_norm

from ..data.dataset import Batch
from ..model.language_model import LanguageModel
from .optimizers import Optimizers


@dataclass
class StepResult:
    """One optimizer step: the loss in nats per scored token, and the norm before clipping.

    seconds: the time of each stage, if it was measured.
    not_finite: of several processes, those whose loss or gradients were not finite.
    """

    loss: float
    grad_norm: float
    seconds: dict[str, float] = field(default_factory=dict)
    not_finite: str = ""


def train_step(
    model: LanguageModel,
    optimizers: Optimizers,
    step: int,
    batches: Sequence[Batch],
    rng: np.random.Generator | None = None,
) -> StepResult:
    """Take optimizer step number `step`, from 1, on a list of micro-batches.

    rng: of the sampled head, which draws words for every micro-batch.
    """
    config = optimizers.config
    # v3's first phase does not train the embedding, which starts as GPT-2's table, reduced.
    model.embedding.weight.requires_grad = not config.phase(step).frozen_embedding

    # backward() adds to the gradients, so the ones of the last step must go first.
    model.zero_grad()
    mean_loss = 0.0
    for ids, targets, positions in batches:  # (B, T), (B, T), (N,)
        loss = model.loss(ids, targets, positions, rng, **config.loss_options)
        # Because of this division, the gradients add up to the gradient of the mean loss. So
        # several batches of one size act as one large batch, and need memory for one graph.
        loss = loss / len(batches)
        loss.backward()
        mean_loss += loss.item()

    # One batch with large gradients must not fill the optimizers' averages for many steps.
    norm = clip_grad_norm(model.parameters(), config.clip_norm)

    # One factor for all groups: the rates warm up, stay, and decay to 0.
    factor = optimizers.factor(step)
    optimizers.set_momentum(step)  # constant in v3
    for optimizer in optimizers.by_group.values():
        optimizer.step(factor)  # frozen weights, and those without a gradient, stay

    # The average has less noise than the last weights, and is often the better model.
    optimizers.ema.update()
    return StepResult(mean_loss, norm)
