import itertools
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits
from tiny import small_model

from flashlm_np.model.config import Phase
from flashlm_np.training import threads as parallel
from flashlm_np.training.fast_step import Recipe
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


def test_the_work_is_done_at_once():
    meet = threading.Barrier(3)  # which one thread alone would wait at for ever
    Workers(3).map(lambda _: meet.wait(timeout=10), range(3))


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_in_the_work_is_the_callers(threads):
    with pytest.raises(ZeroDivisionError):
        Workers(threads).map(lambda i: 1 / i, [1, 0])


def test_what_is_set_for_the_caller_holds_for_the_work():
    with np.errstate(all="ignore"):
        assert Workers(2).map(lambda _: np.geterr()["divide"], range(2)) == ["ignore"] * 2


@pytest.mark.parametrize("threads", [1, 2])
def test_blas_has_one_thread_inside_and_its_own_again_after(threads):
    if not blas_threads():
        pytest.skip("threadpoolctl cannot control this NumPy's BLAS")
    before = blas_threads()
    with Workers(threads).at_work():
        assert set(blas_threads()) == {1}
    assert blas_threads() == before


def test_whoever_limits_blas_limits_the_workers():
    if not blas_threads():
        pytest.skip("threadpoolctl cannot control this NumPy's BLAS")
    with threadpool_limits(1, user_api="blas"):
        assert Workers().threads == 1
    assert Workers(3).threads == 3


def test_a_blas_that_cannot_be_controlled_is_told(monkeypatch):
    assert Workers(2).warning is None or not blas_threads()
    monkeypatch.setattr(parallel, "_blas_threads", list)
    workers = Workers()
    assert workers.threads == parallel.available_cores()
    assert "threadpoolctl cannot control" in workers.warning


def test_shares_are_equal_and_none_is_empty():
    for threads, most in itertools.product((1, 2, 3, 8), (1, 2, 4, 99)):
        shares = Workers(threads).shares(5, most)
        assert [i for share in shares for i in range(5)[share]] == list(range(5))
        sizes = [share.stop - share.start for share in shares]
        assert max(sizes) <= most
        assert max(sizes) - min(sizes) <= 1
        assert len(sizes) >= min(threads, 5)
        assert len(sizes) == 5 or len(sizes) % threads == 0


# -- the recipe on them ------------------------------------------------------------------------


def batches(share=0.5, micro=2):
    rng = np.random.default_rng(8)

    def batch():
        ids = rng.integers(0, 31, (3, 25))
        positions = rng.permutation(3 * 24)[: int(share * 72)] if share < 1 else None
        return ids[:, :-1], ids[:, 1:], positions

    return [batch() for _ in range(micro)]


def after_two_steps(threads=1, share=0.5, frozen=False, **changes):
    """The weights, the averages and what the steps told, in float64."""
    phases = (Phase(1, 24, 3, 2, frozen_embedding=frozen),)
    options = {"phases": phases, "label_smoothing": 0.1, "z_loss": 1e-3} | changes
    model, config = small_model(**options)
    recipe = Recipe(model, replace(config, clip_norm=0.5), threads)
    told = [recipe.step(step, batches(share)) for step in (1, 2)]
    return model.state_dict() | recipe.state_dict(), [(t.loss, t.grad_norm) for t in told]


@pytest.mark.parametrize("share", [0.5, 1.0])
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("change", [{"threads": 2}, {"threads": 7}, {"fused": False}], ids=str)
def test_threads_and_fusion_change_nothing(share, frozen, change):
    arrays, told = after_two_steps(1, share, frozen)
    other_arrays, other_told = after_two_steps(share=share, frozen=frozen, **change)
    np.testing.assert_allclose(told, other_told, rtol=1e-12)
    assert arrays.keys() == other_arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_allclose(other_arrays[name], array, atol=1e-9, err_msg=name)


def test_a_frozen_embedding_does_not_move():
    before = small_model()[0].state_dict()["embedding.weight"]
    arrays, _ = after_two_steps(2, frozen=True)
    np.testing.assert_array_equal(arrays["embedding.weight"], before)
    assert not np.array_equal(after_two_steps(2)[0]["embedding.weight"], before)


def test_one_batch_is_its_micro_batches():
    """The mean of the micro-batches' losses, and of their gradients, by the engine itself."""
    model, config = small_model(label_smoothing=0.1)
    recipe = Recipe(model, config, 2)
    losses = []
    for ids, targets, positions in batches():
        loss = model.loss(ids, targets, positions, label_smoothing=0.1)
        loss.backward(0.5)
        losses.append(loss.item())
    parameters = dict(model.named_parameters())
    expected = {n: p.grad.copy() for n, p in parameters.items() if p.grad is not None}
    told = recipe.step(3, batches())
    assert told.loss == pytest.approx(np.mean(losses), rel=1e-12)
    squares = sum((g**2).sum() for g in expected.values())
    assert told.grad_norm == pytest.approx(squares**0.5, rel=1e-12)
    for name, gradient in expected.items():
        got = parameters[name].grad
        np.testing.assert_allclose(got, gradient, atol=1e-12, err_msg=name)


def test_a_lost_loss_moves_nothing():
    model, config = small_model()
    recipe = Recipe(model, config, 2)
    model.final_norm.scale.data[0] = np.nan
    before = {name: array.copy() for name, array in model.state_dict().items()}
    assert np.isnan(recipe.step(3, batches()).loss)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_steps_do_not_need_new_large_arrays():
    model, config = small_model()
    recipe = Recipe(model, config, 2)
    recipe.step(3, batches())
    kept = {name: id(array) for name, array in recipe.buffers.items()}
    recipe.step(4, batches())
    assert kept == {name: id(array) for name, array in recipe.buffers.items()}
    assert kept.keys() == {"z", "dw"}
