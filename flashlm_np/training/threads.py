"""Using all cores: independent pieces of work side by side, each with one BLAS thread.

NumPy and BLAS release the GIL while they compute, so plain threads run truly at once. One BLAS
thread each, because two pools on the same cores wait for each other: BLAS is held to one thread
while the workers work, and gets its own back afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache


class Workers:
    """`threads` cores; by default as many as the process may use and BLAS was given.

    Whoever sets OPENBLAS_NUM_THREADS=1, or the like, means one core, and gets one.
    """

    def __init__(self, threads: int | None = None):
        self.threads = threads or min([available_cores(), *_blas_threads()])
        self._pool = ThreadPoolExecutor(self.threads) if self.threads > 1 else None

    def map(self, work: Callable, items: Iterable) -> list:
        """[work(item) for item in items], side by side; results in the items' order.

        What is set for the calling thread, such as np.errstate, holds for the work too.
        """
        if self._pool is None:
            return [work(item) for item in items]
        futures = [self._pool.submit(copy_context().run, work, item) for item in items]
        return [future.result() for future in futures]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Inside, BLAS has one thread for each worker."""
        with _controller().limit(limits=1, user_api="blas"):
            yield

    def shares(self, count: int, most: int) -> list[slice]:
        """`count` things in nearly equal slices, the same number for each worker.

        None has more than `most`, and none is empty.
        """
        rounds = -(-count // (self.threads * most))
        parts = min(self.threads * rounds, count)
        return [slice(count * i // parts, count * (i + 1) // parts) for i in range(parts)]

    @property
    def warning(self) -> str | None:
        """What a user should know about this machine's BLAS, if anything."""
        if _blas_threads():
            return None
        return (
            "threadpoolctl cannot control this NumPy's BLAS: results are right, but products "
            "may use more cores than --threads says, and wait for each other"
        )


def available_cores() -> int:
    """The cores that this process may use, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _controller():
    """Knows the BLAS that NumPy loaded; made once, because looking it up takes a while."""
    import numpy  # noqa: F401  (whose BLAS is looked for)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _blas_threads() -> list[int]:
    """How many threads each BLAS that is loaded and can be controlled has."""
    return [pool["num_threads"] for pool in _controller().select(user_api="blas").info()]
