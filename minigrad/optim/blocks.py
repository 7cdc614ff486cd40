"""The optimizers' work in blocks that stay in the cache, shared between cores.

An update such as AdamW's is a dozen NumPy calls on the same arrays. For a table of 12.9 million
weights each call passes over main memory. For a block of 131,072 only the first call does.

Gains: GAINS

    step_in_blocks             Optimizer.step, of several optimizers at once
    grad_norm_in_blocks        clip.grad_norm
    update_average_in_blocks   EMA.update

`parallel_map` is `map` or works like it. The tests hold all three equal to the plain forms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np

from ..tensor import Tensor
from .adamw import AdamW
from .ema import EMA, ema_update
from .optimizer import Optimizer
from .sgd import SGD

BLOCK_SIZE = 1 << 17  # numbers: 512 kB in float32; smaller blocks spend their time in Python
NORM_BLOCK_SIZE = 1 << 20  # a norm reads once, so its blocks only divide the work
ELEMENTWISE = (SGD, AdamW)  # update each number by itself; NorMuon needs whole matrices


def step_in_blocks(
    optimizers: Iterable[Optimizer],
    factor: float = 1.0,
    *,
    scale: float = 1.0,
    parallel_map: Callable = map,
) -> None:
    """Step each optimizer at rate lr · factor, with all gradients multiplied by `scale`."""
    jobs = [job for optimizer in optimizers for job in _jobs(optimizer, factor, scale)]
    list(parallel_map(lambda job: job(), jobs))


def _jobs(optimizer, factor, scale):
    """The updates of one optimizer, as calls that do not depend on each other."""
    for p, g, state, t in optimizer.ready():
        arrays = (p, g, *state.values())
        blocks = flat_blocks(*arrays) if isinstance(optimizer, ELEMENTWISE) else [arrays]
        for p_block, g_block, *state_blocks in blocks:
            named = dict(zip(state, state_blocks, strict=True))
            lr = optimizer.lr * factor
            yield partial(_scaled_update, optimizer, p_block, g_block, named, t, lr, scale)


def _scaled_update(optimizer, p, g, state, t, lr, scale):
    optimizer.update(p, g if scale == 1.0 else g * scale, state, t, lr)


def grad_norm_in_blocks(parameters: Iterable[Tensor], parallel_map: Callable = map) -> float:
    """The joint Euclidean norm of the gradients."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    blocks = [block for g in gradients for (block,) in flat_blocks(g, size=NORM_BLOCK_SIZE)]
    return math.sqrt(sum(parallel_map(lambda block: float(np.vdot(block, block)), blocks)))


def update_average_in_blocks(ema: EMA, parallel_map: Callable = map) -> None:
    """Move the average towards the present weights."""
    pairs = [(ema.average[name], p.data) for name, p in ema.parameters.items()]
    blocks = [block for pair in pairs for block in flat_blocks(*pair)]
    list(parallel_map(lambda block: ema_update(*block, decay=ema.decay), blocks))


def flat_blocks(
    *arrays: np.ndarray, size: int = BLOCK_SIZE
) -> Iterator[tuple[np.ndarray, ...]]:
    """The arrays cut into the same blocks of `size` numbers, as flat views to write to.

    Arrays that are not contiguous have no flat view. They come whole, as one block.
    """
    if not all(array.flags.c_contiguous for array in arrays):
        yield arrays
        return
    flat = [array.reshape(-1) for array in arrays]
    for start in range(0, flat[0].size, size):
        yield tuple(array[start : start + size] for array in flat)
