"""FlashLM's training recipe on one step's batches: gradients, clipping, two optimizers, EMA."""

from __future__ import annotations

import time
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from minigrad import Module, Parameter
from minigrad.engine import add_gradients
from minigrad.optim import EMA, AdamW, NorMuon, clip_scale, grad_norm, wsd

from ..model.config import Config
from ..model.flashlm import FlashLM
from .checkpoint import below
from .threads import Workers

# One micro-batch: ids (B, T), targets (B, T), and the flat positions of them to score, or None.
Batch = tuple[np.ndarray, np.ndarray, "np.ndarray | None"]

# Tokens that a worker takes through the block at once: fewer stay in its cache, more cost less
# Python. Here 512 to 2,048 were alike, and 4,096 a fifth slower.
SHARE = 1024

# A loss that overflows is told by StepResult, not by NumPy's warnings, thread by thread.
quiet = np.errstate(over="ignore", invalid="ignore")


@dataclass
class StepResult:
    """One optimizer step: the loss in nats per scored token, and the gradients' joint norm.

    seconds: how long each stage of the step took.
    """

    loss: float
    grad_norm: float
    seconds: dict[str, float] = field(default_factory=dict)


class Recipe:
    """The optimizers of a model and their averaged weights, as the configuration says.

    NorMuon moves every matrix but the embedding; AdamW the rest, with weight decay on the
    embedding and the convolutions and none on gains and biases.
    """

    def __init__(self, model: FlashLM, config: Config, threads: int | None = None):
        self.model, self.config, self.workers = model, config, Workers(threads)
        self.buffers: dict[str, np.ndarray] = {}  # of the head, kept from step to step
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

        Micro-batches, all of one shape, are one batch here: of that only the logits would be
        large, and the head makes them in blocks.
        """
        self.model.embedding.weight.requires_grad = not self.config.phase(step).frozen_embedding
        each, watch = self.workers.map, _Watch()
        with self.workers.at_work():
            loss = self._gradients(*merged(batches))
            watch.lap("forward and backward")
            norm = grad_norm(self.model.parameters(), each=each)
            watch.lap("gradient norm")
            if np.isfinite(loss + norm):  # else nothing moves, and the caller sees it
                scale = clip_scale(norm, self.config.clip_norm)
                updates = [
                    update
                    for optimizer in self.optimizers.values()
                    for update in optimizer.updates(self.factor(step), scale=scale)
                ]
                each(lambda update: update(), updates)
                watch.lap("NorMuon and AdamW")
                self.ema.update(each=each)
                watch.lap("averaged weights")
        return StepResult(loss, norm, watch.laps)

    def _gradients(self, ids, targets, positions) -> float:
        """Give each parameter the gradient of the batch's mean loss, which is returned.

        The graph is cut before the head. Up to there each worker has its own windows, forward
        and backward; in the head, where all rows are together, its own part of the vocabulary.
        """
        each, model = self.workers.map, self.model
        slices = self.workers.shares(len(ids), max(1, SHARE // ids.shape[1]))
        shares = [_share(rows, ids, targets, positions) for rows in slices]
        models = [replica(model) for _ in shares]
        hidden = each(
            lambda pair: pair[0].scored(pair[1].ids, pair[1].positions),
            zip(models, shares, strict=True),
        )
        joined = SharedParameter(np.concatenate([h.data for h in hidden]))
        head = replica(model.lm_head)
        loss = head.loss(
            joined,
            np.concatenate([share.targets for share in shares]),
            label_smoothing=self.config.label_smoothing,
            z_loss=self.config.z_loss,
            parts=self.workers.threads,
            each=each,
            buffers=self.buffers,
        )
        loss.backward()
        borders = np.cumsum([len(h) for h in hidden])[:-1]
        dh = np.split(joined.grad, borders)
        each(lambda pair: pair[0].backward(pair[1]), zip(hidden, dh, strict=True))
        for parameter in model.parameters():
            parameter.grad = None
        model.lm_head.weight.grad = head.weight.grad  # the head's own buffer, not a copy
        for parameter, *parts in zip(*(m.parameters() for m in [model, *models]), strict=True):
            for part in parts:
                if part.grad is not None:
                    parameter.accumulate(part.grad)
        return loss.item()

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


class _Watch:
    def __init__(self):
        self.laps: dict[str, float] = {}
        self.last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name], self.last = now - self.last, now


class _Share(NamedTuple):
    """One worker's windows: ids (B, T), flat positions to score or None, their targets."""

    ids: np.ndarray
    positions: np.ndarray | None
    targets: np.ndarray


def _share(rows: slice, ids, targets, positions) -> _Share:
    T = ids.shape[1]
    targets = targets[rows].reshape(-1)
    if positions is None:
        return _Share(ids[rows], None, targets)
    first, stop = rows.start * T, rows.stop * T
    here = positions[(positions >= first) & (positions < stop)] - first
    return _Share(ids[rows], here, targets[here])


class SharedParameter(Parameter):
    """A parameter that shares its array with another and sums its gradients by itself.

    A gradient is kept as it comes, rows stay rows, and the first one is not copied.
    """

    __slots__ = ()

    def accumulate(self, gradient) -> None:
        self.grad = gradient if self.grad is None else add_gradients(self.grad, gradient)


def replica(module: Module) -> Module:
    """A copy of a module with the same weight arrays, which one worker may use by itself."""
    memo = {}
    for parameter in module.parameters():
        memo[id(parameter)] = shared = SharedParameter(parameter.data)
        shared.requires_grad = parameter.requires_grad
    return deepcopy(module, memo)


def merged(batches: Iterable[Batch]) -> Batch:
    """Micro-batches of one shape as one batch, whose mean loss is the mean of theirs."""
    ids, targets, positions = zip(*batches, strict=True)
    if positions[0] is not None:
        positions = [p + i * ids[0].size for i, p in enumerate(positions)]
        return np.concatenate(ids), np.concatenate(targets), np.concatenate(positions)
    return np.concatenate(ids), np.concatenate(targets), None


def _group(name, parameter):
    if parameter.ndim == 2 and name != "embedding.weight":
        return "normuon"
    if parameter.ndim == 1:
        return "adamw_no_decay"
    return "adamw_conv" if parameter.ndim == 3 else "adamw"
