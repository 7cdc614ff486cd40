"""Changes that the library has no option for: each changes a new run in place.

Only an idea that wins becomes an option of the library.
"""

from dataclasses import dataclass

import numpy as np

from flashlm_np.runs.run_state import RunState
from flashlm_np.training.fast_step import FastStep
from minigrad import functional as F
from minigrad.layers import TernaryLinear

from .capped_head import CappedHead


class FloatLinear(TernaryLinear):
    """The same layer with its float weights as they are."""

    def forward(self, x):
        return F.linear(x, self.weight)  # (..., D) -> (..., O)


def full_precision(state: RunState) -> None:
    """Leave out the quantization of all matrices of the block."""
    for _, module in state.model.named_modules():
        if type(module) is TernaryLinear:
            module.__class__ = FloatLinear  # the same weights, under the same names


@dataclass(frozen=True)
class SoftCap:
    """Logits of the exact head between -cap and cap."""

    cap: float

    def __call__(self, state: RunState) -> None:
        _replace_head(state, CappedHead(state.config.vocab_size, cap=self.cap))


def unigram_bias(state: RunState) -> None:
    """A trained bias of each word in the exact head. It starts as ln of the word's share."""
    V = state.config.vocab_size
    counts = np.bincount(state.dataset.train, minlength=V) + 0.5
    bias = np.log(counts / counts.sum()).astype(np.float32)
    _replace_head(state, CappedHead(V, bias=bias))


def _replace_head(state, head):
    head.weight = state.model.embedding.weight
    state.model.lm_head = head
    threads = state.fast_step.workers.threads
    state.fast_step = FastStep(state.model, state.config, threads)  # it may have new weights
