"""All cores at once: independent pieces of work in threads, each with one BLAS thread.

NumPy and BLAS release the GIL while they compute, so plain threads run at the same time. BLAS
gets one thread while the workers work, because two pools of threads on the same cores wait for
each other. Afterwards it has its own number of threads again.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache

import numpy  # noqa: F401  (loads the BLAS that the controller searches for)
from threadpoolctl import ThreadpoolController


class Workers:
    """`threads` cores; by default as many as the process may use and BLAS was given.

    A user who sets OPENBLAS_NUM_THREADS=1, or the like, gets one core.
    """

    def __init__(self, threads: int | None = None):
        self.threads = threads or min([available_cores(), *_blas_threads()])
        self._pool = ThreadPoolExecutor(self.threads) if self.threads > 1 else None

    def map(self, work: Callable, *items: Iterable) -> list:
        """list(map(work, *items)) in parallel. Results have the items' order.

        Context of the calling thread, such as np.errstate, holds for the work, too.
        """
        calls = zip(*items, strict=True)
        if self._pool is None:
            return [work(*call) for call in calls]
        futures = [self._pool.submit(copy_context().run, work, *call) for call in calls]
        return [future.result() for future in futures]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Inside, BLAS has one thread for each worker."""
        with _controller().limit(limits=1, user_api="blas"):
            yield

    def slices(self, count: int, most: int) -> list[slice]:
        """`count` items in nearly equal slices, the same number of slices for each worker.

        No slice has more than `most` items, and none is empty.
        """
        rounds = -(-count // (self.threads * most))
        parts = min(self.threads * rounds, count)
        return [slice(count * i // parts, count * (i + 1) // parts) for i in range(parts)]

    @property
    def warning(self) -> str | None:
        """A sentence for the user if this machine's BLAS cannot be controlled."""
        if _blas_threads():
            return None
        return (
            "threadpoolctl cannot control this NumPy's BLAS: results are right, but products "
            "may use more cores than --threads says, and wait for each other"
        )


def available_cores() -> int:
    """The number of cores that this process may use. The machine may have more."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _controller():
    """The controller of NumPy's BLAS, made once because the search for it takes a while."""
    return ThreadpoolController()


def _blas_threads() -> list[int]:
    """The number of threads of each loaded BLAS that can be controlled."""
    return [pool["num_threads"] for pool in _controller().select(user_api="blas").info()]
