"""A result of another type is never right, and the message names the type."""

import dataclasses
from collections import namedtuple
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from course_answers import BY_NAME, graded

import minigrad
from minigrad import TABLE
from minigrad.ops import RowGradient

MASKED = (
    "a masked array hides elements, and its sums leave them out. Set these elements to 0 with "
    ".filled(0), which gives a plain array."
)
MATRIX = (
    "* is another product for np.matrix, and a matrix keeps two axes. Use arrays: "
    "np.asarray(a)."
)


class Other(np.ndarray):
    """A subclass in which all numbers are equal."""

    def __sub__(self, other):
        return np.zeros(self.shape)


def read_only(array):
    copy = array.copy()
    copy.flags.writeable = False
    return copy


TYPES = {
    "masked": (
        lambda y: np.ma.masked_array(y, y > 0),
        "rms_norm_forward, result y: expected an array of shape (1, 2), found a MaskedArray of "
        "shape (1, 2)",
        MASKED,
    ),
    "matrix": (
        np.asmatrix,
        "rms_norm_forward, result y: expected an array of shape (1, 2), found a matrix of "
        "shape (1, 2)",
        MATRIX,
    ),
    "subclass": (
        lambda y: y.view(Other),
        "rms_norm_forward, result y: expected an array of shape (1, 2), found an Other of "
        "shape (1, 2)",
        "a subclass of np.ndarray may have other operators. Use a plain array: np.asarray(a).",
    ),
    "list": (
        lambda y: y.tolist(),
        "rms_norm_forward, result y: expected an array of shape (1, 2), found a list",
        "make an array of the list: np.array(y, x.dtype).",
    ),
    "tuple": (
        tuple,
        "rms_norm_forward, result y: expected an array of shape (1, 2), found a tuple",
        "make an array of the tuple: np.array(y, x.dtype).",
    ),
    "tensor": (
        minigrad.Tensor,
        "rms_norm_forward, result y: expected an array of shape (1, 2), found a Tensor",
        "operations take and return arrays; the engine makes Tensors of them. Use .data.",
    ),
    "rows": (
        lambda y: RowGradient(np.array([0]), y, y.shape),
        "rms_norm_forward, result y: expected an array of shape (1, 2), found a RowGradient",
        "only a gradient may be a RowGradient; .dense() makes an array of it.",
    ),
    "objects": (
        lambda y: y.astype(object),
        "rms_norm_forward, result y: expected dtype float64, found dtype object",
        "make arrays with the dtype of an input: np.zeros(shape, x.dtype).",
    ),
    "big-endian": (
        lambda y: y.astype(">f8"),
        "rms_norm_forward, result y: expected dtype float64, found dtype >f8",
        "make arrays with the dtype of an input: np.zeros(shape, x.dtype).",
    ),
    "long double": (
        lambda y: y.astype(np.longdouble),
        f"rms_norm_forward, result y: expected dtype float64, found dtype {np.dtype('g')}",
        "make arrays with the dtype of an input: np.zeros(shape, x.dtype).",
    ),
    "read-only": (
        read_only,
        "rms_norm_forward, result y: a read-only array",
        "the caller may write into a result. Return a copy that can be written to.",
    ),
}

if np.dtype(np.longdouble) == np.float64:  # on Windows, and on a Mac with its own processor
    del TYPES["long double"]


@pytest.mark.parametrize("kind", TYPES)
def test_a_result_that_is_no_plain_array_is_named(kind):
    change, reason, hint = TYPES[kind]

    def rms_norm_forward(x, w, *, eps=1e-8):
        y, saved = TABLE["rms_norm"].forward(x, w, eps=eps)
        return change(y), saved

    result = graded("rms_norm", rms_norm_forward)
    assert (result.state, result.details[0]) == ("wrong", reason)
    assert result.details[-1] == f"Hint: {hint}"


def solution_of(name):
    """The right function of an exercise that has one."""
    (function,) = BY_NAME[name].functions
    return function


def packed(**changes):
    def pack(T, scale, encoding="base-3"):
        result = solution_of("pack")(T, scale, encoding)
        return dataclasses.replace(result, **{k: f(result) for k, f in changes.items()})

    return pack


def another_class(T, scale, encoding="base-3"):
    values = vars(solution_of("pack")(T, scale, encoding))
    return namedtuple("Packed", values)(**values)


FLOAT = "s must be a Python float: return float(s)."


@pytest.mark.parametrize(
    ("change", "found", "hint"),
    [
        (np.float64, "np.float64(1.0)", FLOAT),
        (np.asarray, "an array of shape ()", FLOAT),
        (int, "1", FLOAT),
        (bool, "True", FLOAT),
    ],
)
def test_a_scale_is_a_python_float(change, found, hint):
    def ternarize(w, *, threshold=1.0, scale="none"):
        T, s = solution_of("ternarize")(w, threshold=threshold, scale=scale)
        return T, change(s)

    assert graded("ternarize", ternarize).details == (
        f"ternarize, result s: expected 1.0, found {found}",
        "for w = [[1.0, -0.5]]",
        f"Hint: {hint}",
    )


@pytest.mark.parametrize(
    ("pack", "details"),
    [
        (another_class, ("pack: returns a Packed, expected a PackedTernary",)),
        (
            packed(shape=lambda p: list(p.shape)),
            ("pack, result shape: expected (1, 5), found a list", "tuple(shape)."),
        ),
        (
            packed(shape=lambda p: (np.int64(1), p.shape[1])),
            ("pack, result shape: expected 1, found np.int64(1)",),
        ),
        (
            packed(codes=lambda p: p.codes.astype(int)),
            ("pack, result codes: expected dtype uint8, found dtype int64",),
        ),
    ],
)
def test_a_packed_matrix_has_the_types_of_its_fields(pack, details):
    found = graded("pack", pack=pack).details
    assert found[0] == details[0]
    assert found[-1].endswith(details[-1]) or len(details) == 1


class Shapeless(np.ndarray):
    shape = property(lambda self: self.nothing)


ODD = [
    1.0,
    True,
    10**5000,
    "text" * 1000,
    Fraction(1, 3),
    np.float64("nan"),
    np.ma.masked,
    np.array([None, 1.0], dtype=object),
    np.array(["text"]),
    np.array(["2020"], "M8[Y]"),
    np.zeros(2, [("a", float)]),
    np.broadcast_to(1.0, (10**6, 10**6)),
    RowGradient("text", np.ones(3), 5),
    np.ones(2).view(Shapeless),
    NotImplemented,
    (x for x in ()),
    range(3),
    {"a": 1},
]


@pytest.mark.parametrize("name", ["sum", "linear"])
def test_no_value_stops_the_grader(name):
    """A number in the place of an array has the shape (), and most others have no numbers."""
    for value in ODD:
        for position in (0, 1):
            result = graded(name, **{f"{name}_backward": gradients_with(value, position, name)})
            assert result.state == "wrong"
        result = graded(name, **{f"{name}_forward": partial(forward_with, value, name)})
        assert result.state == "wrong"
        assert len(result.details[0]) < 600


def gradients_with(value, position, name):
    def backward(dy, saved):
        gradients = list(TABLE[name].backward(dy, saved))
        gradients[position % len(gradients)] = value
        return tuple(gradients)

    return backward


def forward_with(value, name, *arrays, **options):
    return value, TABLE[name].forward(*arrays, **options)[1]


def test_a_number_in_place_of_an_array_is_named():
    result = graded("linear", linear_backward=lambda dy, saved: (1.0, None))
    assert result.details[0] == (
        "linear_backward: returns a tuple of 2, expected 3: (dx, dw, db)"
    )
    result = graded("sigmoid", sigmoid_backward=lambda dy, saved: (1.0,))
    assert result.details[0] == (
        "sigmoid_backward, argument x: expected shape (1,), found shape ()"
    )


def test_a_list_is_no_tuple():
    assert graded("multiply", multiply_backward=lambda dy, saved: [*saved]).details == (
        "multiply_backward: returns a list, expected the tuple (da, db)",
        "for a = [1.0, -0.5], b = [0.5, -1.0], dy = [3.0, -2.0]",
        "Hint: round brackets make a tuple: return (da, db).",
    )


def test_a_loss_is_an_array():
    """A Python float, and a number of NumPy's, are none."""

    def graded_as(change):
        def cross_entropy_forward(z, y, *, label_smoothing=0.0, z_loss=0.0):
            options = {"label_smoothing": label_smoothing, "z_loss": z_loss}
            loss, saved = TABLE["cross_entropy"].forward(z, y, **options)
            return change(loss), saved

        return graded("cross_entropy", cross_entropy_forward).details

    assert graded_as(float) == (
        "cross_entropy_forward, result y: expected an array of shape (), found "
        "1.7014132779827524",
        "for z = [[1.0, -0.5]], y = [1]",
        "Hint: y is a Python float. The engine needs an array of shape (): np.asarray(y, "
        "z.dtype).",
    )
    assert graded_as(lambda loss: loss[()])[-1] == (
        "Hint: one number is an array of shape (), too: np.asarray(y)."
    )


def test_a_gradient_has_memory_for_each_element():
    def sum_backward(dy, saved):
        (dx,) = TABLE["sum"].backward(dy, saved)
        return (np.broadcast_to(dx.reshape(-1)[:1], dx.shape),)

    assert graded("sum", sum_backward).details == (
        "sum_backward, argument x: a view whose elements share memory",
        "for x = [1.0, -0.5], dy = 3.0",
        "Hint: np.broadcast_to copies nothing. Make an array of its own with .copy().",
    )


def test_an_update_returns_nothing():
    def adamw_update(p, *arrays, **options):
        solution_of("adamw")(p, *arrays, **options)
        return p

    assert graded("adamw", adamw_update).details == (
        "adamw_update, the value returned after the step: expected None, found an array of "
        "shape (1,)",
        "for p = [1.0], g = [0.5], m = [0.0], v = [0.0], t = 1, lr = 0.5",
        "Hint: the arrays change in place; return nothing.",
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda self: self.data, "accumulate: self.grad is self.data"),
        (lambda self: read_only(self.data), "accumulate, self.grad: a read-only array"),
    ],
)
def test_a_leaf_has_a_buffer_of_its_own(change, reason):
    def accumulate(self, gradient):
        self.grad = change(self)

    assert graded("accumulate", accumulate).details[0] == reason


def test_memory_that_is_never_written_is_not_right_by_accident():
    """np.empty often returns the memory that was freed last, and the right numbers in it."""

    def sigmoid_forward(x):
        y = TABLE["sigmoid"].forward(x)[0]
        del y
        y = np.empty_like(x)
        return y, (y,)

    assert graded("sigmoid", sigmoid_forward).details[0] == (
        "sigmoid_forward, result y, index (0,): expected 0.5, found nan"
    )
