"""Looking: descriptions, traces and profiles."""

import numpy as np
import pytest

from minigrad import Module, Parameter, Tensor, engine, layers, no_grad
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


def test_trace_tells_every_step_in_order():
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
    forward, backward = (result.shares["matmul", d] for d in ("forward", "backward"))
    assert (forward.calls, backward.calls) == (3, 2)
    assert forward.bytes_kept == 2 * (a.data.nbytes + b.data.nbytes)
    assert backward.bytes_kept == 0
    assert sum(share.seconds for share in result.shares.values()) > 0
    head, *lines = str(result).splitlines()
    assert head.split() == ["operation", "calls", "seconds", "share", "MB", "kept"]
    rows = {tuple(line.split()[:2]): line.split()[2:] for line in lines}
    assert rows["matmul", "forward"][0] == "3"
    assert rows["matmul", "forward"][3] == "0.01"
    assert sum(float(row[2].rstrip("%")) for row in rows.values()) == pytest.approx(
        100, abs=0.5
    )
    seconds = [
        share.seconds for share in sorted(result.shares.values(), key=lambda s: -s.seconds)
    ]
    assert [float(line.split()[3]) for line in lines] == [round(s, 4) for s in seconds]


def test_an_empty_profile_and_two_nested_ones():
    with profile() as outer, profile() as inner:
        pass
    assert len(str(outer).splitlines()) == 1
    x = leaf(3)
    with profile() as outer:
        with profile() as inner:
            x.sum()
        x.sum()
    assert inner.shares["sum", "forward"].calls == 1
    assert outer.shares["sum", "forward"].calls == 2
    assert engine.observers == []


def test_saved_bytes():
    a, b = np.zeros(3), np.zeros((2, 5), np.float32)
    assert saved_bytes(()) == saved_bytes((1.0, "text", None, (2, 3))) == 0
    assert saved_bytes((a, (b, [a]), 0.5, np.float32(1))) == 24 + 40 + 24 + 4
