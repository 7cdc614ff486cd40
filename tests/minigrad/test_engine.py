"""The engine and its notation: recording, the backward pass, accumulation and memory."""

import dataclasses
import gc
import re
import tracemalloc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from minigrad import (
    TABLE,
    DtypeError,
    GraphError,
    Operation,
    Parameter,
    ShapeError,
    Tensor,
    apply,
    no_grad,
    observe,
)
from minigrad import functional as F
from minigrad.ops import RowGradient

quick = settings(derandomize=True, deadline=None, max_examples=60)


def leaf(*values, **options):
    return Tensor(np.array(values, np.float64), requires_grad=True, **options)


def exactly(text):
    return f"^{re.escape(text)}$"


@pytest.fixture
def no_garbage_collector():
    """The garbage collector is off: reference counting alone frees unused nodes."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


# -- the chain rule ------------------------------------------------------------------------


def test_a_tensor_used_twice_gets_both_gradients():
    x = leaf(3.0)
    y = x * x + x
    y.backward()
    assert x.grad.tolist() == [7.0]


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda x: x * x * x, 12.0),
        (lambda x: (x + x) * (x - x * x), -16.0),  # d(2x² - 2x³)
        (lambda x: (x * x) * (x * x), 32.0),
        (lambda x: (x * 3.0 + x * 5.0) / x, 0.0),
        (lambda x: (x**2 + 1.0 / x) * (x**2 - 1.0 / x), 32.25),  # d(x⁴ - x⁻²)
    ],
)
def test_the_gradients_of_both_arms_of_a_diamond_add_up(f, slope):
    x = leaf(2.0)
    f(x).backward()
    assert x.grad.item() == pytest.approx(slope, abs=1e-12)


def test_a_diamond_whose_arms_differ_in_length():
    """The walk must not visit x² before the longer arm has reached it."""
    x = leaf(2.0)
    square = x * x
    long = square
    for _ in range(50):
        long = long + 1.0
    (long * square).backward()
    assert x.grad.item() == pytest.approx(2 * 2 * (2 * 4 + 50))  # d(x⁴ + 50 x²)


def test_a_weight_used_twice_and_tied():
    """One table is the embedding and the output layer; its gradient is the sum of both uses."""
    rng = np.random.default_rng(0)
    w, ids, y = Parameter(rng.standard_normal((5, 3))), np.array([4, 0, 4]), np.array([1, 4, 0])
    F.tied_head(F.embedding(w, ids), w, y).backward()

    apart = Parameter(w.data.copy()), Parameter(w.data.copy())
    F.tied_head(F.embedding(apart[0], ids), apart[1], y).backward()
    np.testing.assert_allclose(w.grad, apart[0].grad + apart[1].grad, rtol=1e-14)
    assert np.abs(apart[0].grad).max() > 0


def test_a_chain_of_200_000_operations(no_garbage_collector):
    x = leaf(1.0)
    y = x
    for _ in range(200_000):
        y = y + x
    assert y.item() == 200_001
    y.backward()
    assert x.grad.tolist() == [200_001.0]


def test_a_chain_of_200_000_operations_is_freed_without_a_backward(no_garbage_collector):
    x = leaf(1.0)
    y = first = x * 2.0
    for _ in range(200_000):
        y = y + 1.0
    weak = weakref.ref(first.node)
    del y, first
    assert weak() is None


def test_a_tensor_of_several_numbers_takes_a_given_gradient():
    x = leaf(1.0, 2.0, 3.0)
    (x * x).backward([1.0, 0.0, -1.0])
    assert x.grad.tolist() == [2.0, 0.0, -6.0]


def test_gradients_add_up_over_several_backwards():
    x = leaf(3.0)
    for expected in (6.0, 12.0, 18.0):
        (x * x).backward()
        assert x.grad.tolist() == [expected]


# -- memory --------------------------------------------------------------------------------


def test_tensors_and_nodes_are_freed_when_unused(no_garbage_collector):
    x = leaf(1.0, 2.0)
    y = x * x
    z = F.exp(y)
    weak = [weakref.ref(o) for o in (y, z, y.node, z.node, z.data)]
    y_data = weakref.ref(y.data)
    del y
    assert weak[0]() is None  # a node does not hold the tensors, only what it saved
    assert y_data() is None  # exp saved its output, not its input
    del z
    assert [o() for o in weak] == [None] * 5


def test_a_walked_graph_does_not_hold_its_leaf(no_garbage_collector):
    x = leaf(1.0)
    y = x * x
    y.backward()
    weak = weakref.ref(x)
    del x
    assert weak() is None


def test_saved_arrays_and_gradients_are_freed_during_the_walk(no_garbage_collector):
    """Each step frees the saved arrays and the gradients that no later step needs."""
    x = leaf(*range(5))
    y = x
    saved = []
    for _ in range(4):
        y = F.tanh(y)
        saved.append(weakref.ref(y.data))
    loss = y.sum()
    del y
    alive, gradients = [], []
    for _node, _dy, (gradient,) in loss.backward_steps():
        gradients.append(weakref.ref(gradient))
        del gradient
        alive.append(
            (sum(a() is not None for a in saved), sum(g() is not None for g in gradients))
        )
    # Two gradients are alive: dy and the result. The first dy is a one that is not counted.
    assert alive == [(4, 1), (3, 2), (2, 2), (1, 2), (0, 2)]
    del _dy
    assert all(g() is None for g in gradients)


@pytest.mark.parametrize("leaf_first", [True, False])
def test_the_gradient_of_a_leaf_is_freed_during_the_walk(leaf_first, no_garbage_collector):
    """Of the returned gradients, only the one for the next node is alive."""
    returned, alive = [], []

    def backward(dy, saved):
        alive.append(sum(gradient() is not None for gradient in returned))
        gradients = TABLE["multiply"].backward(dy, saved)
        returned.extend(weakref.ref(gradient) for gradient in gradients)
        return gradients

    multiply = dataclasses.replace(TABLE["multiply"], backward=backward)
    y = leaf(1.0, 2.0)
    for w in [leaf(3.0, 4.0) for _ in range(4)]:
        y = apply(multiply, w, y) if leaf_first else apply(multiply, y, w)
    y.sum().backward()
    assert alive == [0, 1, 1, 1]


# -- a second backward, or no graph --------------------------------------------------------


def test_a_second_backward_is_an_error():
    y = leaf(3.0) * 2.0
    node = repr(y.node)
    y.backward()
    text = (
        f"backward: {node} was walked before and what it saved is released; "
        "run the forward again before a second backward"
    )
    assert re.fullmatch(r"Node \d+ multiply", node)
    with pytest.raises(GraphError, match=exactly(text)):
        y.backward()


def test_a_second_backward_through_a_shared_part_is_an_error():
    x = leaf(3.0)
    shared = x * x
    one, other = shared + 1.0, shared * 2.0
    one.backward()
    with pytest.raises(GraphError, match="multiply was walked before"):
        other.backward()


NO_GRAPH = (
    "backward: this tensor was not computed from a tensor with requires_grad=True, "
    "or it was computed inside no_grad"
)


def inside_no_grad():
    with no_grad():
        return leaf(1.0) * 2.0


@pytest.mark.parametrize(
    "make",
    [lambda: leaf(1.0), lambda: Tensor([1.0]) * 2.0, inside_no_grad],
    ids=["leaf", "constants", "no_grad"],
)
def test_backward_without_a_graph_is_an_error(make):
    with pytest.raises(GraphError, match=exactly(NO_GRAPH)):
        make().backward()


@pytest.mark.parametrize(
    ("dy", "text"),
    [
        (
            None,
            "backward: this tensor has shape (2,); reduce it to one number with .sum() or "
            ".mean(), or pass dy of that shape",
        ),
        (np.ones((1, 2)), "backward: dy has shape (1, 2), expected (2,)"),
        (1.0, "backward: dy has shape (), expected (2,)"),
    ],
)
def test_a_missing_dy_or_a_dy_of_another_shape_is_an_error(dy, text):
    with pytest.raises(ShapeError, match=exactly(text)):
        (leaf(1.0, 2.0) * 2.0).backward(dy)


def test_no_grad_records_nothing_and_ends_with_its_block():
    x = leaf(1.0)
    with no_grad():
        inside = x * x
        with no_grad():
            pass
        still = x * x
    outside = x * x
    assert (inside.node, still.node, inside.requires_grad) == (None, None, False)
    assert outside.node is not None
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert (x * x).node is not None


def test_operations_without_a_gradient_are_not_recorded():
    assert (Tensor([1.0]) * Tensor([2.0])).node is None


# -- accumulation --------------------------------------------------------------------------


def test_an_array_added_to_itself():
    x = leaf(1.0, 2.0)
    a = x * 3.0
    (a + a).backward([1.0, 10.0])
    assert x.grad.tolist() == [6.0, 60.0]


def test_interior_accumulation_never_aliases():
    """Both inputs of an addition get the same array dy; += on it would count it twice."""
    x = leaf(1.0)
    a = x * 1.0
    b, c = a + 0.0, a.reshape(1)
    d = (b + c) + (c + b) + a
    steps = [(dy.copy(), dy) for _, dy, _ in d.backward_steps()]
    assert x.grad.tolist() == [5.0]
    assert all(np.array_equal(then, now) for then, now in steps)


def test_dy_is_not_written_to_and_grad_is_not_dy():
    x, dy = leaf(1.0, 2.0), np.array([1.0, 2.0])
    y = x + 0.0
    y.backward(dy)
    (x + 0.0).backward(dy)
    assert dy.tolist() == [1.0, 2.0]
    assert x.grad.tolist() == [2.0, 4.0]
    assert not np.shares_memory(x.grad, dy)


def test_a_leaf_keeps_one_buffer_that_zero_grad_clears():
    x = leaf(1.0, 2.0)
    x.zero_grad()
    assert x.grad is None
    (x * x).sum().backward()
    buffer = x.grad
    x.zero_grad()
    assert x.grad is buffer
    assert buffer.tolist() == [0.0, 0.0]
    (x * x).sum().backward()
    assert x.grad is buffer
    assert buffer.tolist() == [2.0, 4.0]


@pytest.mark.parametrize("ids", [[4, 0, 4], [[1, 1], [1, 4]], []])
def test_the_gradient_of_a_lookup_is_rows(ids):
    ids = np.array(ids, int)
    w = Parameter(np.zeros((5, 2)))
    dy = np.random.default_rng(0).standard_normal((*ids.shape, 2))
    y = F.embedding(w, ids)
    ((_, _, (gradient, _)),) = y.backward_steps(dy)
    expected = np.zeros((5, 2))
    for index in np.ndindex(ids.shape):
        expected[ids[index]] += dy[index]
    assert isinstance(gradient, RowGradient)
    assert gradient.rows.size == dy.size  # the gradient is not a dense table
    assert gradient.nbytes == 8 * (ids.size + dy.size)
    np.testing.assert_allclose(w.grad, expected, rtol=1e-14)
    np.testing.assert_allclose(gradient.dense(), expected, rtol=1e-14)


@pytest.mark.parametrize("order", ["lookup first", "lookup last", "two lookups"])
def test_a_lookup_in_a_computed_table_is_densified(order):
    w = leaf(*range(5))
    table = (w * 2.0).reshape(5, 1)
    looked_up = F.embedding(table, np.array([3, 3, 0])).sum()
    other = {
        "lookup first": lambda: table.sum(),
        "lookup last": lambda: table.sum(),
        "two lookups": lambda: F.embedding(table, np.arange(5)).sum(),
    }[order]()
    (other + looked_up if order == "lookup last" else looked_up + other).backward()
    assert w.grad.tolist() == [4.0, 2.0, 2.0, 6.0, 2.0]


def test_a_frozen_leaf_gets_no_gradient():
    x, frozen = leaf(2.0), Parameter(np.array([3.0]))
    frozen.requires_grad = False
    (x * frozen).backward()
    assert frozen.grad is None
    assert x.grad.tolist() == [3.0]
    frozen.requires_grad = True
    (x * frozen).backward()
    assert frozen.grad.tolist() == [2.0]


def test_a_constant_is_not_kept(no_garbage_collector):
    x, constant = leaf(2.0), np.array([3.0])
    y = x * 1.0 + constant
    weak = weakref.ref(constant)
    del constant
    assert weak() is None
    y.backward()
    assert x.grad.tolist() == [1.0]


def test_40_sums_with_a_constant_of_1_mib_hold_nothing_of_it():
    y = Tensor(np.zeros(2**18, np.float32), requires_grad=True)
    tracemalloc.start()
    try:
        for _ in range(40):
            y = y + np.ones(2**18, np.float32)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1.2 * 2**20  # the last sum has 1 MiB; the rest is 40 nodes


# -- observers and single steps ------------------------------------------------------------


class CallRecorder:
    def __init__(self):
        self.calls = []

    def forward(self, operation, arrays, options, y, node, seconds):
        self.calls.append(("forward", operation.name, len(arrays), options, y.shape))
        assert seconds >= 0

    def backward(self, node, dy, gradients, seconds):
        self.calls.append(("backward", node.operation.name, len(gradients), dy.shape))
        assert isinstance(node.saved, tuple)
        assert seconds >= 0


def test_observers_get_every_call():
    x, outer, inner = leaf(1.0, 2.0), CallRecorder(), CallRecorder()
    with observe(outer) as same:
        assert same is outer
        y = x * x
        with observe(inner):
            y.sum(axis=0).backward()
        with no_grad():
            x.mean()
    x.sum()
    inner_calls = [
        ("forward", "sum", 1, {"axis": 0, "keepdims": False}, ()),
        ("backward", "sum", 1, ()),
        ("backward", "multiply", 2, (2,)),
    ]
    assert inner.calls == inner_calls
    assert outer.calls == [
        ("forward", "multiply", 2, {}, (2,)),
        *inner_calls,
        ("forward", "mean", 1, {"axis": None, "keepdims": False}, ()),
    ]


def test_observers_are_removed_after_an_exception():
    with pytest.raises(ShapeError), observe(CallRecorder()):
        leaf(1.0, 2.0) * leaf(1.0, 2.0, 3.0)
    recorder = CallRecorder()
    with pytest.raises(ZeroDivisionError), observe(recorder):
        _ = 1 / 0
    leaf(1.0).sum()
    assert recorder.calls == []


def test_backward_can_be_stepped_through():
    x = leaf(3.0)
    steps = ((x * x) + x).backward_steps()
    assert x.grad is None  # nothing happens until the first step
    node, dy, gradients = next(steps)
    assert (node.operation.name, dy.tolist()) == ("add", [1.0])
    assert [g.tolist() for g in gradients] == [[1.0], [1.0]]
    assert x.grad.tolist() == [1.0]  # the gradient of the direct arm
    node, dy, gradients = next(steps)
    assert node.operation.name == "multiply"
    assert x.grad.tolist() == [7.0]
    assert list(steps) == []


def test_stepping_can_be_abandoned(no_garbage_collector):
    x = leaf(3.0)
    square = x * x
    y = square + 1.0
    steps = y.backward_steps()
    next(steps)
    steps.close()
    assert x.grad is None
    with pytest.raises(GraphError, match="add was walked before"):
        y.backward()
    square.backward()  # the nodes that were not reached are unchanged
    assert x.grad.tolist() == [6.0]
    weak = weakref.ref(square.node)
    del y, square, steps
    assert weak() is None


# -- dtypes --------------------------------------------------------------------------------

single = Tensor(np.array([[1.5, -2.0], [0.5, 3.0]], np.float32), requires_grad=True)


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: x * 2.5,
        lambda x: 2 - x,
        lambda x: 1 / x,
        lambda x: x / 3,
        lambda x: x**2,
        lambda x: x ** np.float64(2.0),
        lambda x: x * np.sqrt(2.0),
        lambda x: np.sqrt(2.0) * x,
        lambda x: x / np.array(3),
        lambda x: x - np.arange(2),
        lambda x: np.zeros(2) + x,
        lambda x: np.ones((3, 2)) @ x,
        lambda x: x @ np.ones((2, 3)),
        lambda x: x * [True, False],
        lambda x: F.rms_norm(x, np.ones(2), eps=np.float64(1e-6)),
        lambda x: F.cross_entropy(x, np.array([0, 1]), label_smoothing=np.float64(0.1)),
        lambda x: x.mean(axis=np.int64(0)),
        lambda x: F.sigmoid(x[np.array([0, 0])]) / x.size,
    ],
)
def test_float32_stays_float32(compute):
    single.grad = None
    y = compute(single)
    assert y.dtype == np.float32
    for _, dy, gradients in y.backward_steps(np.ones(y.shape)):
        assert {g.dtype for g in (dy, *gradients) if g is not None} == {np.dtype(np.float32)}
    assert single.grad.dtype == np.float32


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (2, np.float32),
        (2.5, np.float32),
        ([1, 2], np.float32),
        (np.ones(2), np.float64),
        (np.float64(2.0), np.float64),
        (np.ones(2, np.float32), np.float32),
        (np.ones(2, complex), np.complex128),
    ],
)
def test_the_dtype_of_a_tensor(data, dtype):
    assert Tensor(data).dtype == dtype


def test_an_array_is_not_copied():
    array = np.ones(3)
    assert Tensor(array).data is array


@pytest.mark.parametrize(
    ("data", "dtype"), [(np.arange(3), "int64"), (np.ones(3, bool), "bool")]
)
def test_a_tensor_of_integers_is_an_error(data, dtype):
    text = (
        f"Tensor: data has dtype {dtype}, expected float32, float64 or their like; use "
        "data.astype(np.float32), and pass ids to operations as integer arrays"
    )
    with pytest.raises(DtypeError, match=exactly(text)):
        Tensor(data)


def test_mixing_two_precisions_is_an_error():
    text = (
        "multiply: the inputs have dtypes float32 and float64; make them one with "
        "Tensor(x.data.astype(np.float32)), so that no precision changes unnoticed"
    )
    with pytest.raises(DtypeError, match=exactly(text)):
        single * leaf(1.0, 2.0)


def test_functions_of_arrays_alone_keep_their_dtype():
    w, ids = np.ones((3, 2), np.float32), np.array([0, 2])
    assert F.embedding(w, ids).dtype == np.float32
    assert F.embedding(w.astype(np.float64), ids).dtype == np.float64
    assert F.add(1, [2.0, 3.0]).dtype == np.float32


def test_a_tensor_as_an_option_is_an_error():
    text = (
        "rms_norm: eps is a tensor, and options (passed by name) are never differentiated; "
        "pass its numbers, eps.data, or pass inputs by position"
    )
    with pytest.raises(TypeError, match=exactly(text)):
        F.rms_norm(single, np.ones(2), eps=Tensor(2.0))


# -- notation ------------------------------------------------------------------------------

A = np.random.default_rng(5).standard_normal((3, 2)) + 4
B = np.random.default_rng(6).standard_normal((3, 2)) + 4
S = np.random.default_rng(7).standard_normal((2, 2))


@pytest.mark.parametrize(
    "expression",
    [
        lambda a: a + B,
        lambda a: B + a,
        lambda a: a - B,
        lambda a: B - a,
        lambda a: a * B,
        lambda a: B * a,
        lambda a: a / B,
        lambda a: B / a,
        lambda a: 2 - a,
        lambda a: 1 / a,
        lambda a: np.float64(2.0) - a,
        lambda a: -a,
        lambda a: a**3,
        lambda a: a @ S,
        lambda a: S @ a.T,
        lambda a: a[1:, 0],
        lambda a: a[[0, 0]],
        lambda a: a.sum(),
        lambda a: a.sum(axis=1, keepdims=True),
        lambda a: a.mean(axis=0),
        lambda a: a.reshape(2, 3),
        lambda a: a.reshape((2, 3)),
        lambda a: a.reshape(-1),
        lambda a: a.reshape(np.int64(6)),
        lambda a: a.transpose(),
        lambda a: a.transpose(1, 0),
        lambda a: a.transpose((1, 0)),
        lambda a: a.T,
    ],
)
def test_the_notation_has_the_meaning_of_numpy(expression):
    tensor = expression(Tensor(A, requires_grad=True))
    assert tensor.node is not None
    np.testing.assert_allclose(tensor.data, expression(A), rtol=1e-15)


def test_iteration_over_a_tensor_gives_its_rows():
    x = Tensor(A, requires_grad=True)
    rows = list(x)
    assert len(rows) == len(x) == 3
    (first, *_), total = rows, sum(rows)
    first.sum().backward()
    assert x.grad.tolist() == [[1, 1], [0, 0], [0, 0]]
    np.testing.assert_allclose(total.data, A.sum(axis=0))


def test_the_attributes_and_the_repr_of_a_tensor():
    x = Tensor(A, name="x")
    assert (x.shape, x.ndim, x.size, x.dtype) == (A.shape, A.ndim, A.size, A.dtype)
    assert Tensor([2.5]).item() == 2.5
    assert repr(Tensor([1.0, 2.5], name="x")) == "Tensor 'x' (2,) float32 [1. , 2.5]"
    assert repr(Parameter(np.arange(8.0))) == (
        "Parameter (8,) float64 0 to 7, mean 3.5, std 2.29"
    )
    lost = np.array([np.nan, np.inf, *range(6)])
    assert repr(Tensor(lost)) == (
        "Tensor (8,) float64 0 to 5, mean 2.5, std 1.71, 2 NaN or infinite"
    )


def test_apply_runs_an_operation_outside_the_table():
    cube = Operation(
        "cube", lambda x: (x**3, (x,)), lambda dy, saved: (3 * dy * saved[0] ** 2,)
    )
    x = leaf(2.0)
    y = apply(cube, x)
    y.backward()
    assert (y.item(), x.grad.tolist()) == (8.0, [12.0])


@quick
@given(mutually_broadcastable_shapes(num_shapes=3, max_dims=4, max_side=4), st.integers(0, 9))
def test_broadcasting_equals_numpy_and_its_gradients_are_sums(shapes, seed):
    """The gradient of a broadcast element is the sum over all its copies."""
    rng = np.random.default_rng(seed)
    a, b, c = arrays = [np.asarray(rng.standard_normal(s)) for s in shapes.input_shapes]
    x, y, z = tensors = [Tensor(array, requires_grad=True) for array in arrays]
    result = (x - y) * z + x
    np.testing.assert_array_equal(result.data, (a - b) * c + a)
    dy = np.asarray(rng.standard_normal(shapes.result_shape))
    result.backward(dy)
    wide = [np.broadcast_to(array, shapes.result_shape) for array in arrays]
    for tensor, per_copy in zip(
        tensors, [dy * (wide[2] + 1), -dy * wide[2], dy * (wide[0] - wide[1])], strict=True
    ):
        expected = np.zeros(tensor.shape)
        padded = (1,) * (dy.ndim - tensor.ndim) + tensor.shape
        for index in np.ndindex(dy.shape):
            copied = [0 if n == 1 else i for i, n in zip(index, padded, strict=True)]
            expected[tuple(copied[dy.ndim - tensor.ndim :])] += per_copy[index]
        np.testing.assert_allclose(tensor.grad, expected, rtol=1e-9, atol=1e-12)


# -- operations that a user writes ---------------------------------------------------------


def own(forward=lambda x: (x * 1, None), backward=lambda dy, saved: (dy,)):
    return Operation("own", forward, backward)


NO_PAIR = (
    "own: forward does not return a pair; return y and the values that backward needs: "
    "`return y, (x,)`, or `return y, ()` if it needs none"
)


@pytest.mark.parametrize(
    ("forward", "text"),
    [
        (lambda x: x * 2, NO_PAIR),
        (lambda x: None, NO_PAIR),
        (lambda x: (1.0, ()), "own: forward returns a y that is a float, expected an array"),
    ],
)
def test_a_forward_that_returns_no_pair_is_a_sentence(forward, text):
    with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
        apply(own(forward), Tensor([1.0, 2.0], requires_grad=True))


@pytest.mark.parametrize(
    ("backward", "error", "text"),
    [
        (
            lambda dy, saved: None,
            TypeError,
            "own: backward returns None, expected a tuple of one gradient for each input",
        ),
        (
            lambda dy, saved: dy,
            TypeError,
            "own: backward returns an array, expected a tuple of one gradient for each input",
        ),
        (
            lambda dy, saved: (dy, dy),
            GraphError,
            "own: backward returns 2 gradients, expected one for each of 1 inputs",
        ),
    ],
)
@pytest.mark.parametrize("place", ["leaf", "computed"])
def test_a_backward_that_returns_the_wrong_gradients_is_a_sentence(
    backward, error, text, place
):
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = apply(own(backward=backward), x if place == "leaf" else x * 2.0).sum()
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        y.backward()
    assert x.grad is None


def test_a_gradient_of_a_wrong_shape_inside_of_a_graph_is_a_sentence():
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = apply(own(backward=lambda dy, saved: (np.ones((2, 3)),)), x * 2.0).sum()
    text = (
        "own: backward returns a gradient of shape (2, 3) for input 1, expected the shape "
        "of the input, (3,)"
    )
    with pytest.raises(ShapeError, match=f"^{re.escape(text)}$"):
        y.backward()
    assert x.grad is None


@pytest.mark.parametrize(
    ("name", "advice"), [("multiplyy", "did you mean 'multiply'?"), ("", "there are add, sub")]
)
def test_an_operation_that_does_not_exist_is_a_sentence(name, advice):
    with pytest.raises(KeyError, match=re.escape(f"there is no operation {name!r}; {advice}")):
        apply(name, Tensor([1.0]))
