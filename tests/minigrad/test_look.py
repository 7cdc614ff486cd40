"""The text views and the profiler."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from minigrad import Module, Parameter, Tensor, apply, layers, no_grad
from minigrad import functional as F
from minigrad.look import describe, profile, saved_bytes, trace


def leaf(*shape):
    return Parameter(np.random.default_rng(0).standard_normal(shape))


def test_describe_an_array_a_tensor_and_a_module():
    assert describe(np.arange(3)) == "(3,) int64 [0, 1, 2]"
    assert describe(np.eye(2)) == "(2, 2) float64 [[1., 0.], [0., 1.]]"
    assert describe(np.zeros((0, 2))) == "(0, 2) float64 []"
    x = Tensor([1.0, 2.0], requires_grad=True)
    assert describe(x) == "tensor: (2,) float32 [1., 2.]; gradient none"
    (x * x).sum().backward()
    assert describe(x) == "tensor: (2,) float32 [1., 2.]; gradient (2,) float32 [2., 4.]"
    both = Module()
    both.norm, both.bias = layers.RMSNorm(3), Parameter([0.5])
    assert describe(both).splitlines() == [
        "bias: (1,) float32 [0.5]; gradient none",
        "norm.scale: (3,) float32 [1., 1., 1.]; gradient none",
    ]


def test_describe_a_module_without_parameters():
    dropout = layers.Dropout(0.5, rng=np.random.default_rng(0))
    assert describe(dropout) == "Dropout: no parameters"


def test_trace_and_profile_show_dropout_only_in_training():
    r = np.random.default_rng(0)
    net = layers.Sequential(
        layers.LayerNorm(3), layers.Linear(3, 2, rng=r), F.gelu, layers.Dropout(0.5, rng=r)
    )
    x = np.ones((1, 3), np.float32)
    ran = {}
    for mode in (net.train, net.eval):
        mode()
        with trace() as steps, profile() as result:
            net(x).sum().backward()
        ran[mode] = [event.operation for event in steps.events]
        assert {name for name, _ in result.stats} == set(ran[mode])
    forward = ["layer_norm", "linear", "gelu", "sum"]
    assert ran[net.eval] == forward + forward[::-1]
    training = [*forward[:3], "dropout", "sum"]
    assert ran[net.train] == training + training[::-1]


def test_trace_lists_every_step_in_order():
    w = leaf(5, 2)
    with trace() as steps:
        y = F.embedding(w, np.array([1, 1, 3]))
        F.tanh(y).sum(axis=0).backward([1.0, 2.0])
    (w * w).sum()
    assert [(e.direction, e.operation, e.shapes) for e in steps.events] == [
        ("forward", "embedding", ((5, 2), (3,))),
        ("forward", "tanh", ((3, 2),)),
        ("forward", "sum", ((3, 2),)),
        ("backward", "sum", ((2,),)),
        ("backward", "tanh", ((3, 2),)),
        ("backward", "embedding", ((3, 2),)),
    ]
    lines = str(steps).splitlines()
    assert lines[2].startswith("forward  sum                (3, 2) -> (2,) float64 [")
    assert lines[5].startswith(
        "backward embedding          (3, 2) -> (5, 2) in 3 rows: (3, 2) float64 ["
    )
    assert lines[5].endswith("; none")


def test_profile_counts_calls_seconds_and_bytes():
    a, b = leaf(30, 20), leaf(20, 10)
    with profile() as result:
        y = (a @ b) + (a @ b)
        y.sum().backward()
        with no_grad():
            a @ b
    forward, backward = (result.stats["matmul", d] for d in ("forward", "backward"))
    assert (forward.calls, backward.calls) == (3, 2)
    assert forward.bytes_kept == 2 * (a.data.nbytes + b.data.nbytes)
    assert backward.bytes_kept == 0
    assert sum(stats.seconds for stats in result.stats.values()) > 0
    assert forward.multiply_adds == 3 * 30 * 20 * 10
    assert backward.multiply_adds == 2 * 2 * 30 * 20 * 10
    assert forward.bytes_moved == 3 * 8 * (600 + 200 + 300)
    assert backward.bytes_moved == 2 * 8 * (300 + 600 + 200 + 600 + 200)
    head = str(result).splitlines()[0]
    assert head.split()[:4] == ["operation", "calls", "ms", "share"]
    rows = rows_of(str(result))
    assert rows["matmul", "forward"][0] == "3"
    assert rows["matmul", "forward"][4:] == ["0.01", "0.03"]
    shares = [float(row[2].rstrip("%")) for row in rows.values()]
    assert sum(shares) == pytest.approx(100, abs=0.5)
    assert shares == sorted(shares, reverse=True)
    per_step = rows_of(result.table(steps=3, seconds=1e6))
    assert per_step["matmul", "forward"][0] == "1"
    assert per_step["matmul", "forward"][2] == "0.0%"


def rows_of(table):
    lines = table.splitlines()[1:]
    return {tuple(line.split()[:2]): line.split()[2:] for line in lines}


def test_profile_counts_the_products_of_an_einsum_of_two_arrays():
    q, k = leaf(2, 5, 3, 7), leaf(2, 1, 3, 7)
    with profile() as result:
        F.einsum("bthe,bshe->bhts", q, k).sum().backward()
        F.einsum("bthe->t", q)
    forward, backward = (result.stats["einsum", d] for d in ("forward", "backward"))
    assert forward.multiply_adds == 2 * 3 * 5 * 1 * 7
    assert backward.multiply_adds == 2 * forward.multiply_adds


def test_a_profile_divides_the_seconds_of_parallel_threads():
    a, b = leaf(30, 20), leaf(20, 10)
    with profile(workers=2) as result, ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: a @ b, range(2)))
        alone = result.stats["matmul", "forward"].seconds
        a @ b
    assert result.stats["matmul", "forward"].calls == 3
    assert 0 < alone < result.stats["matmul", "forward"].seconds


def test_the_head_multiplies_in_its_forward_pass():
    h, w = leaf(4, 3), leaf(7, 3)
    for with_dw, products in ((True, 3), (False, 2)):
        with profile() as result:
            apply("tied_head", h, w, np.array([0, 1, 2, 6]), with_dw=with_dw).backward()
        assert result.stats["tied_head", "forward"].multiply_adds == products * 4 * 3 * 7
        assert result.stats["tied_head", "backward"].multiply_adds == 0


def test_an_empty_profile_and_two_nested_ones():
    with profile() as outer, profile() as inner:
        pass
    assert len(str(outer).splitlines()) == 1
    x = leaf(3)
    with profile() as outer:
        with profile() as inner:
            x.sum()
        x.sum()
    assert inner.stats["sum", "forward"].calls == 1
    x.sum()  # neither profile observes this call
    assert outer.stats["sum", "forward"].calls == 2


def test_saved_bytes():
    a, b = np.zeros(3), np.zeros((2, 5), np.float32)
    assert saved_bytes(()) == saved_bytes((1.0, "text", None, (2, 3))) == 0
    assert saved_bytes((a, (b, [a]), 0.5, np.float32(1))) == 24 + 40 + 24 + 4
