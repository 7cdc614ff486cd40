"""A Tensor among Python's operators and NumPy's functions: recorded, plain, or refused."""

import math
import operator
import re
import warnings

import numpy as np
import pytest

from minigrad import TABLE, DtypeError, GraphError, Parameter, ShapeError, Tensor
from minigrad import functional as F
from minigrad.arrays import summary
from minigrad.numpy_functions import OURS, WITHOUT_GRADIENT, WRITING

RNG = np.random.default_rng(11)
A, B = RNG.uniform(0.5, 2.0, (3, 2)), RNG.uniform(0.5, 2.0, (3, 2))  # positive, for powers
V, M = RNG.standard_normal(2), RNG.standard_normal((2, 3))
MASK = A > 1


def leaf(array):
    return Tensor(np.array(array, np.float64), requires_grad=True)


def exactly(text):
    return f"^{re.escape(text)}$"


def slopes(function, array, dy, step=1e-6):
    """Return ∂(Σ dy·function(array))/∂array, by a difference for each element."""
    slope = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        unit = np.zeros(array.shape)
        unit[index] = step
        moved = [(dy * function(array + sign * unit)).sum() for sign in (1, -1)]
        slope[index] = (moved[0] - moved[1]) / (2 * step)
    return slope


def assert_recorded(expression, array):
    """Assert that an expression has NumPy's values for a Tensor, and the right gradient."""
    x = leaf(array)
    y, expected = expression(x), expression(array)
    np.testing.assert_allclose(y.data, expected, rtol=1e-12)
    assert y.shape == np.shape(expected)
    dy = RNG.standard_normal(y.shape)
    y.backward(dy)
    np.testing.assert_allclose(x.grad, slopes(expression, array, dy), rtol=1e-6, atol=1e-8)


# -- recorded ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        lambda a: np.add(B, a),
        lambda a: np.subtract(B, a),
        lambda a: np.multiply(a, B),
        lambda a: np.divide(B, a),
        lambda a: np.power(a, 3),
        lambda a: np.power(2, a),
        lambda a: np.negative(a),
        lambda a: np.positive(2 * a),
        lambda a: np.square(a),
        lambda a: np.exp(a),
        lambda a: np.log(a),
        lambda a: np.sqrt(a),
        lambda a: np.tanh(a),
        lambda a: np.abs(-a),
        lambda a: np.maximum(1.0, a),
        lambda a: np.minimum(a, B),
        lambda a: np.clip(a, 0.8, 1.5),
        lambda a: np.clip(a, None, 1.5),
        lambda a: np.clip(a, a_min=0.8, a_max=None),
        lambda a: np.where(MASK, a, 0),
        lambda a: np.where(MASK, B, a),
        lambda a: np.sum(a),
        lambda a: np.sum(a, 1, keepdims=True),
        lambda a: np.mean(a, axis=(0, 1)),
        lambda a: np.max(a, axis=0),
        lambda a: np.amax(a),
        lambda a: np.min(a, 1),
        lambda a: np.amin(a),
        lambda a: np.var(a, axis=0, ddof=1),
        lambda a: np.std(a, keepdims=True),
        lambda a: np.cumsum(a, axis=1),
        lambda a: np.linalg.norm(a),
        lambda a: np.linalg.norm(a, axis=1, keepdims=True),
        lambda a: np.reshape(a, (2, 3)),
        lambda a: np.reshape(a, -1),
        lambda a: np.ravel(a),
        lambda a: np.squeeze(a[:, :1]),
        lambda a: np.squeeze(a[:, :1], axis=1),
        lambda a: np.expand_dims(a, 1),
        lambda a: np.expand_dims(a, (0, -1)),
        lambda a: np.transpose(a),
        lambda a: np.transpose(a, (1, 0)),
        lambda a: np.concatenate([a, B, a]),
        lambda a: np.concatenate((B, a), axis=-1),
        lambda a: np.stack([a, B], axis=1),
        lambda a: np.split(a, 3)[1],
        lambda a: np.split(a, [1], axis=1)[1],
        lambda a: np.matmul(M.T, a.T),
        lambda a: np.dot(a, V),
        lambda a: np.dot(a, M),
        lambda a: np.dot(2.0, a),
        lambda a: np.einsum("nd,dm->m", a, M),
        lambda a: B * a,
        lambda a: M.T @ a.T,
        lambda a: np.float64(2) * a,
        lambda a: np.float64(2) / a,
        lambda a: np.array(2.0) - a,
        lambda a: B**a,
    ],
)
def test_a_function_of_numpy_is_recorded(expression):
    assert_recorded(expression, A)


@pytest.mark.parametrize(
    "expression",
    [
        lambda a: a**B,
        lambda a: a ** np.array(2.0),
        lambda a: a ** [2.0, 3.0],
        lambda a: a**a,
        lambda a: 2**a,
        lambda a: +(2 * a),
        lambda a: abs(a - 1.25),
        lambda a: a @ V,
        lambda a: V @ M @ a,
        lambda a: a[0] @ a[1],
        lambda a: a[0] @ V,
        lambda a: np.ones((4, 2, 3)) @ a[:, 0],
        lambda a: a[:, 0] @ np.ones((4, 3, 2)),
        lambda a: a.sum(axis=0).sum(),
    ],
)
def test_an_operator_is_recorded(expression):
    assert_recorded(expression, A)


def test_lists_are_taken_for_axes_and_for_arrays_to_join():
    x = leaf(A)
    for y in (x.sum(axis=[0, 1]), x.mean(axis=[0, 1]), x.sum(axis=[-1]), np.sum(x, axis=[1])):
        assert y.node is not None
    np.testing.assert_allclose(x.sum(axis=[-1]).data, A.sum(axis=-1))
    np.testing.assert_array_equal(F.concatenate([x, B]).data, F.concatenate(x, B).data)


def test_a_tensor_keeps_its_dtype_under_functions_of_numpy():
    x = Tensor(A.astype(np.float32), requires_grad=True)
    for y in (B * x, B @ x.T, np.where(MASK, x, B), np.float64(2) * x, np.maximum(x, B), x**B):
        assert y.dtype == np.float32


def test_adding_to_a_name_makes_a_new_tensor():
    x = leaf([1.0, 2.0])
    y = x * 1.0
    y += 1.0
    y *= x
    assert x.data.tolist() == [1.0, 2.0]
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 5.0]


def test_the_general_power_at_zero_and_below():
    a, b = leaf([0.0, 0.0, 2.0, -2.0]), leaf([2.0, 0.0, 0.0, 3.0])
    (a**b).backward(np.ones(4))
    np.testing.assert_array_equal(a.grad, [0.0, 0.0, 0.0, 12.0])
    np.testing.assert_array_equal(b.grad, [0.0, 0.0, np.log(2.0), np.nan])


def test_a_power_by_a_number_has_no_gradient_for_the_exponent():
    assert (leaf(2.0) ** np.float64(3.0)).node.operation is TABLE["power"]
    assert (leaf(2.0) ** leaf(3.0)).node.operation is TABLE["general_power"]
    assert F.power(leaf(2.0), 3).node.operation is TABLE["power"]
    assert F.power(2.0, leaf(3.0)).node.operation is TABLE["general_power"]


# -- plain numbers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        lambda a: a == 1,
        lambda a: a == B,
        lambda a: a != [1, 2],
        lambda a: a < 1,
        lambda a: a <= B,
        lambda a: np.float64(1) > a,
        lambda a: B >= a,  # noqa: SIM300
        lambda a: A[0, 0] in a,
        lambda a: 7.0 in a,
        lambda a: np.isnan(a),
        lambda a: np.isclose(a, B),
        lambda a: np.array_equal(a, B),
        lambda a: np.argmax(a, axis=1),
        lambda a: np.argsort(a),
        lambda a: np.shape(a),
        lambda a: np.zeros_like(a),
        lambda a: float(a[0, 0]),
        lambda a: int(a[0, 0] * 4),
        lambda a: bool(a[0, 0]),
        lambda a: f"{a[1, 1]:.3f}",
        lambda a: math.exp(a[0, 0]),
        lambda a: [row[0].item() for row in a],
        lambda a: max(a[:, 0]).item(),
    ],
)
def test_results_without_a_gradient_are_numpys_own(expression):
    found, expected = expression(leaf(A)), expression(A)
    assert type(found) is type(expected)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "expression",
    [
        lambda a: np.asarray(a),
        lambda a: np.array([a, a]),
        lambda a: np.array(a, np.float32),
        lambda a: np.sin(a),
        lambda a: np.median(a, axis=0),
        lambda a: np.add.reduce(a),
        lambda a: np.sum(a, dtype=np.float32),
        lambda a: np.add(a, 1, out=np.ones((3, 2))),
        lambda a: np.vstack([a, B]),
        lambda a: np.outer(a[0], a[1]),
        lambda a: a // 0.3,
        lambda a: 2 // a,
        lambda a: a % 0.3,
        lambda a: 2 % a,
        lambda a: round(a[0, 0], 1),
    ],
)
def test_other_functions_take_the_numbers_where_no_gradient_is_wanted(expression):
    found, expected = expression(Tensor(A)), expression(A)
    assert isinstance(found, (np.ndarray, np.generic))
    assert found.dtype == np.asarray(expected).dtype
    np.testing.assert_array_equal(found, expected)


def test_numpys_test_functions_and_assignments_take_a_constant():
    x, array = Tensor(A), np.zeros((3, 2))
    np.testing.assert_array_equal(x, A)
    array[...] = x
    array += x
    np.testing.assert_array_equal(array, 2 * A)


# -- identity ------------------------------------------------------------------------------


def test_tensors_are_keys_and_members_by_identity():
    x, y = Tensor([1.0]), Tensor([1.0])
    names = {x: "x", y: "y"}
    assert (names[x], names[y], len({x, y, x})) == ("x", "y", 2)
    assert x in [x, y]
    assert (x == None, x != None, x == "x") == (False, True, False)  # noqa: E711


def test_the_comparison_of_two_tensors_is_refused():
    """A list would call equal numbers the same tensor."""
    text = (
        "x == y: both are tensors; use x.data == y.data for their numbers, or `x is y`; "
        "for `x in tensors`, which asks ==, use any(x is t for t in tensors)"
    )
    x, y = leaf([1.0]), leaf([1.0])
    with pytest.raises(TypeError, match=exactly(text)):
        _ = x == y
    with pytest.raises(TypeError, match=exactly(text)):
        _ = x in [y, x]
    with pytest.raises(
        TypeError, match=exactly(text.replace("==", "!=", 2).replace("asks !=", "asks =="))
    ):
        _ = x != y


# -- refused -------------------------------------------------------------------------------

LOST = (
    "NumPy would make an array of a tensor that requires a gradient, and lose the gradient; "
    "use .data for the numbers, or minigrad.functional, such as stack"
)
NUMBERS = " would lose the gradient of a tensor; {} .data for the numbers"
COMPOSE = NUMBERS.format("compose it from minigrad.functional, or use")


def assign(array, key, value):
    array[key] = value


def add_in_place(array, value):
    array += value


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: np.asarray(x), LOST),
        (lambda x: np.array([x, x]), LOST),
        (lambda x: np.array([x[0, 0], 1.0]), LOST),
        (lambda x: np.exp([x, x]), LOST),
        (lambda x: np.testing.assert_allclose(x, A), LOST),
        (lambda x: assign(np.ones((3, 2)), ..., x), LOST),
        (lambda x: Tensor(x), LOST),
        (lambda x: Tensor([x, x]), LOST),
        (lambda x: x * [x, x], LOST),
        (lambda x: np.ma.masked_array(A, MASK) * x, LOST),
        (lambda x: np.sin(x), f"np.sin{COMPOSE}"),
        (lambda x: x // 2, f"np.floor_divide{COMPOSE}"),
        (lambda x: 2 % x, f"np.remainder{COMPOSE}"),
        (lambda x: round(x, 2), f"np.round{COMPOSE}"),
        (lambda x: np.vstack([B, x]), f"np.vstack{COMPOSE}"),
        (lambda x: np.add.reduce(x), f"np.add.reduce{COMPOSE}"),
        (lambda x: np.linalg.norm(x, 2), f"np.linalg.norm{COMPOSE}"),
        (lambda x: np.copyto(np.ones((3, 2)), x), f"np.copyto{COMPOSE}"),
        (
            lambda x: add_in_place(np.ones((3, 2)), x),
            f"np.add with out{NUMBERS.format('use minigrad.functional.add(a, b), or')}",
        ),
        (
            lambda x: np.exp(x, where=MASK),
            f"np.exp with where{NUMBERS.format('use minigrad.functional.exp(x), or')}",
        ),
        (
            lambda x: np.sum(x, dtype=np.float32),
            "np.sum with dtype"
            + NUMBERS.format("use minigrad.functional.sum(x, axis, keepdims), or"),
        ),
        (
            lambda x: np.where(x),
            f"np.where{NUMBERS.format('use minigrad.functional.where(condition, a, b), or')}",
        ),
        (
            lambda x: np.dot(x, np.ones((4, 2, 3))),
            "np.dot: b has three axes or more; use minigrad.functional.einsum",
        ),
        (
            lambda x: np.add(1, 1, out=x),
            f"np.add with out{NUMBERS.format('use minigrad.functional.add(a, b), or')}",
        ),
        (
            lambda x: assign(x, 0, 5.0),
            "x[key] = value: a tensor cannot change, its gradient would not know of it; use "
            "functional.where(mask, value, x), or in a leaf x.data[key] = value",
        ),
        (
            lambda x: len(x.sum()),
            "a tensor of shape () is one number, without rows; use .item()",
        ),
        (
            lambda x: list(x.sum()),
            "a tensor of shape () is one number, without rows; use .item()",
        ),
    ],
)
def test_a_lost_gradient_is_a_sentence(call, text):
    x = leaf(A)
    with pytest.raises(TypeError, match=exactly(text)):
        call(x)
    np.testing.assert_array_equal(x.data, A)


@pytest.mark.parametrize(
    ("name", "call", "advice"),
    [
        ("item", lambda x: x.item(), "with .sum() or .mean(), or use .data"),
        ("float", lambda x: float(x), "with .sum() or .mean(), or use .data"),
        ("int", lambda x: int(x), "with .sum() or .mean(), or use .data"),
        ("format", lambda x: f"{x:.3f}", "with .sum() or .mean(), or use .data"),
        ("bool", lambda x: bool(x), "with .data.any(), or ask `x is not None`"),
    ],
)
def test_several_numbers_are_not_one(name, call, advice):
    text = f"{name}: this tensor has shape (3, 2), expected one number; reduce it {advice}"
    with pytest.raises(ShapeError, match=exactly(text)):
        call(leaf(A))


def test_the_table_holds_functions_of_numpy_only():
    """A name that NumPy does not have would be an entry that is never used."""
    assert all(callable(function) for function in {*OURS, *WITHOUT_GRADIENT, *WRITING})
    assert len({*OURS, *WITHOUT_GRADIENT, *WRITING}) == sum(
        map(len, (OURS, WITHOUT_GRADIENT, WRITING))
    )


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("np.add", lambda x: np.add(1, 1, out=x)),
        ("np.exp", lambda x: np.exp(A, out=x)),
        ("np.sum", lambda x: np.sum(A, axis=0, out=x)),
        ("np.copyto", lambda x: np.copyto(x, 0.0)),
        ("np.fill_diagonal", lambda x: np.fill_diagonal(x, 0.0)),
        ("np.add.at", lambda x: np.add.at(x, 0, 1.0)),
    ],
)
def test_no_function_of_numpy_writes_into_a_tensor(name, call):
    """A node may have saved its array. What writes into .data is the caller's own decision."""
    x = Tensor(A.copy())
    text = f"{name} would write into a tensor; pass its array, .data, to do so"
    with pytest.raises(TypeError, match=exactly(text)):
        call(x)
    np.testing.assert_array_equal(x, A)


# -- unusual arrays ------------------------------------------------------------------------
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    MATRIX = np.matrix([[1.0, 2.0]])


@pytest.mark.parametrize(
    ("data", "dtype", "numbers"),
    [
        (np.array([1.0, 2.0], ">f4"), "float32", [1.0, 2.0]),
        (np.array([1.0, 2.0], ">f8"), "float64", [1.0, 2.0]),
        (np.array([1.0, 2.0], np.float16), "float16", [1.0, 2.0]),
        (MATRIX, "float64", [[1.0, 2.0]]),
        (Tensor(np.array([1.0, 2.0])), "float64", [1.0, 2.0]),
        ([Tensor([1.0]), Tensor([2.0])], "float32", [[1.0], [2.0]]),
        ([True, 2], "float32", [1.0, 2.0]),
        ([1 + 2j], "complex64", [1 + 2j]),
    ],
)
def test_the_data_of_a_tensor_is_converted(data, dtype, numbers):
    x = Tensor(data)
    assert type(x.data) is np.ndarray
    assert x.dtype.isnative
    assert x.dtype == dtype
    assert x.data.tolist() == numbers


MASKED = np.ma.masked_array([0, 1], [False, True])
NO_MASK = (
    " has a mask, which would be lost; use value.filled(0.0), and give the mask to "
    "functional.masked_fill"
)
NO_MASK_OF_IDS = (
    " has a mask, which would be lost; use value.filled(0), and leave out what is masked"
)
RAGGED = (
    " is no array of numbers: setting an array element with a sequence. The requested array "
    "has an inhomogeneous shape after 1 dimensions. The detected shape was (2,) + "
    "inhomogeneous part."
)
STRUCTURED = np.zeros(2, [("a", "f4")])


@pytest.mark.parametrize(
    ("data", "error", "text"),
    [
        ([1.0, None], DtypeError, " has dtype object, expected an array of numbers"),
        (None, DtypeError, " has dtype object, expected an array of numbers"),
        (np.array([1], object), DtypeError, " has dtype object, expected an array of numbers"),
        ("text", DtypeError, " has dtype <U4, expected an array of numbers"),
        (["1", "2"], DtypeError, " has dtype <U1, expected an array of numbers"),
        (STRUCTURED, DtypeError, " has dtype [('a', '<f4')], expected an array of numbers"),
        (MASKED, DtypeError, NO_MASK),
        ([MASKED, MASKED], DtypeError, NO_MASK),
        ([[1], [1, 2]], ShapeError, RAGGED),
    ],
)
def test_data_that_is_no_array_of_numbers_is_refused(data, error, text):
    with pytest.raises(error, match=exactly(f"Tensor: data{text}")):
        Tensor(data)


@pytest.mark.skipif(np.dtype(np.longdouble) == np.float64, reason="no longdouble here")
def test_longdouble_is_refused_as_data_and_converted_as_a_constant():
    with pytest.raises(DtypeError, match="expected float32, float64 or their like; use data"):
        Tensor(np.ones(2, np.longdouble))
    assert (leaf(A) * np.longdouble(2)).dtype == np.float64


CANNOT = "multiply: input 2 has dtype {}, expected numbers that can become float64"


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (None, DtypeError, CANNOT.format("object")),
        ("3", DtypeError, CANNOT.format("<U1")),
        (np.array([1, None]), DtypeError, CANNOT.format("object")),
        (np.array([1, 2], object), DtypeError, CANNOT.format("object")),
        (1j, DtypeError, CANNOT.format("complex128")),
        (np.ones(2, complex), DtypeError, CANNOT.format("complex128")),
        (STRUCTURED, DtypeError, CANNOT.format("[('a', '<f4')]")),
        (MASKED, DtypeError, f"multiply: input 2{NO_MASK}"),
        ([[1], [1, 2]], ShapeError, f"multiply: input 2{RAGGED}"),
    ],
)
def test_a_constant_that_cannot_become_the_tensors_dtype_is_refused(value, error, text):
    with pytest.raises(error, match=exactly(text)):
        leaf(A) * value


@pytest.mark.parametrize(
    "value",
    [
        np.array([2, 3], ">f8"),
        np.array([2, 3], ">i4"),
        np.array([True, False]),
        MATRIX,
        [Tensor(2.0), Tensor(3.0)],
    ],
    ids=["big-endian", "big-endian integers", "booleans", "matrix", "list of constants"],
)
def test_a_constant_is_converted(value):
    y = leaf(A) * value
    assert y.dtype.isnative
    np.testing.assert_array_equal(y.data, A * np.asarray(value, np.float64))


@pytest.mark.parametrize(
    ("ids", "error", "text"),
    [
        (
            *(np.array([0, 1], object), DtypeError),
            "embedding: ids has dtype object, expected integers; use ids.astype(np.int64)",
        ),
        (
            *([0, None], DtypeError),
            "embedding: ids has dtype object, expected integers; use ids.astype(np.int64)",
        ),
        (
            *(np.array([True, False]), DtypeError),
            "embedding: ids has dtype bool, expected integers; use ids.astype(np.int64)",
        ),
        (
            *(["a"], DtypeError),
            "embedding: ids has dtype <U1, expected integers; use ids.astype(np.int64)",
        ),
        (MASKED, DtypeError, f"embedding: input 2{NO_MASK_OF_IDS}"),
        ([[0], [0, 1]], ShapeError, f"embedding: input 2{RAGGED}"),
    ],
)
def test_ids_that_are_no_integers_are_refused(ids, error, text):
    with pytest.raises(error, match=exactly(text)):
        F.embedding(leaf(A), ids)


def test_big_endian_ids_are_converted():
    x = leaf(A)
    y = F.embedding(x, np.array([2, 0, 2], ">i4"))
    np.testing.assert_array_equal(y.data, A[[2, 0, 2]])
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [[1, 1], [0, 0], [2, 2]])
    with pytest.raises(DtypeError, match="ids has dtype float64, expected integers"):
        F.embedding(x, Tensor(np.array([0.0])))


IN_PLACE = {
    "+": operator.iadd,
    "-": operator.isub,
    "*": operator.imul,
    "/": operator.itruediv,
    "**": operator.ipow,
    "@": operator.imatmul,
}


@pytest.mark.parametrize("sign", IN_PLACE)
def test_a_leaf_does_not_change_in_place(sign):
    w, change = Tensor([3.0], requires_grad=True), IN_PLACE[sign]
    text = f"x {sign}= y: a leaf does not change by it, only the name x; write x.data {sign}= "
    with pytest.raises(GraphError, match=re.escape(text)):
        change(w, 0.1 * w)
    frozen = Parameter([3.0])
    frozen.requires_grad = False
    with pytest.raises(GraphError, match=re.escape(text)):
        change(frozen, [1.0])
    assert change(w * 2.0, [2.0]).node is not None  # a new tensor for the old name
    assert change(Tensor([3.0]), [2.0]).node is None


@pytest.mark.parametrize("join", [F.concatenate, F.stack])
def test_the_axis_of_a_list_is_passed_by_name(join):
    x = Tensor([[1.0]], requires_grad=True)
    with pytest.raises(TypeError, match=r"^pass axis by its name: axis=1$"):
        join([x, x], 1)


def test_a_cumulative_sum_of_numpy_without_an_axis():
    x = Tensor([1.0, 2.0, 4.0], requires_grad=True)
    y = np.cumsum(x)
    (y * [1.0, 10.0, 100.0]).sum().backward()
    assert (y.data.tolist(), x.grad.tolist()) == ([1, 3, 7], [111, 110, 100])
    table = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert np.cumsum(table).data.tolist() == [1, 3, 6, 10]
    assert np.cumsum(table, axis=1).data.tolist() == [[1, 3], [3, 7]]


def test_the_text_of_booleans():
    assert summary(np.arange(16) < 6) == "(16,) bool 6 of 16 are true"
    assert summary(np.array([True, False])) == "(2,) bool [ True, False]"


def test_two_precisions_and_a_list_of_ids_are_a_sentence():
    h, w = Tensor(np.ones((2, 3))), Tensor(np.ones((5, 3), np.float32))
    with pytest.raises(DtypeError, match=r"^tied_head: the inputs have dtypes float32 and"):
        F.tied_head(h, w, [0, 1])
