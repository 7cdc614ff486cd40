import itertools
import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from flashlm_np.training import threads as parallel
from flashlm_np.training.threads import Workers


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


# -- workers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(threads):
    def work(i):
        time.sleep(0.001 * (7 - i))
        return i * i

    assert Workers(threads).map(work, range(7)) == [i * i for i in range(7)]
    assert Workers(threads).map(work, []) == []
    assert Workers(threads).map(divmod, [7, 9], [2, 4]) == [(3, 1), (2, 1)]


def test_the_workers_run_at_the_same_time():
    barrier = threading.Barrier(3)  # fewer than three threads would wait until the timeout
    Workers(3).map(lambda _: barrier.wait(timeout=10), range(3))


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_in_a_worker_is_raised_in_the_caller(threads):
    with pytest.raises(ZeroDivisionError):
        Workers(threads).map(lambda i: 1 / i, [1, 0])


def test_workers_use_the_context_variables_of_the_caller():
    with np.errstate(all="ignore"):
        assert Workers(2).map(lambda _: np.geterr()["divide"], range(2)) == ["ignore"] * 2


@pytest.mark.parametrize("threads", [1, 2])
def test_blas_has_one_thread_while_workers_run(threads):
    if not blas_threads():
        pytest.skip("threadpoolctl cannot control this NumPy's BLAS")
    before = blas_threads()
    with Workers(threads).at_work():
        assert set(blas_threads()) == {1}
    assert blas_threads() == before


def test_a_limit_of_blas_limits_the_workers():
    if not blas_threads():
        pytest.skip("threadpoolctl cannot control this NumPy's BLAS")
    with threadpool_limits(1, user_api="blas"):
        assert Workers().threads == 1
    assert Workers(3).threads == 3


def test_a_blas_without_control_gives_a_warning(monkeypatch):
    assert Workers(2).warning is None or not blas_threads()
    monkeypatch.setattr(parallel, "_blas_threads", list)
    workers = Workers()
    assert workers.threads == parallel.available_cores()
    assert "threadpoolctl cannot control" in workers.warning


def test_slices_have_equal_sizes_and_are_not_empty():
    for threads, most in itertools.product((1, 2, 3, 8), (1, 2, 4, 99)):
        slices = Workers(threads).slices(5, most)
        assert [i for part in slices for i in range(5)[part]] == list(range(5))
        sizes = [part.stop - part.start for part in slices]
        assert max(sizes) <= most
        assert max(sizes) - min(sizes) <= 1
        assert len(sizes) >= min(threads, 5)
        assert len(sizes) == 5 or len(sizes) % threads == 0
