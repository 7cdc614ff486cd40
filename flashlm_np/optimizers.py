"""FlashLM's training recipe on one step's batches: gradients, clipping, two optimizers, EMA."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from minigrad.optim import EMA, AdamW, NorMuon, clip_grad_norm, wsd

from .checkpoint import below
from .config import Config
from .model import FlashLM
from .parallel import side_by_side

# One micro-batch: ids (B, T), targets (B, T), and the flat positions of them to score, or None.
Batch = tuple[np.ndarray, np.ndarray, "np.ndarray | None"]

# A loss that overflows is told by StepResult, not by NumPy's warnings, thread by thread.
quiet = np.errstate(over="ignore", invalid="ignore")


@dataclass
class StepResult:
    """One optimizer step: the loss in nats per scored token, and the gradients' joint norm."""

    loss: float
    grad_norm: float


class Recipe:
    """The optimizers of a model and their averaged weights, as the configuration says.

    NorMuon moves every matrix but the embedding; AdamW the rest, with weight decay on the
    embedding and the convolutions and none on gains and biases.
    """

    def __init__(self, model: FlashLM, config: Config, threads: int = 1):
        self.model, self.config, self.threads = model, config, threads
        groups = {"normuon": [], "adamw": [], "adamw_conv": [], "adamw_no_decay": []}
        for name, parameter in model.named_parameters():
            groups[_group(name, parameter)].append((name, parameter))
        adamw = {"betas": (0.9, 0.95), "eps": 1e-8}
        decay, lr = config.weight_decay, config.adamw_lr
        self.optimizers = {
            "normuon": NorMuon(
                groups["normuon"], lr=config.normuon_lr, form=config.normuon_form
            ),
            "adamw": AdamW(groups["adamw"], lr=lr, weight_decay=decay, **adamw),
            "adamw_conv": AdamW(
                groups["adamw_conv"], lr=lr * config.conv_lr_ratio, weight_decay=decay, **adamw
            ),
            "adamw_no_decay": AdamW(groups["adamw_no_decay"], lr=lr, **adamw),
        }
        self.ema = EMA(model, config.ema_decay)

    def factor(self, step: int) -> float:
        """What the schedule multiplies both learning rates by at this step, counted from 1."""
        total = self.config.schedule_steps or self.config.steps
        decay_from = round(total * (1 - self.config.decay_share))
        return wsd(step, warmup=self.config.warmup_steps, decay_from=decay_from, total=total)

    @quiet
    def step(self, step: int, batches: Iterable[Batch]) -> StepResult:
        """Optimizer step number `step`, from 1, on the mean loss of its micro-batches.

        Micro-batches run side by side; their gradients are added in their order, so that the
        bits do not depend on which was done first.
        """
        model = self.model
        model.embedding.weight.requires_grad = not self.config.phase(step).frozen_embedding
        model.zero_grad()
        batches = list(batches)
        results = side_by_side(
            lambda batch: self._loss_and_gradients(batch, 1 / len(batches)),
            batches,
            self.threads,
        )
        for _, gradients in results:
            for parameter, gradient in gradients.items():
                parameter.accumulate(gradient)
        loss = sum(loss for loss, _ in results) / len(batches)
        norm = clip_grad_norm(model.parameters(), self.config.clip_norm)
        if np.isfinite(loss + norm):  # else nothing moves, and the caller sees it
            for optimizer in self.optimizers.values():
                optimizer.step(self.factor(step))
            self.ema.update()
        return StepResult(loss, norm)

    @quiet
    def _loss_and_gradients(self, batch, share):
        """The loss of one micro-batch, and `share` of its gradient for each parameter."""
        config, gradients = self.config, {}
        options = {"label_smoothing": config.label_smoothing, "z_loss": config.z_loss}
        loss = self.model.loss(*batch, **options)
        loss.backward(share, into=gradients)
        return loss.item(), gradients

    def state_dict(self) -> dict[str, np.ndarray]:
        """Optimizer state and averages, as OPTIMIZER/PARAMETER/ENTRY and ema/PARAMETER."""
        state = {f"ema/{name}": array for name, array in self.ema.average.items()}
        for name, optimizer in self.optimizers.items():
            state |= {f"{name}/{key}": array for key, array in optimizer.state_dict().items()}
        return state

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(below(f"{name}/", state))
        self.ema.load(below("ema/", state))


def _group(name, parameter):
    if parameter.ndim == 2 and name != "embedding.weight":
        return "normuon"
    if parameter.ndim == 1:
        return "adamw_no_decay"
    return "adamw_conv" if parameter.ndim == 3 else "adamw"
