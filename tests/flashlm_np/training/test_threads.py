import ctypes.util
import itertools
import os
import subprocess
import sys
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


def test_openmp_has_one_thread_in_each_worker():
    """An OpenBLAS on OpenMP asks it for the number of threads, in the thread that calls it."""
    if not (library := ctypes.util.find_library("gomp")):
        pytest.skip("no libgomp here")
    code = f"""
import ctypes
openmp = ctypes.CDLL({library!r})
from flashlm_np.training.threads import Workers
workers = Workers(2)
with workers.at_work():
    print(workers.map(lambda _: openmp.omp_get_max_threads(), range(2)))
print(openmp.omp_get_max_threads())
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"OMP_NUM_THREADS": "4"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "[1, 1]\n4\n", done.stderr


def test_a_limit_of_blas_limits_the_workers():
    if not blas_threads():
        pytest.skip("threadpoolctl cannot control this NumPy's BLAS")
    with threadpool_limits(1, user_api="blas"):
        assert Workers().threads == 1
    assert Workers(3).threads == 3


@pytest.mark.parametrize(
    ("blas", "warns"),
    [
        ({"name": "armpl", "found": True}, True),
        ({"name": "scipy-openblas", "found": True}, True),  # of which the controller is too old
        ({"name": "accelerate", "found": True}, False),  # macOS shares the cores
        ({"name": "blas", "found": True}, False),  # the reference library, with one thread
        ({"name": "none"}, False),  # NumPy's own loops
        ({}, False),
    ],
)
def test_a_blas_with_threads_that_cannot_be_controlled_gives_a_warning(
    blas, warns, monkeypatch
):
    config = {"Build Dependencies": {"blas": blas}} if blas else {}
    monkeypatch.setattr(np, "show_config", lambda mode: config)
    monkeypatch.setattr(parallel, "loaded_blas", list)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    workers = Workers()
    assert workers.threads == parallel.available_cores()
    assert (workers.warning is not None) == warns
    assert not warns or f"cannot control {blas['name']}" in workers.warning
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # the way out that the warning names
    assert workers.warning is None


def test_the_blas_of_this_machine_gives_no_warning():
    assert Workers(2).warning is None


def test_the_smallest_of_several_blas_limits_the_workers_but_not_blis(monkeypatch):
    loaded = [("openblas", 64), ("blis", 1), ("mkl", 3), ("flexiblas", 5)]
    pools = [{"internal_api": api, "num_threads": number} for api, number in loaded]
    monkeypatch.setattr(parallel, "loaded_blas", lambda: pools)
    monkeypatch.setattr(parallel, "available_cores", lambda: 16)
    assert Workers().threads == 3


@pytest.mark.parametrize(
    "setting", ["OPENBLAS_NUM_THREADS=0", "OMP_NUM_THREADS=abc", "OPENBLAS_NUM_THREADS=-3"]
)
def test_a_limit_that_is_no_number_above_0_is_none(setting):
    """BLAS takes all cores then, and so do the workers."""
    limits = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {key: os.environ[key] for key in os.environ if key not in limits}
    name, _, value = setting.partition("=")
    code = (
        "from flashlm_np.training.threads import *\n"
        "print(Workers().threads == available_cores())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {name: value},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "True\n", done.stderr


def test_the_quota_of_a_container_limits_the_cores(tmp_path, monkeypatch):
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(parallel, "QUOTA", quota)
    monkeypatch.setattr(parallel.os, "sched_getaffinity", lambda pid: range(8), raising=False)
    assert parallel.available_cores() == 8  # no such file
    for text, cores in [
        ("max 100000", 8),
        ("150000 100000", 2),
        ("50000 100000", 1),
        ("6400000 100000", 8),
        ("", 8),
    ]:
        quota.write_text(f"{text}\n", encoding="ascii")
        assert parallel.available_cores() == cores


def test_slices_have_equal_sizes_and_are_not_empty():
    for threads, most in itertools.product((1, 2, 3, 8), (1, 2, 4, 99)):
        slices = Workers(threads).slices(5, most)
        assert [i for part in slices for i in range(5)[part]] == list(range(5))
        sizes = [part.stop - part.start for part in slices]
        assert max(sizes) <= most
        assert max(sizes) - min(sizes) <= 1
        assert len(sizes) >= min(threads, 5)
        assert len(sizes) == 5 or len(sizes) % threads == 0


def test_without_threadpoolctl_the_workers_work_and_a_sentence_says_what_is_missing(
    monkeypatch,
):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)  # its import fails
    config = {"Build Dependencies": {"blas": {"name": "scipy-openblas", "found": True}}}
    monkeypatch.setattr(np, "show_config", lambda mode: config)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    parallel._controller.cache_clear()
    try:
        workers = Workers(2)
        with workers.at_work():
            assert workers.map(abs, [-1, 2]) == [1, 2]
        assert "threadpoolctl, which is not installed, cannot control" in workers.warning
    finally:
        parallel._controller.cache_clear()
