"""No wrong answer is graded right by accident: types, state between calls, changed modules."""

import builtins
import dataclasses
import random
import warnings
from collections import namedtuple

import numpy as np
import pytest
from course_answers import BY_NAME

import minigrad
from flashlm_np.course import comparing
from flashlm_np.course.grader import grade
from flashlm_np.course.student import Answer
from minigrad import TABLE
from minigrad.ops import RowGradient, activations, elementwise


def graded(name, *functions, **named):
    """Grade functions in place of the package's functions of the same names."""
    functions = {function.__name__: function for function in functions} | named
    exercise = BY_NAME[name]
    return grade(exercise, Answer(exercise.solution | functions))


# -- the type of a result ----------------------------------------------------------------------

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


# -- state between calls -----------------------------------------------------------------------

STATE = (
    "Hint: the result depends on another call: on a global variable, a counter, random "
    "numbers, or an array that is returned twice. Compute it from the arguments alone, in new "
    "arrays. A backward gets all that it needs from saved."
)
CALLED_TWICE = (
    "Hint: a gradient depends on dy and saved alone, and saved must not change: the gradient "
    "checker calls twice."
)
NOT_REPEATABLE = (
    "Hint: a second call with the same inputs gives another y: use no random numbers, no "
    "counter, and no global variable."
)
READ_ONLY = (
    "Hint: inputs, dy and saved are read-only, because other code still needs them. Make a new "
    "array and write into that."
)
forward, backward = TABLE["sigmoid"].forward, TABLE["sigmoid"].backward


def keeping(kept, add, take):
    """A forward and a backward that keep y in a list, and not in saved."""

    def sigmoid_forward(x):
        y, _ = forward(x)
        add(kept, y)
        return y, ()

    def sigmoid_backward(dy, saved):
        return backward(dy, (take(kept),))

    return sigmoid_forward, sigmoid_backward


@pytest.mark.parametrize(
    ("take", "reason", "hint"),
    [
        (
            lambda kept: kept[-1],
            "sigmoid_backward, argument x after another forward, index (0,): expected "
            "0.589836, found 0.705011",
            STATE,
        ),
        (
            lambda kept: kept.pop(),
            "sigmoid_backward, argument x: a second call with the same dy and saved gives "
            "another gradient",
            CALLED_TWICE,
        ),
        (
            lambda kept: kept.pop(0),
            "sigmoid_backward, argument x after another forward: expected shape (1,), found "
            "shape (2,)",
            STATE,
        ),
    ],
    ids=["last", "stack", "queue"],
)
def test_values_in_a_global_variable_are_found(take, reason, hint):
    details = graded("sigmoid", *keeping([], list.append, take)).details
    assert (details[0], details[-1]) == (reason, hint)


def in_one_buffer(function, position):
    """The function, which returns one of its arrays in the same memory each time."""
    buffers = {}

    def changed(*arguments):
        results = list(function(*arguments))
        array = results[position]
        buffer = buffers.setdefault((array.shape, array.dtype), array)
        buffer[...] = array
        results[position] = buffer
        return tuple(results)

    return changed


def test_an_array_that_is_returned_twice_is_found():
    found = graded("sigmoid", sigmoid_forward=in_one_buffer(forward, 0))
    assert found.state == "wrong"
    found = graded("sigmoid", sigmoid_backward=in_one_buffer(backward, 0))
    assert found.details == (
        "sigmoid_backward, argument x after another forward, index (0,): expected 0.589836, "
        "found -0.470007",
        "for x = [1.0, -0.5], dy = [3.0, -2.0]",
        STATE,
    )


def test_results_kept_by_shape_are_found():
    results = {}

    def sigmoid_forward(x):
        return results.setdefault((x.shape, x.dtype), forward(x))

    assert graded("sigmoid", sigmoid_forward).details == (
        "sigmoid_forward, result y after calls with other inputs, index (0,): expected "
        "0.377541, found 0.731059",
        "for x = [-0.5, 1.0]",
        STATE,
    )


@pytest.mark.parametrize("period", [2, 3, 5, 7])
def test_a_counter_is_found(period):
    count = 0

    def sigmoid_forward(x):
        nonlocal count
        count += 1
        y, saved = forward(x)
        return y + (count % period == 0), saved

    result = graded("sigmoid", sigmoid_forward)
    assert result.state == "wrong"
    assert result.details[-1] in (STATE, NOT_REPEATABLE)


def test_random_numbers_are_found():
    rng = np.random.default_rng(0)

    def sigmoid_forward(x):
        y, saved = forward(x)
        return y + rng.random(y.shape), saved

    def sigmoid_backward(dy, saved):
        (dx,) = backward(dy, saved)
        return (dx + rng.random(dx.shape),)

    assert graded("sigmoid", sigmoid_forward).details[-1] == NOT_REPEATABLE
    assert graded("sigmoid", sigmoid_backward).details[-1] == CALLED_TWICE


def changed_and_restored(array):
    array.flags.writeable = True
    array *= 2
    array /= 2
    array.flags.writeable = False


def test_an_array_that_is_changed_and_restored_is_found():
    def sigmoid_forward(x):
        changed_and_restored(x)
        return forward(x)

    def sigmoid_backward(dy, saved):
        changed_and_restored(saved[0])
        return backward(dy, saved)

    assert graded("sigmoid", sigmoid_forward).details == (
        "sigmoid_forward: writes into x",
        "for x = [0.0]",
        READ_ONLY,
    )
    assert graded("sigmoid", sigmoid_backward).details[-1] == READ_ONLY


# -- changes of other code ---------------------------------------------------------------------

OTHERS = "Hint: other code uses it, too. Write a function of your own, with a name of its own."
CHANGED = {
    "numpy.abs": (np, "abs", lambda x: np.zeros(np.shape(x))),
    "numpy.testing.assert_allclose": (np.testing, "assert_allclose", lambda *_: None),
    "builtins.len": (builtins, "len", lambda x: 2),
    "warnings.warn": (warnings, "warn", lambda *_: None),
    "minigrad.ops.elementwise.sum_to_shape": (elementwise, "sum_to_shape", lambda dy, _: dy),
    "minigrad.tensor.Tensor.accumulate": (minigrad.Tensor, "accumulate", lambda *_: None),
    "minigrad.ops.activations.abs": (activations, "abs", lambda x: x),  # hides the builtin
    "flashlm_np.course.comparing.wrong_elements": (
        comparing,
        "wrong_elements",
        lambda expected, *_: np.zeros(expected.shape, bool),
    ),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_change_of_other_code_is_named_and_undone(name):
    owner, attribute, value = CHANGED[name]
    before = getattr(owner, attribute, None)

    def sigmoid_forward(x):
        setattr(owner, attribute, value)
        return x, (x,)

    assert graded("sigmoid", sigmoid_forward).details == (
        f"sigmoid_forward: changes {name}",
        "for x = [0.0]",
        OTHERS,
    )
    assert getattr(owner, attribute, None) is before


def test_a_changed_table_is_named_and_undone():
    right = TABLE["sigmoid"]

    def sigmoid_forward(x):
        TABLE["sigmoid"] = TABLE["exp"]
        return np.exp(x), (x,)

    details = graded("sigmoid", sigmoid_forward).details
    assert details[0] == "sigmoid_forward: changes minigrad.ops.TABLE['sigmoid']"
    assert TABLE["sigmoid"] is right


def test_a_changed_setting_does_not_change_the_explanation():
    def sigmoid_backward(dy, saved):
        np.seterr(all="raise")
        (dx,) = backward(dy, saved)
        return (-dx,)

    assert graded("sigmoid", sigmoid_backward).details[-2:] == (
        "Hint: every element of dx has the wrong sign.",
        "Note: it changes np.seterr; the grader changed that back.",
    )


def test_a_changed_setting_is_noted_and_undone():
    before = np.geterr(), np.random.get_state()[1].tolist(), random.getstate()

    def sigmoid_forward(x):
        np.seterr(invalid="warn")
        np.random.seed(0)
        random.random()
        return forward(x)

    assert graded("sigmoid", sigmoid_forward).details == (
        "It gives the results of the package on 8 inputs, in float64 and float32.",
        "Note: it changes np.seterr and the state of np.random and the state of random; the "
        "grader changed that back.",
    )
    assert (np.geterr(), np.random.get_state()[1].tolist(), random.getstate()) == before
