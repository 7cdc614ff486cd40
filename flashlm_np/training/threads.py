"""All cores at once: independent pieces of work in threads, each with one BLAS thread.

NumPy and BLAS release the GIL while they compute, so plain threads run at the same time. BLAS
gets one thread while the workers work, because two pools of threads on the same cores wait for
each other. Afterwards it has its own number of threads again.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from contextvars import copy_context
from functools import cache
from pathlib import Path

import numpy as np  # loads the BLAS that the controller searches for

QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds of CPU time, and per what
# NumPy's names of BLAS libraries that need no control. The threads of Accelerate are macOS's
# own, which shares the cores among all. The reference BLAS, and NumPy without BLAS, have none.
NEED_NO_CONTROL = ("accelerate", "blas", None)


class Workers:
    """`threads` cores; by default as many as the process may use and BLAS was given.

    A user who sets OPENBLAS_NUM_THREADS=1, or the like, gets one core.
    """

    def __init__(self, threads: int | None = None):
        self.threads = threads or default_threads()
        self._pool = None
        if self.threads > 1:
            self._pool = ThreadPoolExecutor(self.threads, initializer=_one_openmp_thread)

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
        with _limited_to_one("blas"):
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
        """A sentence for the user if NumPy's BLAS has threads that cannot be controlled."""
        name, one_thread = numpy_blas(), os.environ.get("OMP_NUM_THREADS") == "1"
        if one_thread or name in NEED_NO_CONTROL or loaded_blas():
            return None
        package = "threadpoolctl" if _controller() else "threadpoolctl, which is not installed,"
        return (
            f"{package} cannot control {name}, the BLAS of this NumPy: results are "
            "right, but its threads and the workers may wait for each other; "
            "start with OMP_NUM_THREADS=1 in the environment to avoid that"
        )


def numpy_blas() -> str | None:
    """NumPy's name of the BLAS that it was built with; None if it has none."""
    libraries = np.show_config(mode="dicts").get("Build Dependencies", {})
    blas = libraries.get("blas", {})
    return blas["name"] if blas.get("found") else None


def default_threads() -> int:
    """As many threads as cores that the process may use, and as BLAS was given."""
    # BLIS has one thread unless it is told otherwise, so that is nobody's wish.
    limits = [blas["num_threads"] for blas in loaded_blas() if blas["internal_api"] != "blis"]
    return min([available_cores(), *limits])


def available_cores() -> int:
    """The number of cores that this process may use. The machine may have more.

    The quota of a container counts, because the system stops threads that exceed it.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # Linux has it
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # no such file, or the quota is "max"
        quota, period = map(int, QUOTA.read_text(encoding="ascii").split())
        cores = min(cores, -(-quota // period))
    return cores


@cache
def _controller():
    """The controller of NumPy's BLAS, made once because the search for it takes a while.

    None without threadpoolctl, as in a browser, whose NumPy has no BLAS.
    """
    try:
        from threadpoolctl import ThreadpoolController
    except ModuleNotFoundError:
        return None
    return ThreadpoolController()


def _limited_to_one(kind):
    """A context, or a setting that stays, of one thread for "blas" or "openmp"."""
    controller = _controller()
    return controller.limit(limits=1, user_api=kind) if controller else nullcontext()


def _one_openmp_thread():
    """Limit OpenMP in this thread: its limits hold for the threads that set them.

    `at_work` is not enough for an OpenBLAS that is built on OpenMP, as some of Linux and conda.
    """
    _limited_to_one("openmp")


def limit_blas(threads: int) -> None:
    """Limit BLAS to so many threads from now on, if it can be controlled."""
    if controller := _controller():
        controller.limit(limits=threads, user_api="blas")


def shared_cores() -> list[int]:
    """The numbers of the cores that the system lets this process use; []: it does not say.

    Processes of one machine with the same numbers share these cores.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    return sorted(affinity(0)) if affinity else []


def loaded_blas() -> list[dict]:
    """A description of each loaded BLAS that can be controlled, with its `num_threads`."""
    controller = _controller()
    return controller.select(user_api="blas").info() if controller else []
