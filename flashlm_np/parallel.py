"""Using all cores: independent pieces of work side by side, each with one BLAS thread.

NumPy and BLAS release the GIL while they compute, so plain threads run truly at once. One BLAS
thread each, because products of a micro-batch are too small to be shared out again, and two
pools on the same cores wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache


def side_by_side(work: Callable, items: Iterable, threads: int) -> list:
    """[work(item) for item in items], up to `threads` at once; results in the items' order."""
    items = list(items)
    if min(threads, len(items)) < 2:
        return [work(item) for item in items]
    with (
        _controller().limit(limits=1, user_api="blas"),
        ThreadPoolExecutor(min(threads, len(items))) as pool,
    ):
        return list(pool.map(work, items))


@cache
def _controller():
    """Knows the BLAS that NumPy loaded; made once, because looking it up takes a while."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
