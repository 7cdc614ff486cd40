"""Writes between a forward and its backward: those seen by the engine, and those by NumPy."""

import re
import weakref
from array import array
from collections import deque
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest
from cases import CASES

from minigrad import (
    GraphError,
    Module,
    Operation,
    Parameter,
    Tensor,
    apply,
    detect_writes,
    no_grad,
)
from minigrad import functional as F
from minigrad.guards import writes
from minigrad.guards.inside import arrays_in
from minigrad.optim import EMA, SGD, AdamW, NorMuon, clip_grad_norm
from minigrad.optim.blocks import step_in_blocks, update_average_in_blocks


def leaf(*values, **options):
    return Tensor(np.array(values, np.float64), requires_grad=True, **options)


def exactly(text):
    return f"^{re.escape(text)}$"


def changed(tensor, operation):
    """The error about a write that the engine has seen."""
    return exactly(
        f"backward: {tensor} was changed after {operation} saved it, and the gradient of "
        f"{operation} needs the old values; call backward before the optimizer's step, "
        "load_state_dict or any other write, or run the forward again after it"
    )


class Line(Module):
    def __init__(self):
        self.w = Parameter(np.arange(6.0).reshape(2, 3) / 10)

    def forward(self, x):
        return x @ self.w.T  # matmul saves a view of w


def sgd(model):
    SGD(model.named_parameters(), lr=0.1).step()


def adamw(model):
    AdamW(model.named_parameters(), lr=0.1).step()


def normuon(model):
    NorMuon(model.named_parameters(), lr=0.1).step()


def blocks(model):
    step_in_blocks([AdamW(model.named_parameters(), lr=0.1)])


def load(model):
    model.load_state_dict({"w": np.ones((2, 3))})


def subtract(model):
    model.w.data -= 0.1 * model.w.grad


# -- writes that the engine sees -----------------------------------------------------------


@pytest.mark.parametrize("write", [sgd, adamw, normuon, blocks, load, subtract])
def test_a_write_between_forward_and_backward_is_an_error(write):
    model, x = Line(), leaf([1.0, 2.0, 3.0])
    model(x).sum().backward()
    before = x.grad.copy(), model.w.grad.copy()
    loss = (model(x) ** 2).sum()
    write(model)
    # The optimizers and the state know the parameter's name, the tensor itself does not.
    name = "(2, 3)" if write is subtract else "'w'"
    with pytest.raises(GraphError, match=changed(f"Parameter {name}", "matmul")):
        loss.backward()
    assert np.array_equal(x.grad, before[0])
    assert np.array_equal(model.w.grad, before[1])


@pytest.mark.parametrize("write", [sgd, adamw, normuon, blocks, load, subtract])
def test_a_write_after_the_backward_is_right(write):
    model, x = Line(), leaf([1.0, 2.0, 3.0])
    for _ in range(3):
        x.zero_grad()
        model(x).sum().backward()
        assert x.grad.tolist() == [model.w.data.sum(axis=0).tolist()]
        write(model)


def test_an_operation_that_saved_nothing_of_the_written_tensor_is_right():
    w, x = leaf(1.0, 2.0, name="w"), leaf(3.0, 4.0)
    y = (w + x * x).sum()
    w.data += 5
    y.backward()
    assert (w.grad.tolist(), x.grad.tolist()) == ([1, 1], [6, 8])


def test_a_new_array_is_no_write_because_the_operation_saved_the_old_one():
    w = leaf(3.0)
    y = w * w
    w.data = w.data - 1
    y.backward()
    assert w.grad.tolist() == [6.0]


@pytest.mark.parametrize("operation", ["exp", "multiply"])
def test_a_write_to_a_computed_tensor_is_an_error(operation):
    """exp saved its own output; multiply saved the same array as its input."""
    x = leaf(1.0, 2.0)
    y = F.exp(x) if operation == "exp" else x + 1
    loss = y.sum() if operation == "exp" else (y * y).sum()
    y.data *= 2
    with pytest.raises(GraphError, match=changed("Tensor (2,)", operation)):
        loss.backward()
    assert x.grad is None


def test_a_write_to_a_frozen_tensor_or_through_a_view_is_an_error():
    x, frozen = leaf(1.0, 2.0), Tensor(np.ones(2), name="frozen")
    view = Tensor(frozen.data[:1], name="view")
    loss = (x * frozen).sum()
    view.data += 1
    with pytest.raises(GraphError, match=changed("Tensor 'view'", "multiply")):
        loss.backward()


def test_a_write_to_a_neighbor_in_the_same_buffer_is_right():
    buffer = np.ones(4)
    even, odd = (Tensor(buffer[i::2], requires_grad=True) for i in range(2))
    loss = (even * even).sum()
    odd.data += 1
    loss.backward()
    assert even.grad.tolist() == [2, 2]


def test_single_steps_find_the_write_too():
    w = leaf(2.0, name="w")
    steps = ((w * w) + 1.0).backward_steps()
    w.data += 1
    next(steps)  # the addition saved nothing of w
    with pytest.raises(GraphError, match=changed("Tensor 'w'", "multiply")):
        next(steps)


def test_the_memory_of_a_written_tensor_is_freed():
    w = leaf(1.0)
    w.data += 1
    weak = weakref.ref(w.data)
    del w
    assert weak() is None


# Writes of this package into gradients, and into averages.


def add_a_gradient(x):
    (x * x).sum().backward()


def another_step(x):
    for _ in (x * x).sum().backward_steps():
        pass


@pytest.mark.parametrize(
    "write",
    [
        Tensor.zero_grad,
        add_a_gradient,
        another_step,
        lambda x: clip_grad_norm([x], 0.1),
        lambda x: SGD([x]).zero_grad(),
    ],
)
def test_a_gradient_that_a_graph_needs_must_not_change(write):
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0, name="w")
    (w * w).sum().backward()
    y = (x * w.grad).sum()
    write(w)
    with pytest.raises(GraphError, match=changed("the gradient of Tensor 'w'", "multiply")):
        y.backward()
    assert x.grad is None


@pytest.mark.parametrize(
    "write", [EMA.update, update_average_in_blocks, lambda ema: ema.load({"w": np.zeros(2)})]
)
def test_an_average_that_a_graph_needs_must_not_change(write):
    w = leaf(3.0, 4.0, name="w")
    ema = EMA([w], decay=0.5)
    y = ((w - 1) * Tensor(ema.average["w"])).sum()
    write(ema)
    with pytest.raises(GraphError, match=changed("the average of 'w'", "multiply")):
        y.backward()


# A note of a write lives as long as the memory, and knows which part of it was written to.


@pytest.mark.parametrize(
    "make",
    [np.ones, lambda n: np.frombuffer(array("d", [1.0] * n))],
    ids=["an array", "a buffer of another library"],
)
def test_a_write_through_a_view_that_is_gone_is_an_error(make):
    buffer = make(6)
    w = Tensor(buffer.reshape(2, 3), requires_grad=True)
    v = Tensor(buffer[:3], requires_grad=True, name="v")
    y = (w.T * w.T).sum()
    v.data -= 1
    del v
    with pytest.raises(GraphError, match=changed("Tensor 'v'", "multiply")):
        y.backward()


def test_writes_to_several_parts_are_all_known():
    buffer = np.ones((3, 4))
    rows = [Tensor(row, requires_grad=True, name=f"row {i}") for i, row in enumerate(buffer)]
    losses = [(row * row).sum() for row in rows]
    rows[0].data += 1
    rows[1].data += 1
    for i in range(2):
        with pytest.raises(GraphError, match=changed(f"Tensor 'row {i}'", "multiply")):
            losses[i].backward()
    losses[2].backward()
    assert rows[2].grad.tolist() == [2, 2, 2, 2]


def test_notes_of_memory_that_is_gone_are_gone():
    before = len(writes._writes)
    for _ in range(3):
        w = leaf(1.0, 2.0)
        view = Tensor(w.data[:1])
        view.data += 1
        assert len(writes._writes) == before + 1
        del w, view
    assert len(writes._writes) == before


# -- detect_writes -------------------------------------------------------------------------

BEFORE = (
    "detect_writes: {} was written to after the forward, and the backward of {} needs the old "
    "values; write after the backward, give the operation a copy, or compute inside no_grad() "
    "if no backward follows"
)
INSIDE = (
    "detect_writes: the backward of {} writes into {}, which its forward saved; make a new "
    "array instead"
)


def assign(x, constant):
    x.data[0] = 9


def add_in_place(x, constant):
    np.add(x.data, 1, out=x.data)


def change_the_constant(x, constant):
    constant[1] = 0


@pytest.mark.parametrize(
    ("write", "argument"),
    [
        (assign, "a of multiply (Tensor 'x')"),
        (add_in_place, "a of multiply (Tensor 'x')"),
        (change_the_constant, "b of multiply"),
    ],
)
@pytest.mark.parametrize("end", ["backward", "exit"])
def test_a_raw_write_is_found_at_the_backward_or_at_the_end(write, argument, end):
    x, constant = leaf(1.0, 2.0, name="x"), np.array([3.0, 4.0])

    @detect_writes()
    def compute():
        y = (x * constant).sum()
        write(x, constant)
        if end == "backward":
            y.backward()
        return y  # which keeps the graph until the end

    with pytest.raises(GraphError, match=exactly(BEFORE.format(argument, "multiply"))):
        compute()
    assert x.grad is None


def test_a_raw_write_into_an_output_is_found():
    x = leaf(1.0)
    text = BEFORE.format("the output of exp", "exp")
    with detect_writes():
        y = F.exp(x)
        y.data[...] = 0
        with pytest.raises(GraphError, match=exactly(text)):
            y.backward()
        del y


def test_raw_writes_that_no_graph_needs_are_right():
    x, constant = leaf(1.0, 2.0), np.array([3.0, 4.0])
    with detect_writes():
        for _ in range(2):
            (x * constant).sum().backward()
            x.data[0] += 1  # the graph has had its backward
        gone = x * x
        del gone
        with no_grad():
            kept = x * x
        added = x + x  # saves two shapes
        x.data[1] = 7
    assert x.grad.tolist() == [6, 8]
    assert (kept.data.tolist(), added.data.tolist()) == ([9, 4], [6, 4])


def test_an_error_inside_the_block_is_not_replaced():
    x = leaf(1.0)
    y = x * x

    @detect_writes()
    def fail():
        graph = x * x
        x.data[0] = 2
        raise KeyError(graph)

    with pytest.raises(KeyError):
        fail()
    y.backward()  # nobody watches any more
    assert x.grad.tolist() == [4]


@dataclass
class Box:
    content: object


class Slots:
    __slots__ = ("array", "unset")

    def __init__(self, array):
        self.array = array


def closure(array):
    return lambda: array


KEEP = {
    "tuple": lambda a: (a,),
    "bare array": lambda a: a,
    "list": lambda a: [0, [a]],
    "dict": lambda a: {"k": {"a": a}},
    "dataclass": lambda a: (Box(a),),
    "slots": lambda a: (Slots(a),),
    "namespace": lambda a: SimpleNamespace(inner=Box([a])),
    "closure": closure,
    "partial": lambda a: partial(np.add, a),
    "bound method": lambda a: Box(a).__repr__,
    "tensor": lambda a: Tensor(a),
    "deque": lambda a: deque([a]),
    "read-only dict": lambda a: MappingProxyType({"k": a}),
    "default": lambda a: lambda x=a: x,
    "keyword default": lambda a: lambda *, x=a: x,
    "memoryview": memoryview,
}


@pytest.mark.parametrize("kind", KEEP)
def test_a_backward_that_writes_into_what_it_saved_is_found(kind):
    def backward(dy, saved):
        (array,) = arrays_in(saved)
        array *= 2
        return (dy * array,)

    square = Operation("square", lambda x: (x * x, KEEP[kind](x)), backward)
    x = leaf(1.0, 2.0, name="x")
    text = INSIDE.format("square", "x of square (Tensor 'x')")
    with pytest.raises(GraphError, match=exactly(text)), detect_writes():
        apply(square, x).sum().backward()
    assert x.grad is None


def test_an_array_of_the_operations_own_has_its_shape_in_the_message():
    def backward(dy, saved):
        saved[0][...] = 1
        return (dy,)

    own = Operation("own", lambda x: (x + 0, [np.zeros((2, 1))]), backward)
    text = INSIDE.format("own", "an array (2, 1) that own saved")
    with pytest.raises(GraphError, match=exactly(text)), detect_writes():
        apply(own, leaf(1.0)).backward()


def test_a_saved_value_may_hold_itself_and_objects():
    value = Box(None)
    value.content = [value, np.ones(1), np.array([object()], object), int, "text", 3]
    assert [a.dtype.kind for a in arrays_in(value)] == ["f", "O"]
    same = Operation("same", lambda x: (x + 0, value), lambda dy, saved: (dy,))
    x = leaf(1.0)
    with detect_writes():
        apply(same, x).backward()
    assert x.grad.tolist() == [1]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_operation_of_the_table_writes_into_what_it_saved(case):
    inputs = [
        Tensor(a.copy(), requires_grad=True) if a.dtype.kind == "f" else a for a in case.arrays
    ]
    with detect_writes():
        y = apply(case.operation, *inputs, **case.options)
        y.backward(np.ones(y.shape))
