"""The same training on several machines: processes that MPI connects.

    batch       Each process draws the windows of the whole batch, from the same random numbers,
                and reads only its own: a shard.
    gradients   g = Σ_r s_r g_r, where s_r is the part of the scored positions in shard r. So g
                is the gradient of the whole batch's mean loss.
    rows        Of a table's gradient that is rows, the ids are sent first. All processes then
                have the same union of ids, and sum only these rows.
    update      Each process makes the same update of g. So weights and optimizers have the same
                bits everywhere, and are never sent. A hash checks it.

All gradients of a step are one array and one Allreduce. Its sums have a fixed order for a fixed
number of processes, so a run repeats bit for bit.
"""

from collections import Counter

import numpy as np

from minigrad.ops import RowGradient
from minigrad.optim.norms import norm

from .agreement import AgreeingProcesses
from .gradient_buffer import packed, unpacked
from .last_words import LastWords
from .threads import default_threads, shared_cores


class MpiProcesses(AgreeingProcesses):
    """The processes of an MPI communicator.

    sent: the bytes that this process has put into each kind of message.
    """

    def __init__(self, mpi, last_words: LastWords):
        super().__init__(mpi, last_words)
        self.mpi = mpi
        self.sent: Counter[str] = Counter()
        self._buffer = np.empty(0)
        self._own = 0.0, []  # the loss and the gradients of this process alone
        # Those that share cores with this one would otherwise all use all of them.
        places = self._exchange("cores", [self.hosts[self.rank], shared_cores()])
        self.threads = max(1, default_threads() // places.count(places[self.rank]))

    def average(self, parameters, loss, share, lap):
        having = [p for p in parameters if p.grad is not None]
        self._own = loss, [p.grad for p in having]
        rows = [p.grad.ids for p in having if isinstance(p.grad, RowGradient)]
        told = self._all_told(np.array([loss * share, *map(len, rows)]))  # (count, 1 + tables)
        lap("waiting for other processes")
        counts = told[:, 1:].astype(int).T  # (tables, count)
        unions = list(map(self._union, rows, counts))
        self._buffer, views = packed([p.grad for p in having], unions, share, self._buffer)
        self.sent["gradients"] += self._buffer.nbytes
        self.comm.Allreduce(self.mpi.IN_PLACE, self._buffer)
        for p, gradient in zip(having, unpacked(self._own[1], unions, views), strict=True):
            p.grad = gradient
        lap("communication")
        return float(told[:, 0].sum())

    def _all_told(self, numbers):
        found = np.empty((self.count, len(numbers)))
        self.sent["losses and counts"] += numbers.nbytes
        self.comm.Allgather(numbers, found)
        return found

    def _union(self, ids, counts):
        """The ids (K,) that any process has, in ascending order."""
        found = np.empty(counts.sum(), ids.dtype)
        self.sent["ids of rows"] += ids.nbytes
        self.comm.Allgatherv(ids, (found, counts))
        return np.unique(found)

    def not_finite(self):
        loss, gradients = self._own
        found = self._exchange("finite", bool(np.isfinite(loss + norm(gradients))))
        return " and ".join(self.name(rank) for rank in range(self.count) if not found[rank])

    def mean(self, array):
        total = array.copy()
        self.sent["differences"] += total.nbytes
        self.comm.Allreduce(self.mpi.IN_PLACE, total)
        return total / self.count

    def others(self, array):
        array = np.asarray(array, order="C")
        found = np.empty((self.count, *array.shape), array.dtype) if self.is_first else None
        self.sent["checkpoints"] += array.nbytes
        self.comm.Gather(array, found)
        return found[1:] if self.is_first else None

    def all_of(self, array):
        found = np.empty((self.count, len(array)), array.dtype)
        self.sent["differences"] += array.nbytes
        self.comm.Allgather(array, found)
        return found
