"""Mistakes that end in an exception, or in another number of values, are explained."""

import inspect
import math
from bdb import BdbQuit

import numpy as np
import pytest
from course_answers import BY_NAME, graded, solution

from flashlm_np.course.exercise import Failure
from flashlm_np.course.grader import grade
from flashlm_np.course.source import read
from flashlm_np.course.student import Answer, load
from minigrad import TABLE


def without_keepdims(x, w, *, eps=1e-8):
    r = ((x * x).mean(axis=-1) + eps) ** -0.5
    return x * r * w, (x, w, r)


def with_a_power_of_bits(x, w, *, eps=1e-8):
    return x ^ 2, (x, w)


def with_a_function_of_one_number(x, w, *, eps=1e-8):
    return math.sqrt(x * x), (x, w)


def with_three_sizes(x, w, *, eps=1e-8):
    B, T, D = x.shape
    return x, (B, T, D)


def with_another_name(x, w, *, eps=1e-8):
    mean_square = (x * x).mean(-1, keepdims=True)
    return x / mean_sqare, (mean_square,)  # noqa: F821


def with_another_function(x, w, *, eps=1e-8):
    return np.multipy(x, w), ()


def with_a_counter(x, w, *, eps=1e-8):
    calls += 1  # noqa: F821, F841
    return x, ()


def with_a_condition(x, w, *, eps=1e-8):
    return max(x, w), ()


def raising(error):
    def rms_norm_forward(x, w, *, eps=1e-8):
        raise error

    return rms_norm_forward


TWO_VALUES = "return y, and a tuple of all that the backward needs: return y, (a, b)."
NOBODY_TYPES = "nobody types during a check: leave out input() and breakpoint()."
FORWARDS = {
    "no axis kept": (
        without_keepdims,
        "the shapes are x (2, 3), r (2,), w (3,). A sum or a mean keeps its axis with "
        "keepdims=True.",
    ),
    "a power of bits": (
        with_a_power_of_bits,
        "a power is x ** 2; ^ is an operation on bits.",
    ),
    "one number": (
        with_a_function_of_one_number,
        "this place takes one number, and got an array. NumPy's functions, such as np.sqrt, "
        "take arrays.",
    ),
    "another name": (with_another_name, "did you mean mean_square?"),
    "another function": (with_another_function, "did you mean multiply?"),
    "a counter": (
        with_a_counter,
        "the function assigns to calls, so calls is its own variable, which has no value yet "
        "here.",
    ),
    "a condition": (
        with_a_condition,
        "if, and, or, max and min take one number; np.where, np.maximum and np.minimum take "
        "arrays.",
    ),
    "three sizes": (with_three_sizes, "the shape is x (1, 2)."),
    "a debugger": (raising(BdbQuit()), NOBODY_TYPES),
    "no input": (raising(EOFError()), NOBODY_TYPES),
    "no memory": (
        raising(MemoryError()),
        "the inputs are small: look for a loop, a list or a shape that grows without end.",
    ),
    "no saved": (lambda x, w, *, eps=1e-8: x, TWO_VALUES),
    "three values": (lambda x, w, *, eps=1e-8: (x, x, w), TWO_VALUES),
}


@pytest.mark.parametrize("mistake", FORWARDS)
def test_a_forward_that_fails_is_explained(mistake):
    function, hint = FORWARDS[mistake]
    result = graded("rms_norm", rms_norm_forward=function)
    assert (result.state, result.details[-1]) == ("wrong", f"Hint: {hint}")


def unpacking(dy, saved):
    a, b = saved
    return dy * b, dy * a


def test_saved_of_another_length_is_explained():
    def graded_with(saved):
        result = graded(
            "multiply",
            multiply_forward=lambda a, b: (a * b, saved),
            multiply_backward=unpacking,
        )
        return result.details[-1]

    assert graded_with(()) == "Hint: multiply_forward returned 0 values as saved."
    assert graded_with([1]) == "Hint: multiply_forward returned 1 value as saved."
    assert graded_with(np.ones(3)) == (
        "Hint: multiply_forward returned an array of shape (3,) as saved, and no tuple."
    )

    def cross_entropy_backward(dy, saved):
        _, _ = saved

    answer = BY_NAME["cross_entropy"].solution | {
        "cross_entropy_backward": cross_entropy_backward
    }
    result = grade(BY_NAME["cross_entropy"], Answer(answer, ["cross_entropy_forward"]))
    assert result.details[-1] == (
        "Hint: until you have written cross_entropy_forward, saved is the package's: (z, lse, "
        "y, label_smoothing, z_loss)."
    )


def test_a_saved_matrix_is_explained():
    def multiply_forward(a, b):
        return a * b, (np.asmatrix(a), b)

    def multiply_backward(dy, saved):
        a, b = saved
        return dy * b, dy * a

    assert graded("multiply", multiply_forward, multiply_backward).details[-1] == (
        "Hint: a is an np.matrix, which keeps two axes. Use np.asarray(a)."
    )


def test_options_that_are_all_ignored_are_named():
    def cross_entropy_forward(z, y, *, label_smoothing=0.0, z_loss=0.0):
        return TABLE["cross_entropy"].forward(z, y)

    assert graded("cross_entropy", cross_entropy_forward).details[-1] == (
        "Hint: y is the result for label_smoothing=0.0 and z_loss=0.0: label_smoothing and "
        "z_loss are not used, or not saved."
    )


def test_the_gradient_of_integers_is_called_none():
    assert graded("embedding", embedding_backward=lambda dy, saved: dy).details[0] == (
        "embedding_backward: returns an array, expected the tuple (dw, None)"
    )


def test_a_value_that_is_none_is_named():
    def linear_forward(x, w, b=None):
        y = x @ w.T
        return y + b, (x, w, b)

    def linear_backward(dy, saved):
        x, w, *_ = saved
        return dy @ w, dy.T @ x, dy.sum(axis=0)

    def accumulate(self, gradient):
        self.grad += gradient

    assert graded("linear", linear_forward).details[-1] == "Hint: b is None here."
    assert graded("accumulate", accumulate).details[-1] == "Hint: self.grad is None here."
    assert graded("linear", linear_backward).details[-1] == (
        "Hint: return one gradient per array of the forward, None for integers. This call "
        "leaves out b."
    )


def test_a_row_gradient_is_no_array():
    def accumulate(self, gradient):
        if self.grad is None:
            self.grad = np.zeros_like(self.data)
        self.grad += gradient

    assert graded("accumulate", accumulate).details[-1] == (
        "Hint: one operand is no array of numbers. A RowGradient adds itself to an array: "
        "gradient.add_to(array)."
    )


# -- the file ----------------------------------------------------------------------------------

BLANK = '    raise NotImplementedError("to do")\n'


def test_a_blank_function_below_a_written_one_is_found(tmp_path):
    """Python takes the last, so the written one would be to do for ever."""
    exercise, file = BY_NAME["multiply"], tmp_path / "02_multiply.py"
    text = solution(exercise)
    lines = len(text.splitlines())
    first = 1 + text.splitlines().index("def multiply_forward(a, b):")
    file.write_text(text + f"def multiply_forward(a, b):\n{BLANK}", encoding="utf-8")
    with pytest.raises(Failure) as failure:
        read(exercise, file)
    assert failure.value.reason == (
        f"lines {first} and {lines + 1} define multiply_forward, and Python takes the last, "
        "which is blank"
    )
    future = "from __future__ import annotations\n"
    above = f"{future}def multiply_forward(a, b):\n{BLANK}"
    file.write_text(text.replace(future, above), encoding="utf-8")
    assert read(exercise, file)[1] == []


def test_a_function_that_a_decorator_replaced_is_named(tmp_path):
    file = tmp_path / "07_sigmoid.py"
    decorator = (
        "def timed(function):\n    def measured(*arguments):\n"
        "        return function(*arguments)\n    return measured\n\n\n@timed\ndef sigmoid_f"
    )
    text = solution(BY_NAME["sigmoid"]).replace("def sigmoid_f", decorator)
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Failure) as failure:
        load(BY_NAME["sigmoid"], file)
    assert failure.value.reason == "sigmoid_forward takes (*arguments), expected (x)"
    assert failure.value.hint == (
        "a decorator, or an assignment, has put measured in its place."
    )


def test_a_library_that_changes_another_is_noted(tmp_path, monkeypatch):
    """PyTorch replaces a function of inspect while it is imported."""
    library = tmp_path / "site-packages" / "patching_library.py"
    library.parent.mkdir()
    library.write_text("import inspect\ndef getfile(x):\n    pass\ninspect.getfile = getfile\n")
    monkeypatch.syspath_prepend(library.parent)
    before, file = inspect.getfile, tmp_path / "07_sigmoid.py"
    text = solution(BY_NAME["sigmoid"]) + "import patching_library\n"
    file.write_text(text, encoding="utf-8")
    result = grade(BY_NAME["sigmoid"], load(BY_NAME["sigmoid"], file))
    assert result.details == (
        "It gives the results of the package on 8 inputs, in float64 and float32.",
        "Note: it changes inspect.getfile; the grader changed that back.",
    )
    assert inspect.getfile is before
