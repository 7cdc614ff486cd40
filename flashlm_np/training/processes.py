"""The processes that take the steps of one run together. Usually there is one.

`Processes` is this usual case: nothing is sent, and MPI is not imported. several_machines.py
has the same methods for processes that `mpiexec` has started.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import numpy as np

from minigrad import Parameter

from ..errors import UserError


class AgreedError(UserError):
    """An error that all processes raise at the same place, so that none waits for another."""


class Processes:
    """One process, which is the first and the last.

    rank: the number of this process, from 0. count: of all processes.
    threads: the cores that this process should use; None: all.
    check_every: steps between two checks that all processes have the same bits.
    """

    rank, count = 0, 1
    threads: int | None = None
    check_every = 50

    @property
    def is_first(self) -> bool:
        """Whether this is process 0, the only one that prints and writes files."""
        return self.rank == 0

    def shard(self, windows: int) -> slice:
        """The windows of a batch that this process takes. The shards are nearly equal."""
        bounds = (windows * (self.rank + end) // self.count for end in (0, 1))
        return slice(*bounds)

    def average(
        self,
        parameters: Iterable[Parameter],
        loss: float,
        share: float,
        lap: Callable[[str], None],
    ) -> float:
        """Make each gradient the sum of share · gradient over the processes.

        share: the part of the batch's scored positions that this process has.
        lap: is called with the name of each stage that ends.
        Returns the loss of the whole batch: the same sum of the losses.
        """
        return loss

    def not_finite(self) -> str:
        """The processes whose loss or gradients were not finite before `average`, in words."""
        return ""

    def mean(self, array: np.ndarray) -> np.ndarray:
        """The mean of an array (N,) over the processes."""
        return array

    def all_of(self, array: np.ndarray) -> np.ndarray:
        """The arrays (N,) of all processes, as (count, N). Their sizes must be equal."""
        return array[None]

    def others(self, array: np.ndarray) -> np.ndarray | None:
        """The arrays of the processes after process 0, (count - 1, ...), for process 0."""
        return array[None][1:]

    def any(self, flag: bool) -> bool:
        """Whether one of the processes says so."""
        return flag

    def of_first(self, value):
        """The value of process 0: a number, a text, or None."""
        return value

    def expect_same(self, values: dict) -> None:
        """Raise an AgreedError that names a process whose values are not those of process 0."""

    def expect_equal_bits(self, when: str, arrays: dict[str, np.ndarray | bytes]) -> None:
        """Raise an AgreedError that names a process whose arrays differ from process 0's."""

    @contextmanager
    def together(self) -> Iterator[None]:
        """An error that one process raises inside, all raise at the end."""
        yield

    @contextmanager
    def one_voice(self) -> Iterator[None]:
        """Only process 0 prints. Any other error of one process ends all."""
        yield

    def set_last_words(self, sentence: str) -> None:
        """The sentence that is printed if a process is killed, and with it the run."""

    def command(self, text: str) -> str:
        """A command of flashlm, started by as many processes."""
        return text
