"""The optimizer step of step.py, on all cores.

    one batch       All micro-batches are one batch. Only its logits would be large, and the
                    fused head never holds all of them.
    windows         Each worker takes its own windows forward and backward up to the head, on a
                    replica of the model that collects its own gradients.
    head            The head sees the rows of all windows, and each worker has its own part of
                    the vocabulary. The graph is cut there: the gradient of the head's input
                    starts the backward passes of the replicas.
    processes       On several machines, each process does this with its own windows, and the
                    gradients of all are added up.
    updates         Clipping is a factor inside the updates, which the workers share.

Gains: a step of v3's phase 1b (2,048 tokens) takes 0.61 s in place of 1.13 s on two cores, the
medians of five each, 2026-11-29. docs/speed.md measures the parts. The tests hold both equal.
One thing differs: the sampled head draws its words once for the whole batch, not once for each
micro-batch.
"""

import time
from collections.abc import Iterable

import numpy as np

from minigrad import Tensor
from minigrad.ops import RowGradient
from minigrad.optim import clip_scale
from minigrad.optim.blocks import grad_norm_in_blocks, step_in_blocks, update_average_in_blocks

from ..data.dataset import Batch
from ..model.config import Config
from ..model.language_model import LanguageModel
from ..model.prior.before import tokens_before
from .optimizers import Optimizers
from .processes import Processes
from .replicas import Replica, SharedParameter, add_part, merged, windows_of
from .step import StepResult
from .threads import Workers

# Tokens that a worker takes through the block at once. Fewer stay in its cache, and more cost
# less Python. On two cores 512 to 2,048 were alike, and 4,096 a fifth slower.
TOKENS_AT_ONCE = 1024


class FastStep:
    """A model, its optimizers, and the workers that take its steps.

    threads: the number of cores to use, by default all that the process may use.
    processes: those that take the steps together, by default this one alone.
    """

    def __init__(
        self,
        model: LanguageModel,
        config: Config,
        threads: int | None = None,
        processes: Processes | None = None,
    ):
        self.model, self.config = model, config
        self.processes = processes or Processes()
        self.workers = Workers(threads or self.processes.threads)
        self.optimizers = Optimizers(model, config)
        self.parameters = model.parameters()
        self.replicas: list[Replica] = []  # as many as a batch needs, and one for the head
        self.buffers: dict[str, np.ndarray] = {}  # of the head, kept from step to step

    # The caller sees a loss that overflows in StepResult, and needs no warning of each thread.
    @np.errstate(over="ignore", invalid="ignore")
    def step(
        self,
        step: int,
        batches: Iterable[Batch],
        rng: np.random.Generator | None = None,
        share: float = 1.0,
    ) -> StepResult:
        """Take optimizer step number `step`, from 1, on micro-batches of one shape.

        A loss or a norm that is not finite moves nothing, and is returned.

        rng: of the sampled head, which draws words in every step.
        share: of several processes, the part of all scored positions that these batches have.
        """
        self.model.embedding.weight.requires_grad = not self.config.phase(step).frozen_embedding
        parallel_map, watch = self.workers.map, _Stopwatch()
        with self.workers.at_work():
            loss = self._gradients(*merged(batches), rng)
            watch.lap("forward and backward")
            loss = self.processes.average(self.parameters, loss, share, watch.lap)
            norm = grad_norm_in_blocks(self.parameters, parallel_map)
            watch.lap("gradient norm")
            if np.isfinite(loss + norm):
                self.optimizers.set_momentum(step)
                step_in_blocks(
                    self.optimizers.by_group.values(),
                    self.optimizers.factor(step),
                    scale=clip_scale(norm, self.config.clip_norm),
                    parallel_map=parallel_map,
                )
                watch.lap("NorMuon and AdamW")
                update_average_in_blocks(self.optimizers.ema, parallel_map)
                watch.lap("averaged weights")
                return StepResult(loss, norm, watch.laps)
        return StepResult(loss, norm, watch.laps, self.processes.not_finite())

    def _gradients(self, ids, targets, positions, rng) -> float:
        """Set each parameter's gradient of the batch's mean loss, and return the loss."""
        parallel_map = self.workers.map
        slices = self.workers.slices(len(ids), max(1, TOKENS_AT_ONCE // ids.shape[1]))
        windows = (windows_of(rows, ids, targets, positions) for rows in slices)
        ids, positions, targets = zip(*windows, strict=True)  # each a tuple with one per slice
        while len(self.replicas) <= len(slices):
            self.replicas.append(Replica(self.model))
        used = self.replicas[: len(slices) + 1]
        top, *replicas = [each.begin() for each in used]
        hidden = parallel_map(LanguageModel.hidden_rows, replicas, ids, positions)
        rows = SharedParameter(np.concatenate([h.data for h in hidden]))  # (N, D)
        before = np.concatenate(list(map(tokens_before, ids, positions)))  # (N, 2)
        y = np.concatenate(targets)  # (N,)
        # Of this replica, only the head and the prior are used.
        loss = top.loss_of_rows(rows, before, y, rng, **self._head_options())
        loss.backward()
        borders = np.cumsum([len(h) for h in hidden])[:-1]
        parallel_map(Tensor.backward, hidden, np.split(rows.grad, borders))
        self._add_up(*used)
        return loss.item()

    def _head_options(self):
        return self.config.loss_options | {
            # A frozen table needs no gradient, which is a third of the work of the exact head.
            "with_dw": self.model.lm_head.weight.requires_grad,
            "parts": self.workers.threads,
            "parallel_map": self.workers.map,
            "buffers": self.buffers,
        }

    def _add_up(self, top, *replicas):
        """Set the model's gradients to the sums of the head's and the replicas'."""
        # The head's own buffers, not copies: v3's table has 51 MB.
        for parameter, part in zip(self.parameters, top.parameters, strict=True):
            parameter.grad = part.grad
        for each in replicas:
            for parameter, part in zip(self.parameters, each.parameters, strict=True):
                if part.grad is not None:
                    add_part(parameter, part.grad)
        for parameter in self.parameters:
            if isinstance(parameter.grad, RowGradient):  # else norm and step do this again
                parameter.grad = parameter.grad.compact()


class _Stopwatch:
    def __init__(self):
        self.laps: dict[str, float] = {}
        self.last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name], self.last = now - self.last, now
