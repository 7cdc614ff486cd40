"""The part of a step's batch that one of several processes takes.

All processes draw the same windows and positions, from the same random numbers. Each reads only
its own windows: of a token file on the disk, no other part is read.
"""

from typing import NamedTuple

import numpy as np

from ..data.dataset import Batch, Dataset, draw_windows, read_windows
from ..errors import UserError
from ..model.config import Config, Phase
from .processes import Processes
from .replicas import positions_in


class Shard(NamedTuple):
    """The part of a batch, the positions that are scored in the whole, and the part of them."""

    batch: Batch
    scored: int
    share: float


def draw_shard(
    dataset: Dataset,
    config: Config,
    phase: Phase,
    rng: np.random.Generator,
    processes: Processes,
) -> Shard:
    """This process's shard of one step's batch."""
    T, share = phase.sequence, config.position_share
    sizes = {"batch": phase.batch, "sequence": T, "position_share": share}
    draws = [draw_windows(dataset, **sizes, rng=rng) for _ in range(phase.micro_batches)]
    starts = np.concatenate([drawn.starts for drawn in draws])
    rows = processes.shard(len(starts))
    own = read_windows(dataset, starts[rows], T)
    if share == 1:
        return Shard((*own, None), phase.tokens, len(own[0]) / len(starts))
    flat = [drawn.positions + i * phase.batch * T for i, drawn in enumerate(draws)]
    positions = np.concatenate(flat)
    here = positions_in(rows, positions, T)
    part = len(here) / len(positions)
    # Without a position there would be no mean loss. One that weighs 0 changes nothing.
    batch = *own, here if len(here) else np.zeros(1, int)
    return Shard(batch, len(positions), part)


def expect_enough_windows(config: Config, processes: Processes) -> None:
    """Raise a UserError if a process would have no window, or draws of its own."""
    for phase in config.phases:
        windows = phase.batch * phase.micro_batches
        if windows < processes.count:
            raise UserError(
                f"--phases {phase} has fewer windows in a step, {windows}, than the "
                f"{processes.count} processes; start fewer, or give larger batches"
            )
    if processes.count > 1 and (config.head, config.prior) == ("sampled", "trigram"):
        raise UserError(
            "--head sampled with --prior trigram draws positions of the whole batch, of which "
            "each of several processes has a part; choose another head, or one process"
        )
