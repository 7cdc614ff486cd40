"""What a backward pass leaves in the leaves: in a dict, after an interruption, from threads."""

import copy
import pickle
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial

import numpy as np
import pytest

from minigrad import (
    DtypeError,
    GraphError,
    Operation,
    Parameter,
    ShapeError,
    Tensor,
    apply,
)
from minigrad import functional as F
from minigrad.guards import leaf_gradients


def leaf(*values, **options):
    return Tensor(np.array(values, np.float64), requires_grad=True, **options)


def exactly(text):
    return f"^{re.escape(text)}$"


def operation(backward):
    """The identity with a backward to choose; it is called with dy."""
    return Operation("mine", lambda x: (x + 0, ()), lambda dy, saved: (backward(dy),))


# -- backward(into=...) --------------------------------------------------------------------


def test_gradients_go_into_a_dict_and_the_leaves_stay():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    w.grad = np.ones(2)
    found = {}
    (x * w + x).backward([1.0, 10.0], into=found)
    assert {id(leaf) for leaf in found} == {id(x), id(w)}
    assert (found[x].tolist(), found[w].tolist()) == ([4, 50], [1, 20])
    assert (x.grad, w.grad.tolist()) == (None, [1, 1])


def test_gradients_are_added_to_those_in_the_dict_in_new_arrays():
    x, w, other = leaf(1.0), leaf(2.0), leaf(3.0)
    given = np.array([100.0])
    found = {x: given, other: given}
    (x * w).backward(into=found)
    (x * w).backward(into=found)
    assert [found[t].tolist() for t in (x, w, other)] == [[104], [2], [100]]
    assert given.tolist() == [100]


@pytest.mark.parametrize("kind", ["sum", "view", "rows", "tied"])
def test_arrays_in_the_dict_share_no_memory(kind):
    dy, found = np.ones(2), {}
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    x.grad = np.zeros(2)
    if kind == "sum":  # both gradients are the same array, dy
        loss = x + y
    elif kind == "view":  # views of one dy
        loss, dy = F.concatenate(x, y), np.ones(4)
    else:
        w = Parameter(np.ones((3, 2)))
        dy = np.ones((2, 2))
        loss = F.embedding(w, np.array([1, 1])) + (w[:2] if kind == "tied" else x)
    before = dy.copy()
    loss.backward(dy, into=found)
    arrays = [*found.values(), dy, x.data, y.data, x.grad]
    for i, array in enumerate(arrays):
        array += 10 * (i + 1)  # no other array sees it
    assert all(
        np.array_equal(g - 10 * (i + 1), expected(kind, leaf))
        for i, (leaf, g) in enumerate(found.items())
    )
    assert np.array_equal(dy - 10 * (len(found) + 1), before)


def expected(kind, leaf):
    if leaf.ndim == 2:
        return [[1, 1], [3, 3], [0, 0]] if kind == "tied" else [[0, 0], [2, 2], [0, 0]]
    return [2, 2] if kind == "rows" else [1, 1]


def test_a_list_is_no_dict():
    text = (
        "backward: into is a list; pass a dict, which gets the gradient of each leaf under the "
        "leaf itself"
    )
    with pytest.raises(TypeError, match=exactly(text)):
        (leaf(1.0) * 2).backward(into=[])


def test_a_failed_backward_leaves_the_dict_as_it_was():
    x, w = leaf(1.0, name="x"), leaf(2.0)
    found = {x: np.zeros((2, 2)), w: (old := np.ones(1))}
    text = "backward: a gradient of Tensor 'x' has shape (2, 2), expected (1,)"
    with pytest.raises(ShapeError, match=exactly(text)):
        (w * x).backward(into=found)
    assert found[w] is old
    assert old.tolist() == [1]


def test_an_operation_that_writes_into_dy_does_not_reach_the_array_of_the_caller():
    def double_in_place(dy):
        dy *= 2
        return dy

    dy = np.ones(1)
    apply(operation(double_in_place), leaf(1.0)).backward(dy)
    assert dy.tolist() == [1]


@pytest.mark.parametrize(
    ("dy", "text"),
    [
        (
            np.ma.masked_array([1.0, 2.0], [0, 1]),
            "backward: dy has a mask, which would be lost; use value.filled(0.0), and give the "
            "mask to functional.masked_fill",
        ),
        (
            [1, 1j],
            "backward: dy has dtype complex128, expected numbers that can become float64",
        ),
        ("ab", "backward: dy has dtype <U2, expected numbers that can become float64"),
        (
            np.array([1, None]),
            "backward: dy has dtype object, expected numbers that can become float64",
        ),
    ],
)
def test_a_dy_that_is_no_array_of_such_numbers_is_an_error(dy, text):
    with pytest.raises(DtypeError, match=exactly(text)):
        (leaf(1.0, 2.0) * 2).backward(dy)


@pytest.mark.parametrize("dy", [[1, 2], np.array([1, 2], ">i4"), Tensor([1.0, 2.0])])
def test_a_dy_of_another_dtype_is_converted(dy):
    x = leaf(1.0, 2.0)
    (x * 3).backward(dy)
    assert (x.grad.tolist(), x.grad.dtype) == ([3, 6], np.float64)


# -- all leaves, or none -------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_after_an_exception_in_a_backward_the_gradients_are_as_before(error):
    def fail(dy):
        raise error

    new, old, table = leaf(1.0), leaf(2.0), Parameter(np.ones((3, 1)))
    old.grad, table.grad = np.array([7.0]), np.full((3, 1), 7.0)
    buffers = old.grad, table.grad
    x = apply(operation(fail), leaf(1.0))
    loss = ((x + new) * old + F.embedding(table, np.array([2]))[0] + old).sum()
    with pytest.raises(error):
        loss.backward()
    assert new.grad is None
    assert (old.grad, table.grad) == buffers
    assert old.grad.tolist() == [7]
    assert table.grad.tolist() == [[7], [7], [7]]


class Interrupt:
    """A trace function that raises KeyboardInterrupt at one event of the backward pass."""

    def __init__(self, at):
        self.at, self.count = at, 0

    def __call__(self, frame, event, argument):
        frame.f_trace_opcodes = frame.f_code.co_filename == leaf_gradients.__file__
        self.count += 1
        if self.count == self.at:
            raise KeyboardInterrupt
        return self

    def run(self, function):
        """Whether the function was interrupted."""
        before = sys.gettrace()
        sys.settrace(self)
        try:
            function()
            return False
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(before)


def test_ctrl_c_at_any_moment_changes_all_leaves_or_none(monkeypatch):
    """The walk is interrupted at each line, and the adding at each bytecode.

    Python handles a signal at fewer places. At the other ones a `with` is not always left, so
    each run has its own lock and context.
    """
    states, interrupted, at = set(), True, 0
    while interrupted:
        at += 1
        monkeypatch.setattr(leaf_gradients, "ADDING", threading.RLock())
        x, new, w = leaf(2.0), leaf(3.0), Parameter(np.ones((3, 1)))
        x.grad, w.grad = np.zeros(1), np.zeros((3, 1))
        loss = (x * new + F.embedding(w, np.array([1, 1])).sum() + w.sum() + x).sum()
        interrupted = copy_context().run(Interrupt(at).run, loss.backward)
        grads = [None if t.grad is None else tuple(t.grad.flat) for t in (x, new, w)]
        states.add(tuple(grads))
    assert at > 200
    assert states == {((0,), None, (0, 0, 0)), ((4,), (2,), (1, 3, 1))}


def test_ctrl_c_at_any_moment_changes_all_of_a_dict_or_nothing(monkeypatch):
    states, interrupted, at = set(), True, 0
    while interrupted:
        at += 1
        monkeypatch.setattr(leaf_gradients, "ADDING", threading.RLock())
        x, new, w = leaf(2.0), leaf(3.0), Parameter(np.ones((3, 1)))
        found = {x: np.array([100.0])}
        loss = (x * new + F.embedding(w, np.array([1, 1])).sum() + w.sum() + x).sum()
        backward = partial(loss.backward, into=found)
        interrupted = copy_context().run(Interrupt(at).run, backward)
        states.add(tuple(tuple(found[t].flat) if t in found else None for t in (x, new, w)))
        assert (x.grad, new.grad, w.grad) == (None, None, None)
    assert states == {((100,), None, None), ((104,), (2,), (1, 3, 1))}


@pytest.mark.parametrize("gradient", [[2.0, 3.0], np.float32([2, 3]), (2, 3)])
def test_a_gradient_that_is_a_list_or_of_another_dtype_is_added_as_an_array(gradient):
    x = leaf(0.0, 0.0)
    for expected in ([2, 3], [4, 6]):
        apply(operation(lambda dy: gradient), x).backward(np.ones(2))
        assert x.grad.tolist() == expected
    assert x.grad.dtype == np.float64


def test_gradients_that_cannot_be_added_change_nothing():
    def of_shape(dy):
        return np.ones((1,))

    x, y = leaf(1.0), leaf(1.0, 2.0, name="y")
    loss = x * 2 + apply(operation(of_shape), y)
    text = "backward: a gradient of Tensor 'y' has shape (1,), expected (2,)"
    with pytest.raises(ShapeError, match=exactly(text)):
        loss.sum().backward()
    wrong = apply(operation(lambda dy: dy * 1j), y) + x
    text = "backward: a gradient of Tensor 'y' has dtype complex128, expected float64"
    with pytest.raises(DtypeError, match=exactly(text)):
        wrong.sum().backward()
    x.grad = np.zeros((4, 4))
    text = "backward: a gradient of Tensor (1,) has shape (4, 4), expected (1,)"
    with pytest.raises(ShapeError, match=exactly(text)):
        (y * x).sum().backward()
    assert y.grad is None


@pytest.mark.parametrize("grad", [np.float64(3), 3.0, np.broadcast_to(3.0, ())])
def test_a_gradient_that_was_set_to_a_number_or_locked_is_replaced(grad):
    x = Tensor(np.array(2.0), requires_grad=True)
    x.grad = grad
    (x * x).backward()
    assert isinstance(x.grad, np.ndarray)
    assert x.grad == 7
    assert grad == 3


def test_an_overflow_is_visible_and_raises_nothing_half_way():
    x = Tensor(np.array([1.0], np.float32), requires_grad=True)
    with np.errstate(all="raise"):
        for _ in range(2):
            apply(operation(lambda dy: np.array([3e38], np.float32)), x).backward()
    assert np.isinf(x.grad)


def test_a_class_with_a_rule_of_its_own_gets_each_gradient_at_once():
    class Last(Tensor):
        def accumulate(self, gradient):
            self.grad = np.array(gradient)

    class Half(Tensor):
        def accumulate(self, gradient):
            super().accumulate(0.5 * gradient)

    for kind, expected in ((Last, 3), (Half, 3.5)):
        x = kind(np.array(3.0), requires_grad=True)
        (x * x + x).backward()
        assert x.grad == expected


# -- threads -------------------------------------------------------------------------------


@pytest.mark.parametrize("by_steps", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_threads_that_add_into_one_leaf_lose_nothing(first, by_steps):
    threads, times = 8, 25
    w = Parameter(np.ones(100_000))
    w.grad = None if first else np.zeros(100_000)
    table = Parameter(np.ones((5, 1000)))

    def work(_):
        for _ in range(times):
            loss = (w * 1.0).sum() + F.embedding(table, np.array([1, 1, 2])).sum() + w[:1].sum()
            if by_steps:
                for _ in loss.backward_steps():
                    pass
            else:
                loss.backward()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(threads)))
    finally:
        sys.setswitchinterval(interval)
    count = threads * times
    assert set(w.grad[1:].tolist()) == {count}
    assert w.grad[0] == 2 * count
    assert table.grad[:, 7].tolist() == [0, 2 * count, count, 0, 0]


# -- copies --------------------------------------------------------------------------------


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_a_leaf_is_copied_with_its_gradient_and_a_computed_tensor_is_not(duplicate):
    w = Parameter(np.array([2.0]), name="w")
    (w * w).backward()
    twin = duplicate(w)
    assert (type(twin), twin.name, twin.requires_grad) == (Parameter, "w", True)
    (twin * twin).backward()
    assert (twin.grad.tolist(), w.grad.tolist()) == ([8], [4])
    assert duplicate(Tensor([1.0]) * 2).data.tolist() == [2]  # a constant has no graph
    text = (
        "this tensor was computed by multiply, and its graph cannot be copied or pickled; copy "
        "its numbers with Tensor(t.data.copy())"
    )
    for value in (w * w, {"loss": [w * w]}):
        with pytest.raises(GraphError, match=exactly(text)):
            duplicate(value)


def test_a_shallow_copy_of_a_computed_tensor_has_the_same_graph():
    x = leaf(3.0)
    copy.copy(x * x).backward()
    assert x.grad.tolist() == [6]


# -- one number ----------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [None, 0, -1, ()])
@pytest.mark.parametrize("name", ["sum", "mean"])
@pytest.mark.parametrize("keepdims", [False, True])
def test_sums_of_one_number_have_a_gradient(name, axis, keepdims):
    x = Tensor(np.array(3.0), requires_grad=True)
    y = getattr(x, name)(axis=axis, keepdims=keepdims)
    y.backward(np.array(2.0))
    assert (y.shape, y.item(), x.grad.shape, x.grad.item()) == ((), 3, (), 2)
