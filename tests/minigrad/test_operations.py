"""Every operation of the table, on every case: its values, its gradients, and its contract."""

import cmath
import importlib
import math
import re

import numpy as np
import pytest
from cases import CASES, Case, arrays_in, cases_of, locked, normal

from minigrad import TABLE, DtypeError, ShapeError, Tensor, functional
from minigrad.gradcheck import gradcheck
from minigrad.look import saved_bytes
from minigrad.ops import (
    RowGradient,
    bit_linear,
    causal_attention,
    causal_attention_fast,
    causal_conv,
    mlgru,
    tied_head,
    tied_head_fast,
)

SMALL = 80  # inputs to differentiate one by one
every_case = pytest.mark.parametrize("case", CASES, ids=str)
small_cases = pytest.mark.parametrize("case", [c for c in CASES if c.numbers <= SMALL], ids=str)


def dense(gradient):
    return gradient.dense() if isinstance(gradient, RowGradient) else gradient


def in_float32(case):
    return [a.astype(np.float32) if a.dtype.kind == "f" else a for a in case.arrays]


@pytest.fixture
def small_blocks(monkeypatch):
    """The tied head works in blocks of 3 tokens and 2 rows: 7 tokens need 3 blocks.

    Attention works in blocks of 2 positions.
    """
    monkeypatch.setattr(tied_head_fast, "VOCABULARY_BLOCK", 3)
    monkeypatch.setattr(tied_head_fast, "ROWS", 2)
    monkeypatch.setattr(tied_head, "ROWS", 2)
    monkeypatch.setattr(causal_attention_fast, "ROWS", 2)


# -- the table -----------------------------------------------------------------------------


def test_every_operation_has_cases():
    assert {case.operation_name for case in CASES} == set(TABLE)


def test_every_operation_has_a_small_case_a_view_and_a_reference():
    assert {case.operation_name for case in CASES if case.numbers <= SMALL} == set(TABLE)
    assert {case.operation_name for case in CASES if case.label == "view"} == set(TABLE)
    assert set(REFERENCES) == set(SAVED) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_every_operation_has_a_page_and_is_a_function_of_tensors(name):
    module = TABLE[name].forward.__module__.removesuffix("_fast")
    page = importlib.import_module(module).__doc__
    assert f"{module.replace('.', '/')}.py" in getattr(functional, name).__doc__
    for heading in ("forward", "backward", "saved", "source"):
        assert re.search(rf"^ *{heading}\s", page, re.MULTILINE)


# -- gradients -----------------------------------------------------------------------------


@every_case
def test_gradients_pass_the_projection_check(case):
    gradcheck(case.operation, *case.arrays, **case.options)


@small_cases
def test_every_element_of_a_gradient_equals_its_difference(case):
    report = gradcheck(case.operation, *case.arrays, mode="full", **case.options)
    assert len(report.compared) == case.numbers


@every_case
def test_gradients_pass_the_complex_step(case):
    gradcheck(case.operation, *case.arrays, mode="complex", tolerance=1e-11, **case.options)


@pytest.mark.parametrize("case", cases_of("tied_head"), ids=str)
def test_the_tied_head_in_small_blocks_passes_the_full_check(case, small_blocks):
    gradcheck(case.operation, *case.arrays, mode="full", **case.options)


# -- contract ------------------------------------------------------------------------------


@every_case
def test_gradients_have_the_shape_of_their_inputs_and_integers_have_none(case):
    y, saved = case.operation.forward(*case.arrays, **case.options)
    gradients = case.operation.backward(np.ones_like(y), saved)
    for array, gradient in zip(case.arrays, gradients, strict=True):
        assert (gradient is None) == (array.dtype.kind != "f")
        assert gradient is None or gradient.shape == array.shape
    integers = [i for i, array in enumerate(case.arrays) if array.dtype.kind != "f"]
    assert list(case.operation.integer_inputs) == integers


@every_case
def test_float32_stays_float32(case):
    arrays = in_float32(case)
    y, saved = case.operation.forward(*arrays, **case.options)
    dy = np.ones_like(y)
    kept = [y, *arrays_in(saved), *case.operation.backward(dy, saved)]
    kinds = {array.dtype for array in kept if array is not None and array.dtype.kind == "f"}
    assert kinds == {np.dtype(np.float32)}


@every_case
def test_float32_stays_float32_with_numpy_numbers_as_options(case):
    options = {
        option: np.float64(value) if isinstance(value, float) else value
        for option, value in case.options.items()
    }
    inputs = [Tensor(a) if a.dtype.kind == "f" else a for a in in_float32(case)]
    if case.operation_name == "einsum":  # as in NumPy, its text comes first
        inputs.insert(0, options.pop("subscripts"))
    assert getattr(functional, case.operation_name)(*inputs, **options).dtype == np.float32


@every_case
def test_writes_to_no_argument_and_gives_the_same_result_twice(case):
    arrays = locked(case.arrays)
    y, saved = case.operation.forward(*arrays, **case.options)
    again, _ = case.operation.forward(*arrays, **case.options)
    np.testing.assert_array_equal(y, again)
    (dy,) = locked([normal(*np.shape(y))])
    for array in arrays_in(saved):
        array.flags.writeable = False
    first, second = case.operation.backward(dy, saved), case.operation.backward(dy, saved)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(dense(one), dense(other))


# The saved bytes that each page states for float32: f(y, *arrays, **options).
SAVED = {
    "add": lambda y, a, b: 0,
    "subtract": lambda y, a, b: 0,
    "multiply": lambda y, a, b: 4 * (a.size + b.size),
    "divide": lambda y, a, b: 4 * (a.size + b.size),
    "power": lambda y, a, p: 4 * a.size,
    "general_power": lambda y, a, b: 4 * (a.size + b.size + y.size),
    "exp": lambda y, x: 4 * y.size,
    "log": lambda y, x: 4 * x.size,
    "sqrt": lambda y, x: 4 * y.size,
    "tanh": lambda y, x: 4 * y.size,
    "sigmoid": lambda y, x: 4 * y.size,
    "relu": lambda y, x: 4 * y.size,
    "relu_squared": lambda y, x: 4 * x.size,
    "gelu": lambda y, x, **_: 8 * x.size,
    "silu": lambda y, x: 8 * x.size,
    "sum": lambda y, x, **options: 0,
    "mean": lambda y, x, **options: 0,
    "var": lambda y, x, **options: 4 * x.size,
    "max": lambda y, x, **options: x.size,
    "min": lambda y, x, **options: x.size,
    "softmax": lambda y, x, **options: 4 * y.size,
    "log_softmax": lambda y, x, **options: 4 * y.size,
    "abs": lambda y, x: 4 * x.size,
    "clip": lambda y, x, **options: x.size,
    "maximum": lambda y, a, b: 2 * y.size,
    "minimum": lambda y, a, b: 2 * y.size,
    "where": lambda y, condition, a, b: condition.size,
    "masked_fill": lambda y, x, mask, value: mask.size,
    "cumulative_sum": lambda y, x, axis: 0,
    "reshape": lambda y, x, shape: 0,
    "transpose": lambda y, x, axes=None: 0,
    "concatenate": lambda y, *arrays, axis=0: 0,
    "stack": lambda y, *arrays, axis=0: 0,
    "index": lambda y, x, key: sum(a.nbytes for a in arrays_in(key)),
    "select_rows": lambda y, x, rows: rows.nbytes,
    "matmul": lambda y, a, b: 4 * (a.size + b.size),
    "einsum": lambda y, *arrays, subscripts: (
        4 * sum(a.size for a in arrays) if len(arrays) > 1 else 0
    ),
    "linear": lambda y, x, w, b=None: 4 * (x.size + w.size),
    "ternary_linear": lambda y, x, w, **options: 4 * (x.size + w.size),
    "ternary_weights": lambda y, w, **options: 0,
    "causal_conv": lambda y, x, w, **options: 4 * (x.size + w.size),
    "gated_conv": lambda y, x, w, _, **options: 4 * (x.size + 2 * y.size + 2 * w.size),
    "depthwise_conv": lambda y, x, w: 4 * (x.size + w.size),
    "rotary": lambda y, x, heads=1, **_: 4 * x.shape[1] * (x.shape[2] // heads),
    "causal_attention": lambda y, q, k, v, heads=1: (
        12 * q.size + 4 * len(q) * heads * q.shape[1] ** 2
    ),
    "silu_gate": lambda y, g, v: 12 * y.size,
    "sigmoid_gate": lambda y, g, v: 8 * y.size,
    "relu_squared_gate": lambda y, g, v: 8 * y.size,
    "mlgru": lambda y, a, z, b, h0: 4 * (3 * a.size + b.size + h0.size),
    "bit_linear": lambda y, x, w, g, **_: 4 * (x.size + x.size // g.size + g.size + w.size),
    "gated_norm": lambda y, x, h, w, **_: 4 * (2 * x.size + x.size // w.size + w.size),
    "rms_norm": lambda y, x, w, **_: 4 * (x.size // w.size) * (w.size + 1) + 4 * w.size,
    "layer_norm": lambda y, x, w, b, **_: 4 * (x.size // w.size) * (w.size + 1) + 4 * w.size,
    "dropout": lambda y, x, **_: x.size,
    "embedding": lambda y, w, ids: ids.nbytes,
    "cross_entropy": lambda y, z, ids, **_: 4 * len(z) * (z.shape[1] + 1) + ids.nbytes,
    "tied_head": lambda y, h, w, ids, **_: 4 * (h.size + w.size),
}


@every_case
def test_saves_the_bytes_that_its_page_states(case):
    arrays = in_float32(case)
    y, saved = case.operation.forward(*arrays, **case.options)
    assert saved_bytes(saved) == SAVED[case.operation_name](y, *arrays, **case.options)


@every_case
def test_saved_arrays_keep_no_larger_array_alive(case):
    """A saved view would keep the whole array alive."""
    inputs = [*case.arrays, *arrays_in(case.options.get("key"))]
    _, saved = case.operation.forward(*case.arrays, **case.options)
    made = [a for a in arrays_in(saved) if not any(np.may_share_memory(a, x) for x in inputs)]
    owners = {id(owner): owner for owner in (a if a.base is None else a.base for a in made)}
    assert sum(owner.nbytes for owner in owners.values()) == sum(a.nbytes for a in made)


# -- values: against a slow reference implementation ---------------------------------------


def elementwise(function):
    return lambda *arrays, **options: np.vectorize(
        lambda *numbers: function(*map(float, numbers), **options), otypes=[float]
    )(*arrays)


def slow_linear(x, w, b=None):
    y = np.array([[sum(w_o * row) for w_o in w] for row in x.reshape(-1, x.shape[-1])])
    return (y if b is None else y + b).reshape(*x.shape[:-1], len(w))


def slow_ternary(x, w, threshold=1.0, scale="none"):
    return slow_linear(x, slow_ternary_weights(w, threshold, scale))


def slow_ternary_weights(w, threshold=1.0, scale="none"):
    mean = sum(abs(v) for v in w.flat) / w.size
    T = np.zeros(w.shape)
    for index, v in np.ndenumerate(w):
        if abs(v) > threshold * mean:
            T[index] = 1 if v > 0 else -1
    kept = [abs(v) for v, t in zip(w.flat, T.flat, strict=True) if t != 0]
    scales = {"none": 1, "mean": mean, "kept": sum(kept) / max(1, len(kept))}
    return scales[scale] * T


def slow_conv(x, w, groups=1, dilation=1):
    (B, T, _), (O, C, K) = x.shape, w.shape
    y = np.zeros((B, T, O))
    for b, t, o, c, k in np.ndindex(B, T, O, C, K):
        seen = t - (K - 1 - k) * dilation
        if seen >= 0:
            y[b, t, o] += w[o, c, k] * x[b, seen, o // (O // groups) * C + c]
    return y


def slow_rotary(x, heads=1, first=0, base=10000.0):
    """A pair as a complex number, which e^(iθ) turns."""
    y, C = np.zeros(x.shape), x.shape[2] // heads
    for b, t, head, i in np.ndindex(len(x), x.shape[1], heads, C // 2):
        one = head * C + i
        other, theta = one + C // 2, (first + t) / base ** (2 * i / C)
        turned = complex(x[b, t, one], x[b, t, other]) * cmath.exp(1j * theta)
        y[b, t, one], y[b, t, other] = turned.real, turned.imag
    return y


def slow_attention(q, k, v, heads=1):
    """One row of one head after another, over the earlier positions only."""
    y, C = np.zeros(q.shape), q.shape[2] // heads
    for b, t, head in np.ndindex(*q.shape[:2], heads):
        part = slice(head * C, (head + 1) * C)
        seen = range(t + 1)
        e = [math.exp(sum(q[b, t, part] * k[b, u, part]) / math.sqrt(C)) for u in seen]
        y[b, t, part] = sum(e[u] * v[b, u, part] for u in seen) / math.fsum(e)
    return y


def slow_cross_entropy(z, ids, label_smoothing=0.0, z_loss=0.0):
    losses = []
    for row, right in zip(z, ids, strict=True):
        total = math.fsum(math.exp(v) for v in row)
        target = [label_smoothing / len(row)] * len(row)
        target[right] += 1 - label_smoothing
        surprise = [-math.log(math.exp(v) / total) for v in row]
        losses.append(np.dot(target, surprise) + z_loss * math.log(total) ** 2)
    return sum(losses) / len(losses)


def slow_rms_norm(x, w, eps=1e-8):
    rows = [row / math.sqrt(sum(row**2) / len(row) + eps) for row in x.reshape(-1, len(w))]
    return np.reshape([row * w for row in rows], x.shape)


def slow_bit_linear(x, w, g, eps=1e-6):
    m = max(sum(abs(v) for v in w.flat) / w.size, 1e-5)
    Q = np.reshape([m * max(-1, min(1, round(v / m))) for v in w.flat], w.shape)
    rows = slow_rms_norm(x, g, eps).reshape(-1, len(g))
    scales = [127 / max(*map(abs, row), 1e-5) for row in rows]
    q = [[round(v * s) / s for v in row] for row, s in zip(rows, scales, strict=True)]
    return np.reshape([[sum(Q_o * row) for Q_o in Q] for row in q], (*x.shape[:-1], len(w)))


def slow_layer_norm(x, w, b, eps=1e-5):
    rows = [row - math.fsum(row) / len(row) for row in x.reshape(-1, len(w))]
    scaled = [row / math.sqrt(math.fsum(row**2) / len(row) + eps) * w + b for row in rows]
    return np.reshape(scaled, x.shape)


def slow_mlgru(a, z, b, h0):
    y = np.zeros(a.shape)
    for i, t, d in np.ndindex(*a.shape):
        f = b[d] + (1 - b[d]) / (1 + math.exp(-z[i, t, d]))
        candidate = a[i, t, d] / (1 + math.exp(-a[i, t, d]))
        y[i, t, d] = f * (y[i, t - 1, d] if t else h0[i, d]) + (1 - f) * candidate
    return y


def slow_sum(x, axis=None, keepdims=False):
    axes = range(x.ndim) if axis is None else np.atleast_1d(axis) % max(1, x.ndim)
    y = np.zeros([1 if a in axes else n for a, n in enumerate(x.shape)])
    for index in np.ndindex(x.shape):
        y[tuple(0 if a in axes else i for a, i in enumerate(index))] += x[index]
    return y if keepdims else y.squeeze(tuple(axes))


def slow_mean(x, **options):
    y = slow_sum(x, **options)
    return y / (x.size / y.size)


def slow_reduction(function):
    """Each number of y is function([the numbers of x along the axes])."""

    def reduce(x, axis=None, keepdims=False, **options):
        axes = range(x.ndim) if axis is None else np.atleast_1d(axis) % max(1, x.ndim)
        y = np.zeros([1 if a in axes else n for a, n in enumerate(x.shape)])
        for index in np.ndindex(y.shape):
            group = x[tuple(slice(None) if a in axes else i for a, i in enumerate(index))]
            y[index] = function(np.ravel(group).tolist(), **options)
        return y if keepdims or not x.ndim else y.squeeze(tuple(axes))

    return reduce


def slow_variance(numbers, ddof=0):
    mean = math.fsum(numbers) / len(numbers)
    return math.fsum((x - mean) ** 2 for x in numbers) / (len(numbers) - ddof)


sum_of_exponentials = slow_reduction(lambda numbers: math.fsum(map(math.exp, numbers)))


def slow_matmul(a, b):
    if a.ndim == 1:
        return slow_matmul(a[None, :], b)[..., 0, :] if b.ndim > 1 else np.sum(a * b)
    if b.ndim == 1:
        return slow_matmul(a, b[:, None])[..., 0]
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (np.broadcast_to(m, batch + m.shape[-2:]) for m in (a, b))
    y = np.zeros((*batch, a.shape[-2], b.shape[-1]))
    for *batch, n, m in np.ndindex(y.shape):
        y[(*batch, n, m)] = math.fsum(a[(*batch, n)] * b[(*batch, slice(None), m)])
    return y


def slow_gelu(x, approximate="none"):
    if approximate == "tanh":
        return x / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x / 2 * math.erfc(-x / math.sqrt(2))


WITHOUT_DOTS = {  # the subscripts of the cases that have dots or no arrow
    "kj,ki": "kj,ki->ij",
    "...ij,jk->...ik": "yzij,jk->yzik",
    "i...,...i->...": "iyz,zi->yz",
    "...i": "yzi->yzi",
    "...i->i": "yzi->i",
}


def slow_einsum(*arrays, subscripts):
    before, after = WITHOUT_DOTS.get(subscripts, subscripts).split("->")
    terms, sizes = before.split(","), {}
    for term, array in zip(terms, arrays, strict=True):
        for c, size in zip(term, array.shape, strict=True):
            sizes[c] = size if sizes.get(c, 1) == 1 else sizes[c]
    y = np.zeros([sizes[c] for c in after])
    for index in np.ndindex(*sizes.values()):
        at = dict(zip(sizes, index, strict=True))
        y[tuple(at[c] for c in after)] += math.prod(
            a[tuple(at[c] % n for c, n in zip(term, a.shape, strict=True))]
            for term, a in zip(terms, arrays, strict=True)
        )
    return y


def slow_cumulative_sum(x, axis):
    rows = np.moveaxis(x, axis, 0)
    sums = [sum(rows[: t + 1]) for t in range(len(rows))]
    return np.moveaxis(np.reshape(sums, rows.shape), 0, axis)


def slow_transpose(x, axes=None):
    axes = list(range(x.ndim))[::-1] if axes is None else [a % x.ndim for a in axes]
    y = np.zeros([x.shape[a] for a in axes])
    for index in np.ndindex(x.shape):
        y[tuple(index[a] for a in axes)] = x[index]
    return y


REFERENCES = {
    "add": elementwise(lambda a, b: a + b),
    "subtract": elementwise(lambda a, b: a - b),
    "multiply": elementwise(lambda a, b: a * b),
    "divide": elementwise(lambda a, b: a / b),
    "power": elementwise(lambda a, p: a**p),
    "general_power": elementwise(lambda a, b: a**b),
    "exp": elementwise(math.exp),
    "log": elementwise(math.log),
    "sqrt": elementwise(math.sqrt),
    "tanh": elementwise(math.tanh),
    "sigmoid": elementwise(lambda x: 1 / (1 + math.exp(-x))),
    "relu": elementwise(lambda x: max(x, 0)),
    "relu_squared": elementwise(lambda x: max(x, 0) ** 2),
    "gelu": elementwise(slow_gelu),
    "silu": elementwise(lambda x: x / (1 + math.exp(-x))),
    "sum": slow_sum,
    "mean": slow_mean,
    "var": slow_reduction(slow_variance),
    "max": slow_reduction(max),
    "min": slow_reduction(min),
    "softmax": lambda x, axis=-1: np.exp(x) / sum_of_exponentials(x, axis=axis, keepdims=True),
    "log_softmax": lambda x, axis=-1: (
        x - np.log(sum_of_exponentials(x, axis=axis, keepdims=True))
    ),
    "abs": elementwise(abs),
    "clip": elementwise(lambda x, low=-math.inf, high=math.inf: min(max(x, low), high)),
    "maximum": elementwise(max),
    "minimum": elementwise(min),
    "where": elementwise(lambda condition, a, b: a if condition else b),
    "masked_fill": elementwise(lambda x, mask, value: value if mask else x),
    "cumulative_sum": slow_cumulative_sum,
    "reshape": lambda x, shape: np.array(list(x.flat)).reshape(shape),
    "transpose": slow_transpose,
    "concatenate": lambda *arrays, axis=0: np.moveaxis(
        np.array([part for a in arrays for part in np.moveaxis(a, axis, 0)]), 0, axis
    ),
    "stack": lambda *arrays, axis=0: np.moveaxis(np.array(arrays), 0, axis),
    "index": lambda x, key: x[key],
    "select_rows": lambda x, rows: np.array([x[row] for row in rows]).reshape(-1, x.shape[1]),
    "matmul": slow_matmul,
    "einsum": slow_einsum,
    "linear": slow_linear,
    "ternary_linear": slow_ternary,
    "ternary_weights": slow_ternary_weights,
    "causal_conv": slow_conv,
    "gated_conv": lambda x, w_gate, w_value, **options: (
        slow_conv(x, w_value, **options) / (1 + np.exp(-slow_conv(x, w_gate, **options)))
    ),
    "depthwise_conv": lambda x, w: slow_conv(x, w[:, None, :], groups=len(w)),
    "rotary": slow_rotary,
    "causal_attention": slow_attention,
    "silu_gate": elementwise(lambda g, v: g * v / (1 + math.exp(-g))),
    "sigmoid_gate": elementwise(lambda g, v: v / (1 + math.exp(-g))),
    "relu_squared_gate": elementwise(lambda g, v: max(g, 0) ** 2 * v),
    "mlgru": slow_mlgru,
    "bit_linear": slow_bit_linear,
    "gated_norm": lambda x, h, w, eps=1e-6: slow_rms_norm(x, w, eps) * (h / (1 + np.exp(-h))),
    "rms_norm": slow_rms_norm,
    "layer_norm": slow_layer_norm,
    "dropout": lambda x, p, rng: np.reshape(
        [v / (1 - p) if rng.random() >= p else 0.0 for v in x.flat], x.shape
    ),
    "embedding": lambda w, ids: (
        np.array([w[i] for i in ids.flat]).reshape(*ids.shape, -1)
        if ids.size
        else np.zeros((*ids.shape, w.shape[1]))
    ),
    "cross_entropy": slow_cross_entropy,
    "tied_head": lambda h, w, ids, **options: slow_cross_entropy(
        slow_linear(h, w), ids, **options
    ),
}


@every_case
def test_values_equal_the_reference(case):
    y, _ = case.operation.forward(*case.arrays, **case.options)
    expected = REFERENCES[case.operation_name](*case.arrays, **case.options)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-14)


def test_sigmoid_and_cross_entropy_do_not_overflow():
    with np.errstate(all="raise", over="ignore", under="ignore"):
        sigmoid = functional.sigmoid(Tensor([-1e4, 1e4])).data
        loss = functional.cross_entropy(Tensor([[1e4, -1e4]]), np.array([1])).item()
    assert sigmoid.tolist() == [0.0, 1.0]
    assert loss == 2e4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["gelu", "silu", "gelu with tanh"])
def test_gelu_and_silu_do_not_overflow(name, dtype):
    x = Tensor(np.array([-1e4, 0.0, 1e4], dtype), requires_grad=True)
    with np.errstate(all="raise", over="ignore", under="ignore"):
        y = F.gelu(x, approximate="tanh") if "tanh" in name else getattr(F, name)(x)
        y.backward(np.ones(3))
    assert y.data.tolist() == [0.0, 0.0, 1e4]
    assert x.grad.tolist() == [0.0, 0.5, 1.0]


def test_dropout_draws_anew_in_each_call_and_the_same_from_the_same_seed():
    x, rng = Tensor(np.ones((20, 50))), np.random.default_rng(5)
    first, second = F.dropout(x, p=0.25, rng=rng).data, F.dropout(x, p=0.25, rng=rng).data
    again = F.dropout(x, p=0.25, rng=np.random.default_rng(5)).data
    assert (first == again).all()
    assert (first != second).any()
    assert set(first.flat) == {0.0, 1 / 0.75}
    assert abs(first.mean() - 1) < 0.05  # the mean stays; this is three standard errors


def test_dropout_takes_one_number_of_a_generator_and_its_operation_takes_none():
    x, rng, other = np.ones((2, 3)), np.random.default_rng(5), np.random.default_rng(5)
    F.dropout(x, p=0.5, rng=rng)
    other.integers(2**63)
    assert rng.bit_generator.state == other.bit_generator.state
    first, _ = TABLE["dropout"].forward(x, p=0.5, rng=rng)
    again, _ = TABLE["dropout"].forward(x, p=0.5, rng=rng)
    assert (first == again).all()
    assert rng.bit_generator.state == other.bit_generator.state


def test_a_depthwise_convolution_does_not_depend_on_the_future():
    x, w = normal(2, 7, 3), normal(3, 4)
    y = functional.depthwise_conv(x, w).data
    for t in range(7):
        changed = x.copy()
        changed[:, t + 1 :] += normal(2, 6 - t, 3)
        later = functional.depthwise_conv(changed, w).data
        np.testing.assert_array_equal(later[:, : t + 1], y[:, : t + 1])


def test_attention_does_not_depend_on_the_future():
    arrays = [normal(2, 7, 6) for _ in range(3)]
    y = functional.causal_attention(*arrays, heads=3).data
    for t in range(7):
        changed = [array.copy() for array in arrays]
        for array in changed:
            array[:, t + 1 :] += normal(2, 6 - t, 6)
        later = functional.causal_attention(*changed, heads=3).data
        np.testing.assert_array_equal(later[:, : t + 1], y[:, : t + 1])


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 64])
def test_attention_saves_the_blocks_that_it_computes(rows, monkeypatch):
    monkeypatch.setattr(causal_attention_fast, "ROWS", rows)
    q, k, v = (normal(2, 7, 6).astype(np.float32) for _ in range(3))
    _, saved = TABLE["causal_attention"].forward(q, k, v, heads=3)
    scores = causal_attention_fast.computed_scores(7)
    assert saved_bytes(saved) == 12 * q.size + 4 * 2 * 3 * scores
    assert scores == {1: 28, 2: 2 * 2 + 2 * 4 + 2 * 6 + 7, 3: 9 + 18 + 7, 7: 49, 64: 49}[rows]


def test_attention_does_not_overflow():
    x = Tensor(np.full((1, 3, 2), 1e4, np.float32), requires_grad=True)
    with np.errstate(all="raise", under="ignore"):
        y = functional.causal_attention(x, x, x)
        y.backward(np.ones((1, 3, 2)))
    np.testing.assert_allclose(y.data, 1e4, rtol=1e-6)


@pytest.mark.parametrize("first", [0, 1, 1000])
def test_the_scores_of_turned_rows_depend_on_their_distance_only(first):
    q, k = (np.repeat(normal(1, 1, 12), 9, axis=1) for _ in range(2))
    q, k = (functional.rotary(x, heads=2, first=first).data[0] for x in (q, k))
    scores = q @ k.T  # of the same two rows at all positions
    for lag in range(-8, 9):
        diagonal = np.diagonal(scores, lag)
        np.testing.assert_allclose(diagonal, diagonal[0], rtol=1e-9, atol=1e-9)
    assert np.ptp(scores[:, 0]) > 0.1


def test_rotary_positions_are_exact_far_out():
    x = normal(1, 1, 8).astype(np.float32)
    y = functional.rotary(x, first=10**6).data
    expected = slow_rotary(x.astype(float), first=10**6)
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("name", "weights"), [("causal_conv", 1), ("gated_conv", 2)])
def test_a_convolution_does_not_depend_on_the_future(name, weights):
    x, ws = normal(2, 7, 6), [normal(4, 3, 3) for _ in range(weights)]
    options = {"groups": 2, "dilation": 2}
    convolution = getattr(functional, name)
    y = convolution(x, *ws, **options).data
    for t in range(7):
        changed = x.copy()
        changed[:, t + 1 :] += normal(2, 6 - t, 6)
        later = convolution(changed, *ws, **options).data
        np.testing.assert_array_equal(later[:, : t + 1], y[:, : t + 1])


F = functional


def composed_attention(q, k, v, heads=1):
    B, T, D = q.shape
    q, k, v = (F.reshape(x, shape=(B, T, heads, D // heads)) for x in (q, k, v))
    scores = F.einsum("btgc,bugc->bgtu", q, k) / math.sqrt(D // heads)
    later = np.triu(np.ones((T, T), bool), 1)
    p = F.softmax(F.masked_fill(scores, later, value=-math.inf), axis=-1)
    return F.reshape(F.einsum("bgtu,bugc->btgc", p, v), shape=(B, T, D))


def test_the_states_of_mlgru_do_not_depend_on_the_future():
    a, z = normal(2, 9, 3), normal(2, 9, 3)
    y = F.mlgru(a, z).data
    for t in range(9):
        changed = [x + (np.arange(9) > t)[:, None] * normal(2, 9, 3) for x in (a, z)]
        np.testing.assert_array_equal(F.mlgru(*changed).data[:, : t + 1], y[:, : t + 1])


def test_mlgru_goes_on_from_the_last_state_of_an_earlier_part():
    a, z, b = normal(2, 9, 3), normal(2, 9, 3), np.abs(normal(3)) / 9
    whole, h0 = F.mlgru(a, z, b).data, None
    for part in (np.s_[:, :4], np.s_[:, 4:5], np.s_[:, 5:]):
        y = F.mlgru(a[part], z[part], b, h0).data
        np.testing.assert_allclose(y, whole[part], rtol=1e-13)
        h0 = y[:, -1]


def test_mlgru_without_a_bound_and_a_state_has_both_at_0():
    a, z = normal(2, 5, 3), normal(2, 5, 3)
    expected = F.mlgru(a, z, np.zeros(3), np.zeros((2, 3))).data
    np.testing.assert_array_equal(F.mlgru(a, z).data, expected)
    assert F.mlgru(a.astype(np.float32), z.astype(np.float32)).data.dtype == np.float32


def test_the_sums_of_bit_linear_are_exact_and_do_not_depend_on_other_positions():
    x = normal(6, 512).astype(np.float32)
    w, g = normal(3, 512).astype(np.float32), normal(512).astype(np.float32)
    y = F.bit_linear(x, w, g).data
    for n in range(6):
        np.testing.assert_array_equal(F.bit_linear(x[n], w, g).data, y[n])
    (k, s), (t, m) = bit_linear.absmax(F.rms_norm(x, g, eps=1e-6).data), bit_linear.absmean(w)
    assert {*t.flat} == {-1, 0, 1}
    assert np.abs(k).max(axis=1).tolist() == [127] * 6
    np.testing.assert_array_equal(y, s * m * (k.astype(int) @ t.T.astype(int)).astype("f4"))


# -- fused = composed ----------------------------------------------------------------------


def composed_mlgru(a, z, b, h0):
    f = b + (1 - b) * F.sigmoid(z)
    states, h = [], h0
    for t in range(a.shape[1]):
        h = f[:, t] * h + (1 - f[:, t]) * F.silu(a[:, t])
        states.append(h)
    return F.stack(states, axis=1) if states else a * 0 + z * 0 + b * 0 + h0[:, None] * 0


def composed_bit_linear(x, w, g, eps):
    """Straight through is: plus the constant that the rounding adds."""
    a = F.rms_norm(x, g, eps=eps)
    (k, s), (t, m) = bit_linear.absmax(a.data), bit_linear.absmean(w.data)
    return F.linear(a + (s * k - a.data), w + (m * t - w.data))


COMPOSED = {
    "gated_conv": lambda x, w_gate, w_value, **options: F.sigmoid_gate(
        F.causal_conv(x, w_gate, **options), F.causal_conv(x, w_value, **options)
    ),
    "depthwise_conv": lambda x, w: F.causal_conv(
        x, F.reshape(w, shape=(len(w.data), 1, -1)), groups=len(w.data)
    ),
    "causal_attention": composed_attention,
    "silu_gate": lambda g, v: F.silu(g) * v,
    "mlgru": lambda a, z, b, h0: composed_mlgru(a, z, b, h0),
    "gated_norm": lambda x, h, w, eps=1e-6: F.silu_gate(h, F.rms_norm(x, w, eps=eps)),
    "bit_linear": lambda x, w, g, eps=1e-6: composed_bit_linear(x, w, g, eps),
    "sigmoid_gate": lambda g, v: F.sigmoid(g) * v,
    "relu_squared_gate": lambda g, v: F.relu_squared(g) * v,
    "tied_head": lambda h, w, ids, **options: F.cross_entropy(F.linear(h, w), ids, **options),
}
FUSED = [case for name in COMPOSED for case in cases_of(name)]


def value_and_gradients(function, case, dy):
    inputs = [Tensor(a, requires_grad=True) if a.dtype.kind == "f" else a for a in case.arrays]
    y = function(*inputs, **case.options)
    y.backward(dy)
    return [y.data, *(x.grad for x in inputs if isinstance(x, Tensor))]


@pytest.mark.parametrize("case", FUSED, ids=str)
def test_fused_equals_composed(case, small_blocks):
    name = case.operation_name
    dy = normal(*case.operation.forward(*case.arrays, **case.options)[0].shape)
    fused = value_and_gradients(getattr(F, name), case, dy)
    composed = value_and_gradients(COMPOSED[name], case, dy)
    for one, other in zip(fused, composed, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


PLAIN = {
    "causal_attention": (
        causal_attention.causal_attention_forward,
        causal_attention.causal_attention_backward,
    ),
    "causal_conv": (causal_conv.causal_conv_forward, causal_conv.causal_conv_backward),
    "mlgru": (mlgru.mlgru_forward, mlgru.mlgru_backward),
    "tied_head": (tied_head.tied_head_forward, tied_head.tied_head_backward),
}


def with_dtype(arrays, dtype):
    return [a.astype(dtype) if a.dtype.kind == "f" else a for a in arrays]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("case", [c for name in PLAIN for c in cases_of(name)], ids=str)
def test_the_plain_page_equals_the_fast_form_of_the_table(case, dtype, small_blocks):
    arrays = with_dtype(case.arrays, dtype)
    if dtype == np.complex128:  # as in a complex step: a small imaginary part
        arrays = [a + 1e-3j * a.real[::-1] if a.dtype == dtype else a for a in arrays]
    forward, backward = PLAIN[case.operation_name]
    y, saved = forward(*arrays, **case.options)
    fast, fast_saved = case.operation.forward(*arrays, **case.options)
    (dy,) = with_dtype([normal(*y.shape)], dtype)
    found = [y, *backward(dy, saved)]
    expected = [fast, *case.operation.backward(dy, fast_saved)]
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    for one, other in zip(found, expected, strict=True):
        assert one is other is None or one.dtype == other.dtype == dtype
        if one is not None:
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def test_targets_in_uint8_work_with_300_tokens(small_blocks):
    h, w = normal(2, 3), normal(300, 3)
    narrow = Case("tied_head", "", (h, w, np.array([5, 255], np.uint8)))
    wide = Case("tied_head", "", (h, w, np.array([5, 255])))
    for one, other in zip(
        value_and_gradients(F.tied_head, narrow, np.ones(())),
        value_and_gradients(F.tied_head, wide, np.ones(())),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


# -- errors: the fault, its place, and its fix ---------------------------------------------


def zeros(*shape):
    return np.zeros(shape)


one = np.array([1])
NO_BROADCAST = (
    ": a has shape (2, 3) and b has shape (2, 5), which do not broadcast; counted from the "
    "right, each pair of sizes must be equal or hold a 1"
)
MATMUL = "expected (..., N, K) and (..., K, M); each may also be a vector (K,)"
NOT_INTEGERS = "has dtype float64, expected integers; use {0}.astype(np.int64)"


def conv_error(name, w, x, groups, D, O):
    return (
        f"{name} has shape {w} and x {x}; with groups={groups}, the groups must divide "
        f"D={D} and O={O}, and {name.split()[-1]} must have C = D/groups channels"
    )


NOT_LETTERS = (
    "is not a group of letters; write letters a to z or A to Z, at most one ... in a group, "
    "commas between groups, and one ->"
)
EINSUM_ERRORS = [
    (
        *("ij,jk->ik", [(2, 3)], ShapeError),
        "'ij,jk->ik' has 2 groups of letters before the arrow, 1 arrays were given",
    ),
    (
        *("ij->i", [(2, 3, 5)], ShapeError),
        "'ij' in 'ij->i' has 2 letters, expected one for each axis of arrays[0] (2, 3, 5)",
    ),
    (
        *("i,...ijk->i", [(2,), (2, 3)], ShapeError),
        "'...ijk' in 'i,...ijk->i' has 3 letters, expected one for each axis of arrays[1] "
        "(2, 3)",
    ),
    (
        *("ij,jk->ik", [(2, 3), (5, 7)], ShapeError),
        "in 'ij,jk->ik', 'j' has size 3 in arrays[0] and 5 in arrays[1]; expected one size, "
        "or 1",
    ),
    (
        *("...,...", [(1, 3), (2, 5)], ShapeError),
        "in '...,...', an axis of '...' has size 3 in arrays[0] and 5 in arrays[1]; expected "
        "one size, or 1",
    ),
    ("i->ik", [(2,)], ValueError, "'i->ik' has 'k' after the arrow only"),
    (
        *("ii->i", [(3, 3)], ValueError),
        "'ii' in 'ii->i' repeats 'i'; a letter may stand once in a group: take a diagonal with "
        "x[np.arange(n), np.arange(n)]",
    ),
    ("i->j->k", [(3,)], ValueError, f"'j->k' in 'i->j->k' {NOT_LETTERS}"),
    ("i1->i", [(3, 3)], ValueError, f"'i1' in 'i1->i' {NOT_LETTERS}"),
    ("..i->i", [(3, 3)], ValueError, f"'..i' in '..i->i' {NOT_LETTERS}"),
    (
        *(None, [(3,)], TypeError),
        "subscripts is NoneType, expected a text such as 'ij,jk->ik' before the arrays",
    ),
]
ERRORS = [
    *(
        (name, (zeros(2, 3), zeros(2, 5)), {}, ShapeError, name + NO_BROADCAST)
        for name in ("add", "subtract", "multiply", "divide", "general_power")
    ),
    (
        *("power", (zeros(3),), {"p": np.ones(3)}, ShapeError),
        "power: p has shape (3,), expected one number",
    ),
    *(
        (
            *("reshape", (zeros(2, 3),), {"shape": shape}, ShapeError),
            f"reshape: x has shape (2, 3), 6 elements, not fit for {shape}",
        )
        for shape in [(5,), (4, -1), (-1, -1), (0, -1), (-2, 3)]
    ),
    *(
        (
            *("transpose", (zeros(2, 3),), {"axes": axes}, ShapeError),
            f"transpose: axes {axes} must name each axis of x (2, 3) exactly once",
        )
        for axes in [(0,), (0, 0), (0, 3), (0, 1, 2), (0, -2)]
    ),
    *(
        (name, (zeros(2, 3), zeros(2, 5)), {}, ShapeError, name + NO_BROADCAST)
        for name in ("maximum", "minimum")
    ),
    *(
        (
            *("clip", (zeros(3),), {"low": low, "high": high}, ValueError),
            f"clip: low is {low} and high is {high}, expected two numbers, low <= high; leave "
            "out a limit that does not exist",
        )
        for low, high in [(2.0, 1.0), (math.nan, 1.0)]
    ),
    # Options that are no numbers, or impossible ones.
    *(
        (name, arrays, options, TypeError, f"{name}: {text}, expected a number")
        for name, arrays, options, text in [
            ("clip", (zeros(3),), {"low": None}, "low is None"),
            ("clip", (zeros(3),), {"high": [1.0, 2.0]}, "high is a list"),
            ("clip", (zeros(3),), {"low": "a"}, "low is 'a'"),
            ("var", (zeros(3),), {"ddof": "1"}, "ddof is '1'"),
            ("layer_norm", (zeros(3), zeros(3), zeros(3)), {"eps": "a"}, "eps is 'a'"),
            ("rms_norm", (zeros(3), zeros(3)), {"eps": None}, "eps is None"),
            ("dropout", (zeros(3),), {"p": None}, "p is None"),
            ("masked_fill", (zeros(3), zeros(3) > 0), {"value": 1j}, "value is a complex"),
            ("masked_fill", (zeros(3), zeros(3) > 0), {"value": "a"}, "value is 'a'"),
        ]
    ),
    (
        "rms_norm",
        (zeros(3), zeros(3)),
        {"eps": -1.0},
        ValueError,
        "rms_norm: eps is -1.0, expected 0 or more",
    ),
    *(
        (
            name,
            arrays,
            {"threshold": threshold},
            ValueError,
            f"ternarize: threshold is {threshold}, expected {wanted}",
        )
        for name, arrays in [
            ("ternary_weights", (zeros(2, 3),)),
            ("ternary_linear", (zeros(3), zeros(2, 3))),
        ]
        for threshold, wanted in [
            (-1, "0 or more"),
            (math.nan, "0 or more"),
            (math.inf, "a finite number"),
        ]
    ),
    *(
        (
            *("causal_conv", (zeros(1, 2, 3), zeros(3, 3, 1)), {option: value}, TypeError),
            f"causal_conv: {option} is {value!r}, expected a whole number",
        )
        for option, value in [("groups", "a"), ("dilation", 1.0)]
    ),
    *(
        (
            *(name, (*arrays, np.zeros(3, int)), {option: value}, error),
            f"{name}: {option} is {value!r}, expected {wanted}",
        )
        for name, arrays in [
            ("cross_entropy", (zeros(3, 5),)),
            ("tied_head", (zeros(3, 2), zeros(5, 2))),
        ]
        for option, value, error, wanted in [
            ("label_smoothing", "a", TypeError, "a number"),
            ("label_smoothing", 1.5, ValueError, "0 or more and at most 1"),
            ("z_loss", math.nan, ValueError, "0 or more"),
        ]
    ),
    (
        *("reshape", (zeros(2, 3),), {"shape": (2.0, 3)}, ShapeError),
        "reshape: x has shape (2, 3), 6 elements, not fit for (2.0, 3)",
    ),
    (
        *("transpose", (zeros(2, 3),), {"axes": 0}, ShapeError),
        "transpose: axes (0,) must name each axis of x (2, 3) exactly once",
    ),
    (
        *("transpose", (zeros(2, 3),), {"axes": ("a", 1)}, ShapeError),
        "transpose: axes ('a', 1) must name each axis of x (2, 3) exactly once",
    ),
    (
        *("where", (zeros(2, 3) > 0, zeros(2, 5), zeros()), {}, ShapeError),
        "where: condition has shape (2, 3), a has shape (2, 5) and b has shape (), which do "
        "not broadcast; counted from the right, each pair of sizes must be equal or hold a 1",
    ),
    (
        *("where", (zeros(3), zeros(3), zeros(3)), {}, DtypeError),
        "where: condition has dtype float64, expected booleans or integers; compare first, as "
        "in condition > 0",
    ),
    (
        *("masked_fill", (zeros(3), zeros(3)), {"value": 0.0}, DtypeError),
        "masked_fill: mask has dtype float64, expected booleans or integers; compare first, as "
        "in mask > 0",
    ),
    *(
        (
            *("masked_fill", (zeros(3, 1), np.zeros(shape, bool)), {"value": 0.0}, ShapeError),
            f"masked_fill: mask has shape {shape}, which does not broadcast to x (3, 1); "
            "counted from the right, each size of the mask must be x's or 1",
        )
        for shape in [(3, 5), (2, 3, 1), (2, 1), (1, 1, 1)]
    ),
    (
        *("masked_fill", (zeros(3), zeros(3) > 0), {"value": zeros(3)}, ShapeError),
        "masked_fill: value has shape (3,), expected one number; use where(mask, values, x) "
        "for an array",
    ),
    *(
        (
            *(name, (zeros(2, 3),), {"axis": axis}, ShapeError),
            f"{name}: axis is {axis!r} and x has shape (2, 3), expected whole numbers from -2 "
            "to 1",
        )
        for name in ("var", "max", "min", "softmax", "log_softmax")
        for axis in (2, (0, -3), 1.0)
    ),
    (
        *("max", (zeros(),), {"axis": 1}, ShapeError),
        "max: axis is 1 and x has shape (), expected whole numbers from -1 to 0",
    ),
    (
        *("var", (zeros(2, 3),), {"axis": (1, -1)}, ShapeError),
        "var: axis is (1, -1), which names one axis of x twice",
    ),
    *(
        (
            *(name, (zeros(2, 0),), options, ShapeError),
            f"{name}: x has shape (2, 0) and no element along axis 1, so there is nothing to "
            "choose from; reduce over axes with at least one element",
        )
        for name in ("max", "min")
        for options in ({}, {"axis": -1})
    ),
    (
        *("var", (zeros(2, 1),), {"axis": 1, "ddof": 1}, ValueError),
        "var: x has shape (2, 1), which gives n = 1 over axis 1, and ddof is 1; expected n > "
        "ddof, because y is divided by n - ddof",
    ),
    (
        *("var", (zeros(2, 0),), {}, ValueError),
        "var: x has shape (2, 0), which gives n = 0 over axis None, and ddof is 0; expected n "
        "> ddof, because y is divided by n - ddof",
    ),
    *(
        (
            *(name, (np.where(np.eye(2, 3, 1), 0, -np.inf)[:, ::-1],), {"axis": 0}, ValueError),
            f"{name}: x[:, 2] has no entry above -inf, so it has no probabilities; leave at "
            "least one entry of each row unmasked",
        )
        for name in ("softmax", "log_softmax")
    ),
    (
        *("softmax", (zeros(3, 0),), {}, ValueError),
        "softmax: x[0, :] has no entry above -inf, so it has no probabilities; leave at least "
        "one entry of each row unmasked",
    ),
    (
        *("concatenate", (), {}, ShapeError),
        "concatenate: there is no array to join; pass at least one",
    ),
    *(
        (
            *("concatenate", (zeros(2, 3),), {"axis": axis}, ShapeError),
            f"concatenate: axis is {axis} and the first array has 2 axes, expected one whole "
            "number from -2 to 1",
        )
        for axis in (2, None)
    ),
    (
        *("concatenate", (zeros(2, 3), zeros(2, 5)), {}, ShapeError),
        "concatenate: shapes (2, 3), (2, 5) must agree everywhere but on axis 0",
    ),
    (
        *("concatenate", (zeros(2, 3), zeros(2)), {"axis": -1}, ShapeError),
        "concatenate: shapes (2, 3), (2,) must agree everywhere but on axis -1",
    ),
    (
        *("stack", (zeros(2, 3), zeros(2, 5)), {}, ShapeError),
        "stack: the shapes (2, 3) and (2, 5) differ, expected arrays of one shape; "
        "concatenate joins arrays along an axis that they have",
    ),
    ("stack", (), {}, ShapeError, "stack: there is no array to stack; pass at least one"),
    (
        *("stack", (zeros(2, 3), zeros(2, 3)), {"axis": 3}, ShapeError),
        "stack: axis is 3 and the result has 3 axes, expected one whole number from -3 to 2",
    ),
    (
        *("cumulative_sum", (zeros(2, 3),), {"axis": 2}, ShapeError),
        "cumulative_sum: axis is 2 and x has 2 axes, expected one whole number from -2 to 1",
    ),
    (
        *("cumulative_sum", (zeros(2, 3),), {"axis": (0, 1)}, ShapeError),
        "cumulative_sum: axis is (0, 1) and x has 2 axes, expected one whole number from -2 to "
        "1",
    ),
    (
        *("cumulative_sum", (zeros(),), {"axis": 0}, ShapeError),
        "cumulative_sum: axis is 0 and x has 0 axes, expected at least one",
    ),
    (
        *("gelu", (zeros(3),), {"approximate": "erf"}, ValueError),
        "gelu: approximate is 'erf', expected 'none' (the exact form) or 'tanh'",
    ),
    *(
        (
            *("einsum", tuple(zeros(*shape) for shape in shapes)),
            *({"subscripts": subscripts}, error, f"einsum: {text}"),
        )
        for subscripts, shapes, error, text in EINSUM_ERRORS
    ),
    (
        *("index", (zeros(2, 3),), {"key": (0, 3)}, ShapeError),
        "index: x has shape (2, 3), and index 3 is out of bounds for axis 1 with size 3",
    ),
    (
        *("index", (zeros(3),), {"key": [[0], [0, 1]]}, ShapeError),
        "index: x has shape (3,), and setting an array element with a sequence. The requested "
        "array has an inhomogeneous shape after 1 dimensions. The detected shape was (2,) + "
        "inhomogeneous part.",
    ),
    *(
        (
            *("index", (zeros(3, 2),), {"key": key}, DtypeError),
            "index: key has a mask, which would be lost; use key.compressed()",
        )
        for key in (np.ma.masked_array([0, 1], [0, 1]), (np.ma.masked_array([0], [1]), 1))
    ),
    (
        *("select_rows", (zeros(3), one), {}, ShapeError),
        "select_rows: x has shape (3,), expected (N, D)",
    ),
    (
        *("select_rows", (zeros(3, 2), zeros(2, 2)), {}, ShapeError),
        "select_rows: rows has shape (2, 2), expected (M,)",
    ),
    (
        *("select_rows", (zeros(3, 2), zeros(2)), {}, DtypeError),
        "select_rows: rows " + NOT_INTEGERS.format("rows"),
    ),
    (
        *("select_rows", (zeros(3, 2), np.array([0, 3, 7])), {}, ShapeError),
        "select_rows: rows holds 3 at flat index 1, expected 0 to N - 1 = 2",
    ),
    (
        *("matmul", (zeros(2, 3), zeros(2, 3)), {}, ShapeError),
        f"matmul: a has shape (2, 3) and b has shape (2, 3), {MATMUL}",
    ),
    (
        *("matmul", (zeros(2, 3), zeros(2)), {}, ShapeError),
        f"matmul: a has shape (2, 3) and b has shape (2,), {MATMUL}",
    ),
    (
        *("matmul", (zeros(3), zeros(2, 3)), {}, ShapeError),
        f"matmul: a has shape (3,) and b has shape (2, 3), {MATMUL}",
    ),
    (
        *("matmul", (zeros(), zeros(2, 3)), {}, ShapeError),
        f"matmul: a has shape () and b has shape (2, 3), {MATMUL}",
    ),
    (
        *("matmul", (zeros(2, 5, 3), zeros(4, 3, 5)), {}, ShapeError),
        "matmul: the leading axes of a (2, 5, 3) and b (4, 3, 5) do not broadcast",
    ),
    (
        *("linear", (zeros(2, 3), zeros(5, 2)), {}, ShapeError),
        "linear: w has shape (5, 2), expected (O, D) = (any, 3) to match x (2, 3)",
    ),
    (
        *("linear", (zeros(2, 3), zeros(5, 3), zeros(3)), {}, ShapeError),
        "linear: b has shape (3,), expected (O,) = (5,) to match w (5, 3)",
    ),
    (
        *("ternary_linear", (zeros(2, 3), zeros(3, 2)), {}, ShapeError),
        "ternary_linear: w has shape (3, 2), expected (O, D) = (any, 3) to match x (2, 3)",
    ),
    (
        *("ternary_linear", (zeros(2, 3), zeros(2, 3)), {"scale": "max"}, ValueError),
        "ternarize: scale is 'max', expected one of ('none', 'mean', 'kept')",
    ),
    (
        *("causal_conv", (zeros(2, 3), zeros(5, 3, 2)), {}, ShapeError),
        "causal_conv: x has shape (2, 3), expected (B, T, D)",
    ),
    (
        *("causal_conv", (zeros(2, 7, 3), zeros(5, 3)), {}, ShapeError),
        "causal_conv: w has shape (5, 3), expected (O, C, K)",
    ),
    (
        *("causal_conv", (zeros(2, 7, 3), zeros(5, 3, 2)), {"dilation": 0}, ValueError),
        "causal_conv: dilation is 0, expected 1 (no gap) or more",
    ),
    *(
        (
            *("causal_conv", (zeros(2, 7, 6), zeros(*w)), {"groups": groups}, ShapeError),
            conv_error("causal_conv: w", w, (2, 7, 6), groups, 6, w[0]),
        )
        for w, groups in [((5, 3, 2), 1), ((5, 3, 2), 2), ((4, 1, 2), 4), ((4, 6, 2), 0)]
    ),
    (
        *("gated_conv", (zeros(2, 3), zeros(5, 3, 2), zeros(5, 3, 2)), {}, ShapeError),
        "gated_conv: x has shape (2, 3), expected (B, T, D)",
    ),
    (
        *("gated_conv", (zeros(2, 7, 3), zeros(5, 3), zeros(5, 3, 2)), {}, ShapeError),
        "gated_conv: w_gate has shape (5, 3), expected (O, C, K)",
    ),
    (
        *("gated_conv", (zeros(2, 7, 3), zeros(5, 3, 2), zeros(5, 3, 3)), {}, ShapeError),
        "gated_conv: w_value has shape (5, 3, 3), expected (O, C, K) = (5, 3, 2) to match "
        "w_gate",
    ),
    (
        *("gated_conv", (zeros(2, 7, 6), zeros(4, 3, 2), zeros(4, 3, 2)), {}, ShapeError),
        conv_error("gated_conv: w_gate", (4, 3, 2), (2, 7, 6), 1, 6, 4),
    ),
    (
        *("gated_conv", (zeros(1, 2, 3), zeros(3, 3, 1), zeros(3, 3, 1))),
        *({"dilation": -1}, ValueError),
        "gated_conv: dilation is -1, expected 1 (no gap) or more",
    ),
    (
        *("depthwise_conv", (zeros(2, 3), zeros(3, 2)), {}, ShapeError),
        "depthwise_conv: x has shape (2, 3), expected (B, T, D)",
    ),
    (
        *("depthwise_conv", (zeros(2, 7, 3), zeros(2, 3)), {}, ShapeError),
        "depthwise_conv: w has shape (2, 3), expected (D, K) = (3, any) to match x (2, 7, 3)",
    ),
    (
        *("rotary", (zeros(2, 3),), {}, ShapeError),
        "rotary: x has shape (2, 3), expected (B, T, D)",
    ),
    (
        *("rotary", (zeros(2, 3, 6),), {"heads": 2}, ShapeError),
        "rotary: heads is 2 and D is 6, expected a D that heads divides, with an even number "
        "in each head, because numbers turn in pairs",
    ),
    (
        *("rotary", (zeros(2, 3, 6),), {"heads": 1.0}, TypeError),
        "rotary: heads is 1.0, expected a whole number",
    ),
    (
        *("rotary", (zeros(2, 3, 6),), {"first": -1}, ValueError),
        "rotary: first is -1, expected 0 or more",
    ),
    (
        *("rotary", (zeros(2, 3, 6),), {"base": 0.0}, ValueError),
        "rotary: base is 0.0, expected more than 0",
    ),
    (
        *("causal_attention", (zeros(2, 3), zeros(2, 3), zeros(2, 3)), {}, ShapeError),
        "causal_attention: q has shape (2, 3), expected (B, T, D)",
    ),
    (
        *("causal_attention", (zeros(2, 5, 3), zeros(2, 7, 3), zeros(2, 5, 3)), {}, ShapeError),
        "causal_attention: k has shape (2, 7, 3), expected (B, T, D) = (2, 5, 3) to match q "
        "(2, 5, 3)",
    ),
    (
        *("causal_attention", (zeros(2, 5, 3), zeros(2, 5, 3), zeros(2, 5, 1)), {}, ShapeError),
        "causal_attention: v has shape (2, 5, 1), expected (B, T, D) = (2, 5, 3) to match q "
        "(2, 5, 3)",
    ),
    (
        *("causal_attention", (zeros(2, 5, 3),) * 3, {"heads": 2}, ShapeError),
        "causal_attention: heads is 2, which does not divide D = 3",
    ),
    (
        *("causal_attention", (zeros(2, 5, 3),) * 3, {"heads": None}, TypeError),
        "causal_attention: heads is None, expected a whole number",
    ),
    (
        *("silu_gate", (zeros(2, 3), zeros(2, 5)), {}, ShapeError),
        "silu_gate: v has shape (2, 5), expected (n0, n1) = (2, 3) to match g",
    ),
    (
        *("sigmoid_gate", (zeros(2, 3), zeros(2, 5)), {}, ShapeError),
        "sigmoid_gate: v has shape (2, 5), expected (n0, n1) = (2, 3) to match g",
    ),
    (
        *("relu_squared_gate", (zeros(3), zeros(2, 3)), {}, ShapeError),
        "relu_squared_gate: v has shape (2, 3), expected (n0,) = (3,) to match g",
    ),
    *(
        ("mlgru", tuple(zeros(*shape) for shape in shapes), {}, ShapeError, f"mlgru: {text}")
        for *shapes, text in [
            ((2, 3), (2, 3), (3,), (2, 3), "a has shape (2, 3), expected (B, T, D)"),
            (
                *((2, 5, 3), (2, 3, 3), (3,), (2, 3)),
                "z has shape (2, 3, 3), expected (B, T, D) = (2, 5, 3) to match a",
            ),
            (
                *((2, 5, 3), (2, 5, 3), (2, 3), (2, 3)),
                "b has shape (2, 3), expected (D,) = (3,) to match a (2, 5, 3)",
            ),
            (
                *((2, 5, 3), (2, 5, 3), (3,), (3,)),
                "h0 has shape (3,), expected (B, D) = (2, 3) to match a (2, 5, 3)",
            ),
        ]
    ),
    *(
        (name, tuple(zeros(*shape) for shape in shapes), {}, ShapeError, f"{name}: {text}")
        for name, *shapes, text in [
            *(
                (
                    "bit_linear",
                    x,
                    (5, 3),
                    (3,),
                    f"x has shape {x}, expected (..., D) with D > 0",
                )
                for x in [(), (2, 0)]
            ),
            (
                *("bit_linear", (2, 3), (5, 2), (3,)),
                "w has shape (5, 2), expected (O, D) = (any, 3) to match x (2, 3)",
            ),
            (
                *("bit_linear", (2, 3), (5, 3), (5,)),
                "g has shape (5,), expected (D,) = (3,) to match x (2, 3)",
            ),
            (
                *("gated_norm", (2, 3), (2, 5), (3,)),
                "h has shape (2, 5), expected (n0, n1) = (2, 3) to match x",
            ),
            (
                *("gated_norm", (2, 3), (2, 3), (2,)),
                "w has shape (2,), expected (D,) = (3,) to match x (2, 3)",
            ),
        ]
    ),
    *(
        (
            *(name, (zeros(3), other, zeros(3)), {"eps": -1.0}, ValueError),
            f"{name}: eps is -1.0, expected 0 or more",
        )
        for name, other in [("bit_linear", zeros(2, 3)), ("gated_norm", zeros(3))]
    ),
    (
        *("rms_norm", (zeros(4, 512, 256), zeros(683)), {}, ShapeError),
        "rms_norm: w has shape (683,), expected (D,) = (256,) to match x (4, 512, 256)",
    ),
    (
        *("layer_norm", (zeros(4, 512, 256), zeros(683), zeros(256)), {}, ShapeError),
        "layer_norm: w has shape (683,), expected (D,) = (256,) to match x (4, 512, 256)",
    ),
    (
        *("layer_norm", (zeros(2, 3), zeros(3), zeros(1)), {}, ShapeError),
        "layer_norm: b has shape (1,), expected (D,) = (3,) to match x (2, 3)",
    ),
    *(
        (
            *("layer_norm", (zeros(*shape), zeros(0), zeros(0)), {}, ShapeError),
            f"layer_norm: x has shape {shape}, expected (..., D) with D > 0",
        )
        for shape in [(), (2, 0)]
    ),
    (
        *("layer_norm", (zeros(3), zeros(3), zeros(3)), {"eps": -1.0}, ValueError),
        "layer_norm: eps is -1.0, expected 0 or more",
    ),
    *(
        (
            *("dropout", (zeros(3),), {"p": p, "rng": np.random.default_rng(0)}, ValueError),
            f"dropout: p is {p}, expected 0 or more and less than 1",
        )
        for p in (-0.1, 1, math.nan)
    ),
    *(
        (
            *("dropout", (zeros(3),), {"p": 0.5, **rng}, TypeError),
            f"dropout: rng is {rng.get('rng')}, expected a np.random.Generator; make one with "
            "np.random.default_rng(seed) before the first step and pass it to every call",
        )
        for rng in ({}, {"rng": 0})
    ),
    (
        *("embedding", (zeros(3), one), {}, ShapeError),
        "embedding: w has shape (3,), expected (V, D)",
    ),
    (
        *("embedding", (zeros(3, 2), zeros(2)), {}, DtypeError),
        "embedding: ids " + NOT_INTEGERS.format("ids"),
    ),
    (
        *("embedding", (zeros(3, 2), np.array([[0, 2], [-1, 5]])), {}, ShapeError),
        "embedding: ids holds -1 at flat index 2, expected 0 to V - 1 = 2",
    ),
    (
        *("cross_entropy", (zeros(2, 3, 5), one), {}, ShapeError),
        "cross_entropy: z has shape (2, 3, 5), expected (N, V)",
    ),
    (
        *("cross_entropy", (zeros(3, 5), one), {}, ShapeError),
        "cross_entropy: y has shape (1,), expected (N,) = (3,) to match the rows of z",
    ),
    (
        *("cross_entropy", (zeros(3, 5), zeros(3)), {}, DtypeError),
        "cross_entropy: y " + NOT_INTEGERS.format("y"),
    ),
    (
        *("cross_entropy", (zeros(1, 5), 5 * one), {}, ShapeError),
        "cross_entropy: y holds 5 at flat index 0, expected 0 to V - 1 = 4",
    ),
    (
        *("cross_entropy", (zeros(0, 5), one[:0]), {}, ShapeError),
        "cross_entropy: there is no row to average over; score at least one",
    ),
    (
        *("tied_head", (zeros(1, 3, 2), zeros(7, 2), one), {}, ShapeError),
        "tied_head: h has shape (1, 3, 2), expected (N, D)",
    ),
    (
        *("tied_head", (zeros(1, 2), zeros(7, 3), one), {}, ShapeError),
        "tied_head: w has shape (7, 3), expected (V, D) = (any, 2) to match h (1, 2)",
    ),
    (
        *("tied_head", (zeros(2, 2), zeros(7, 2), one), {}, ShapeError),
        "tied_head: y has shape (1,), expected (N,) = (2,) to match the rows of z",
    ),
    (
        *("tied_head", (zeros(1, 2), zeros(7, 2), 7 * one), {}, ShapeError),
        "tied_head: y holds 7 at flat index 0, expected 0 to V - 1 = 6",
    ),
]


@pytest.mark.parametrize(
    ("name", "arrays", "options", "error", "text"), ERRORS, ids=[e[-1][:60] for e in ERRORS]
)
def test_the_text_of_an_error(name, arrays, options, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        TABLE[name].forward(*arrays, **options)


# -- functions of Tensors that are not one operation ---------------------------------------


@pytest.mark.parametrize("name", ["stack", "concatenate"])
def test_a_list_of_tensors_is_the_same_as_its_tensors(name):
    parts = [Tensor(normal(2, 3), requires_grad=True) for _ in range(3)]
    function, expected = getattr(F, name), getattr(F, name)(*parts, axis=1)
    for listed in (parts, tuple(parts)):
        y = function(listed, axis=1)
        np.testing.assert_array_equal(y.data, expected.data)
        assert y.node.parents == tuple(parts)


@pytest.mark.parametrize(
    ("sections", "axis", "sizes"),
    [(3, 1, [2, 2, 2]), (1, -1, [6]), ([1, 4], -1, [1, 3, 2]), ([0, 6, 6], 1, [0, 6, 0, 0])],
)
def test_split_cuts_as_numpy_does_and_its_gradients_are_the_pieces(sections, axis, sizes):
    x = Tensor(normal(2, 6), requires_grad=True)
    parts = F.split(x, sections, axis=axis)
    assert [part.shape for part in parts] == [(2, size) for size in sizes]
    for part, expected in zip(parts, np.split(x.data, sections, axis=axis), strict=True):
        np.testing.assert_array_equal(part.data, expected)
    dy = normal(2, 6)
    (F.concatenate(parts, axis=axis) * dy).sum().backward()
    np.testing.assert_array_equal(x.grad, dy)


def test_split_of_an_array_without_elements():
    assert [part.shape for part in F.split(np.zeros((0, 3)), 2)] == [(0, 3), (0, 3)]


@pytest.mark.parametrize(
    ("shape", "sections", "axis", "text"),
    [
        (
            *((2, 5), 3, 1),
            "split: axis 1 of x (2, 5) cannot be cut into 3 equal parts; pass a number that "
            "divides its size, or a list of the indices to cut at",
        ),
        (
            *((2, 5), [3, 1], -1),
            "split: the indices [3, 1] must be whole numbers that rise from 0 to at most 5, "
            "the size of axis 1 of x (2, 5)",
        ),
        (
            *((2, 5), [0.5], 0),
            "split: the indices [0.5] must be whole numbers that rise from 0 to at most 2, "
            "the size of axis 0 of x (2, 5)",
        ),
        *(
            (
                *((2, 5), sections, 0),
                f"split: the indices {listed} must be whole numbers that rise from 0 to at "
                "most 2, the size of axis 0 of x (2, 5)",
            )
            for sections, listed in [(["a"], "['a']"), (np.array([[1, 2]]), "[[1, 2]]")]
        ),
        (
            *((2, 5), 1, 2),
            "split: axis is 2 and x has 2 axes, expected one whole number from -2 to 1",
        ),
    ],
)
def test_the_text_of_an_error_of_split(shape, sections, axis, text):
    with pytest.raises(ShapeError, match=f"^{re.escape(text)}$"):
        F.split(np.zeros(shape), sections, axis=axis)


def test_a_wrong_kind_of_argument_of_split_and_einsum_is_a_sentence():
    text = (
        "split: sections is 2.0, expected a number of equal parts, or a list of the indices to "
        "cut at"
    )
    with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
        F.split(np.zeros(4), 2.0)
    text = "einsum: subscripts is Tensor, expected a text such as 'ij,jk->ik' before the arrays"
    with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
        F.einsum(Tensor([1.0, 2.0]), "i->")


def test_a_list_of_arrays_is_the_same_as_the_arrays_in_einsum():
    x, y = Tensor(normal(2, 3), requires_grad=True), Tensor(normal(3, 5))
    for listed in ([x, y], (x, y)):
        z = F.einsum("ij,jk->ik", listed)
        np.testing.assert_array_equal(z.data, F.einsum("ij,jk->ik", x, y).data)
        assert z.requires_grad


@pytest.mark.parametrize(
    "function", [F.concatenate, F.stack, lambda arrays: F.einsum("i,i->", arrays)]
)
def test_an_iterator_of_arrays_is_refused(function):
    text = "pass a list of arrays instead of an iterator, as in list(arrays)"
    with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
        function(Tensor(normal(3)) for _ in range(2))


def test_a_tensor_as_a_condition_is_refused_at_once():
    x = Tensor(np.array([1.0, 2.0]), requires_grad=True)
    text = (
        "where: condition has dtype float32, expected booleans or integers; compare first, as "
        "in condition > 0"
    )
    with pytest.raises(DtypeError, match=f"^{text}$"):
        F.where(Tensor([1.0, 0.0]), x, 0.0)


def test_mse_of_a_list_that_is_no_array_is_a_sentence():
    with pytest.raises(
        ShapeError, match=r"^mse: input is no array of numbers: setting an array"
    ):
        F.mse(Tensor([1.0, 2.0]), [[1.0], [2.0, 3.0]])
    assert F.mse(Tensor([1.0, 2.0], requires_grad=True), [1.0, 4.0]).item() == 2


KEYS = {
    "integer": 1,
    "negative": -1,
    "NumPy's integer": np.int64(1),
    "slice": np.s_[1:],
    "backward": np.s_[::-2],
    "several": np.s_[0, ..., None, 1:],
    "nothing": np.s_[2:1],
    "element": np.s_[1, 2, 0],
    "true": True,
    "list": [0, 1, 1],
    "mask": np.array([True, False]),
    "list and slice": np.s_[:, [2, 2, 0]],
}


@pytest.mark.parametrize("name", KEYS)
def test_the_gradient_of_an_index_adds_what_was_taken_more_than_once(name):
    x, key = normal(2, 3, 5), KEYS[name]
    y, saved = TABLE["index"].forward(x, key=key)
    dy, expected = normal(*y.shape), np.zeros(x.shape)
    np.add.at(expected, key, dy)
    np.testing.assert_array_equal(TABLE["index"].backward(dy, saved)[0], expected)
