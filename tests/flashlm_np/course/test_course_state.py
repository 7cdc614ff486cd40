"""An answer that keeps values between calls, and not in `saved`, is never right."""

import threading
from types import ModuleType

import numpy as np
import pytest
from course_answers import graded

from minigrad import TABLE

STATE = (
    "Hint: the result depends on an earlier call: on a global variable, a counter, random "
    "numbers, or an array that is returned twice. Compute it from the arguments alone, in new "
    "arrays."
)
NOT_SAVED = (
    "Hint: the gradient depends on another call. A network runs all its forwards before the "
    "first backward. So a forward returns what its own backward needs, as saved, and the "
    "backward reads it from saved, not from a global variable. It returns new arrays."
)
CALLED_TWICE = (
    "Hint: a gradient depends on dy and saved alone: read all that it needs from saved, and "
    "change nothing there. The gradient checker calls twice."
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
            "0.589836, found 0.75",
            NOT_SAVED,
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
            NOT_SAVED,
        ),
    ],
    ids=["last", "stack", "queue"],
)
def test_values_in_a_global_variable_are_found(take, reason, hint):
    details = graded("sigmoid", *keeping([], list.append, take)).details
    assert (details[0], details[-1]) == (reason, hint)


PLACES = {
    "a class": type("Layer", (), {}),
    "a function": lambda: None,
    "a module": ModuleType("settings"),
    "a thread": threading.local(),
}


@pytest.mark.parametrize("name", ["add", "sum", "multiply", "linear", "embedding", "matmul"])
@pytest.mark.parametrize("place", PLACES)
def test_values_kept_in_any_place_are_found(place, name):
    """The page of add saves nothing but shapes, and that of sum its options, too."""
    forward, backward = TABLE[name].forward, TABLE[name].backward

    def keeping_forward(*arrays, **options):
        y, PLACES[place].values = forward(*arrays, **options)
        return y, ()

    def keeping_backward(dy, saved):
        return backward(dy, PLACES[place].values)

    functions = {f"{name}_forward": keeping_forward, f"{name}_backward": keeping_backward}
    details = graded(name, **functions).details
    assert details[0].startswith(f"{name}_backward")
    assert " after another forward" in details[0]
    assert details[-1] == NOT_SAVED


def test_a_list_of_all_calls_is_no_saved():
    """Each call returns the same list, and the last value in it is that of the last call."""
    kept = []

    def sigmoid_forward(x):
        y, _ = forward(x)
        kept.append(y)
        return y, kept

    def sigmoid_backward(dy, saved):
        return backward(dy, (saved[-1],))

    assert graded("sigmoid", sigmoid_forward, sigmoid_backward).details[-1] == NOT_SAVED


def test_a_value_that_is_found_by_the_address_of_saved_is_not_in_it():
    kept = {}

    def sigmoid_forward(x):
        kept[id(x)] = x, *forward(x)  # with x, so that no other array gets its address
        return kept[id(x)][1], x

    def sigmoid_backward(dy, saved):
        return backward(dy, kept[id(saved)][2])

    details = graded("sigmoid", sigmoid_forward, sigmoid_backward).details
    assert details[0].startswith("sigmoid_backward after another forward: KeyError: ")
    assert details[-1] == NOT_SAVED


def test_an_option_kept_in_a_default_value_is_found():
    """A default value is made once, so it lives as long as the function."""

    def cross_entropy_forward(z, y, *, label_smoothing=0.0, z_loss=0.0, kept={}):  # noqa: B006
        kept.update(label_smoothing=label_smoothing, z_loss=z_loss)
        loss, saved = TABLE["cross_entropy"].forward(z, y, **kept)
        return loss, saved[:-2]

    def cross_entropy_backward(dy, saved):
        kept = cross_entropy_forward.__kwdefaults__["kept"]
        return TABLE["cross_entropy"].backward(dy, (*saved, *kept.values()))

    found = graded("cross_entropy", cross_entropy_forward, cross_entropy_backward)
    assert found.details[-1] == NOT_SAVED


def test_a_backward_that_fails_after_another_forward_is_explained():
    """Such an exception has no inputs of its own."""
    shapes = []

    def sigmoid_forward(x):
        shapes[:] = x.shape
        return forward(x)

    def sigmoid_backward(dy, saved):
        return backward(dy.reshape(shapes), saved)

    assert graded("sigmoid", sigmoid_forward, sigmoid_backward).details == (
        "sigmoid_backward after another forward: ValueError: cannot reshape array of size 2 "
        "into shape (1,)",
        NOT_SAVED,
    )


def test_a_variable_of_the_forward_is_none_of_the_backward():
    def multiply_forward(a, b):
        return a * b, ()

    def multiply_backward(dy, saved):
        return dy * b, dy * a  # noqa: F821

    assert graded("multiply", multiply_forward, multiply_backward).details[-1] == (
        "Hint: b is a variable of multiply_forward: return it in saved there, and read it from "
        "saved."
    )


def test_a_second_call_that_fails_is_explained():
    kept = []
    details = graded("sigmoid", *keeping(kept, list.append, lambda kept: kept.pop())).details
    assert details[-1] == CALLED_TWICE
    kept.clear()

    def take(kept):
        value = kept[0]
        kept.clear()
        return value

    assert graded("sigmoid", *keeping(kept, list.append, take)).details == (
        "sigmoid_backward, in a second call with the same dy and saved: IndexError: list index "
        "out of range",
        "for x = [0.0], dy = [3.0]",
        CALLED_TWICE,
    )


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
        "sigmoid_backward, argument x after another forward, index (0,): expected -0.470007, "
        "found 0.589836",
        "for x = [-0.5, 1.0], dy = [-2.0, 3.0]",
        NOT_SAVED,
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
